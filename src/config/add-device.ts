import { isMap, parseDocument } from "yaml";

/** A device to write into a configuration. */
export interface NewDevice {
  readonly key: string;
  readonly driver: string;
  readonly port: string;
  /** Unit that makes cards, and the system it makes them for; null for a device that makes none. */
  readonly encoder: { readonly unit: string; readonly system: string | undefined } | null;
}

export type AddedDevice =
  | { readonly ok: true; readonly text: string; readonly encoderOf: string | null }
  | { readonly ok: false; readonly message: string };

/**
 * The configuration `text` with one device more, and an encoder on it; comments, order and everything else stay. The
 * outcome is not checked here.
 */
export function addDevice(text: string, { key, driver, port, encoder }: NewDevice): AddedDevice {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined)
    return { ok: false, message: `the file is no YAML: ${error.message.split("\n")[0]}` };
  if (document.contents !== null && !isMap(document.contents))
    return { ok: false, message: "the file does not hold a configuration" };
  if (document.hasIn(["devices", key])) {
    return {
      ok: false,
      message: `there is a device "${key}" already: choose another name, or change it in the file`,
    };
  }
  const systems = document.getIn(["systems"]);
  const names = isMap(systems) ? systems.items.map(({ key: name }) => String(name)) : [];
  const system = encoder?.system ?? (names.length === 1 ? names[0] : undefined);
  document.setIn(["devices", key], document.createNode({ driver, port }, { flow: true }));
  if (encoder === null || system === undefined || document.hasIn(["encoders", key]))
    return { ok: true, text: document.toString({ lineWidth: 0 }), encoderOf: null };
  const node = document.createNode({ system, unit: encoder.unit }, { flow: true });
  document.setIn(["encoders", key], node);
  return { ok: true, text: document.toString({ lineWidth: 0 }), encoderOf: system };
}
