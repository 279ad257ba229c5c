import { type Document, isMap, parseDocument } from "yaml";

/** A device to write into a configuration. */
export interface NewDevice {
  readonly key: string;
  readonly driver: string;
  readonly port: string;
  /** Unit that makes cards, and the system it makes them for; null for a device that makes none. */
  readonly encoder: { readonly unit: string; readonly system: string | undefined } | null;
}

export type AddedDevice = Changed<{ readonly text: string; readonly encoderOf: string | null }>;

/** A text, or why there is none. */
type Changed<T> = (T & { readonly ok: true }) | { readonly ok: false; readonly message: string };

/**
 * The configuration `text` with one device more, and an encoder on it; comments, order and everything else stay. The
 * outcome is not checked here.
 */
export function addDevice(text: string, { key, driver, port, encoder }: NewDevice): AddedDevice {
  const read = documentOf(text);
  if (!read.ok) return read;
  const { document } = read;
  if (document.hasIn(["devices", key])) return { ok: false, message: alreadyThere(key) };
  const systems = document.getIn(["systems"]);
  const names = isMap(systems) ? systems.items.map(({ key: name }) => String(name)) : [];
  const system = encoder?.system ?? (names.length === 1 ? names[0] : undefined);
  document.setIn(["devices", key], document.createNode({ driver, port }, { flow: true }));
  if (encoder === null || system === undefined || document.hasIn(["encoders", key]))
    return { ok: true, text: textOf(document), encoderOf: null };
  const node = document.createNode({ system, unit: encoder.unit }, { flow: true });
  document.setIn(["encoders", key], node);
  return { ok: true, text: textOf(document), encoderOf: system };
}

/** The configuration `text` with other ports for devices that it has, by their keys. */
export function moveDevices(
  text: string,
  ports: Readonly<Record<string, string>>,
): Changed<{ readonly text: string }> {
  const read = documentOf(text);
  if (!read.ok) return read;
  const { document } = read;
  for (const [key, port] of Object.entries(ports)) {
    if (!document.hasIn(["devices", key])) return { ok: false, message: notThere(key) };
    document.setIn(["devices", key, "port"], port);
  }
  return { ok: true, text: textOf(document) };
}

/** Why no device `key` can be added to the configuration `text`; null: it can. */
export function addProblem(text: string, key: string): string | null {
  const read = documentOf(text);
  if (!read.ok) return read.message;
  return read.document.hasIn(["devices", key]) ? alreadyThere(key) : null;
}

/** Why a device `key` of the configuration `text` can get no other port; null: it can. */
export function moveProblem(text: string, key: string): string | null {
  const read = documentOf(text);
  if (!read.ok) return read.message;
  return read.document.hasIn(["devices", key]) ? null : notThere(key);
}

function documentOf(text: string): Changed<{ readonly document: Document }> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined)
    return { ok: false, message: `the file is no YAML: ${error.message.split("\n")[0]}` };
  if (document.contents !== null && !isMap(document.contents))
    return { ok: false, message: "the file does not hold a configuration" };
  return { ok: true, document };
}

function alreadyThere(key: string): string {
  return (
    `there is a device "${key}" already: choose another name, or give it another port with ` +
    `lockbridge devices move ${key}`
  );
}

function notThere(key: string): string {
  return `there is no device "${key}": add it with lockbridge devices add ${key}`;
}

function textOf(document: Document): string {
  return document.toString({ lineWidth: 0 });
}
