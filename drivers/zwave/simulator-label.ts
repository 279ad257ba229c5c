import { createHash } from "node:crypto";

/** What a label says besides the lock's own key. */
export interface LabelSettings {
  /** Keys that it asks for, a bit each: 1 S2 Unauthenticated, 2 S2 Authenticated, 4 S2 Access Control, 128 S0. */
  readonly keys?: number;
  /** Printed before there was SmartStart: the key alone. */
  readonly isOld?: boolean;
  /** Radios that it has, a bit each: 1 Z-Wave, 2 Z-Wave Long Range; left out where the label does not say. */
  readonly radios?: number;
}

/** Access Control, a door lock, of a maker that nobody knows; and the version of its product. */
const WHAT = "00101638706656022000002000010000200003";

/** The digits of a lock's QR code (SDS13937): checksum, keys that it asks for, its own key, what it is. */
export function qrCodeOf(dsk: Uint8Array, { keys = 4, isOld = false, radios }: LabelSettings): string {
  const groups = Array.from({ length: 8 }, (_, group) => digits(Buffer.from(dsk).readUInt16BE(group * 2), 5));
  const spoken = radios === undefined ? "" : `0803${digits(radios, 3)}`;
  const rest = `${digits(keys, 3)}${groups.join("")}${WHAT}${spoken}`;
  const checksum = createHash("sha1").update(rest).digest().readUInt16BE(0);
  return `90${isOld ? "00" : "01"}${digits(checksum, 5)}${rest}`;
}

const digits = (number: number, length: number): string => String(number).padStart(length, "0");
