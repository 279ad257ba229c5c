import type { Checked, Fault } from "#src/domain/seam/fault";
import { notFound } from "#src/domain/seam/fault";
import { SeamError } from "./model.js";

/** What the rules of the domain refuse, as the error that the envelope carries. */
export function seamErrorOf({ status, type, message, parameter }: Fault): SeamError {
  return new SeamError(status, type, message, undefined, parameter);
}

/** The value that passed the rules; throws `SeamError` when it did not. */
export function valueOf<T>(checked: Checked<T>): T {
  if (!checked.ok) throw seamErrorOf(checked.fault);
  return checked.value;
}

/** `resource` is Seam's word, e.g. `acs_credential`. */
export function missing(resource: string, id: string): SeamError {
  return seamErrorOf(notFound(resource, id));
}
