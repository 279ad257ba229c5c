/**
 * A fault of the caller, as plain data in Seam's terms. The rules answer with it; the API turns it into an error
 * answer. `message` is for a developer and holds no secret.
 */
export interface Fault {
  readonly status: 400 | 404 | 409;
  /** Seam's error type, e.g. `invalid_input`, `acs_user_not_found`. */
  readonly type: string;
  readonly message: string;
  /** The parameter at fault. */
  readonly parameter: string | undefined;
}

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

export function accepted<T>(value: T): Checked<T> {
  return { ok: true, value };
}

export function refused(fault: Fault): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault };
}

/** A parameter that cannot be as it was sent. */
export function invalidInput(parameter: string, message: string): Fault {
  return { status: 400, type: "invalid_input", message, parameter };
}

/** A rule that the request as a whole breaks; `type` tells which. */
export function ruleBroken(type: string, message: string): Fault {
  return { status: 400, type, message, parameter: undefined };
}

/** `resource` is Seam's word, e.g. `acs_credential`. */
export function notFound(resource: string, id: string): Fault {
  return {
    status: 404,
    type: `${resource}_not_found`,
    message: `There is no ${resource} ${id}.`,
    parameter: undefined,
  };
}
