import { notSupported } from "./seam-error.js";

/** A part of the model that this server does not have: every call of it is refused with a typed error. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names the part that is absent
export function absentPart<Part extends object>(what: string): Part {
  const refuse = (): never => {
    throw notSupported(what);
  };
  const part: unknown = new Proxy(refuse, { get: () => part });
  return part as Part;
}
