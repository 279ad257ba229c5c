/**
 * How a configuration names a USB HID device: `hid:0801:0003`, and after it, each at most once, what tells it from its
 * like: `/serial:ABC`, `/interface:0`, `/at:1-1.4` (the USB socket). Never a device node: its number changes at every
 * plugging.
 */
export interface HidAddress {
  /** Four lower-case hex digits each. */
  readonly vendorId: string;
  readonly productId: string;
  /** The device's own serial number. */
  readonly serial?: string;
  /** Number of the interface, of a device that has several. */
  readonly interface?: number;
  /** The USB socket as Linux names it: bus, then the ports of the hubs on the way. */
  readonly at?: string;
}

export const HID_ADDRESS_FORM = "hid:VENDOR:PRODUCT, like hid:0801:0003 or hid:0801:0003/at:1-1.4";

const BEGINNING = /^hid:([0-9a-f]{4}):([0-9a-f]{4})(?:\/(.*))?$/i;
const PARTS = {
  serial: /^[^/]{1,128}$/,
  interface: /^\d{1,2}$/,
  at: /^\d{1,3}-\d{1,3}(\.\d{1,3}){0,6}$/,
} as const;

/** Null when `text` is no such address. */
export function parseHidAddress(text: string): HidAddress | null {
  const [, vendorId, productId, rest] = BEGINNING.exec(text) ?? [];
  if (vendorId === undefined || productId === undefined) return null;
  const found = new Map<string, string>();
  for (const part of rest === undefined ? [] : rest.split("/")) {
    const [name = "", ...value] = part.split(":");
    const form = Object.hasOwn(PARTS, name) ? PARTS[name as keyof typeof PARTS] : undefined;
    if (form === undefined || found.has(name) || !form.test(value.join(":"))) return null;
    found.set(name, value.join(":"));
  }
  const [serial, number, at] = [found.get("serial"), found.get("interface"), found.get("at")];
  return {
    vendorId: vendorId.toLowerCase(),
    productId: productId.toLowerCase(),
    ...(serial !== undefined && { serial }),
    ...(number !== undefined && { interface: Number(number) }),
    ...(at !== undefined && { at }),
  };
}
