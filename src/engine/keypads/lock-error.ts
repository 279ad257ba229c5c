import { DriverError } from "#driver-api";

/** What the driver says; anything else is a bug and ends the process. */
export function isLock(error: unknown): error is DriverError {
  return error instanceof DriverError;
}

/** What a lock does not answer is looked at again another time. */
export function lockFailed(error: unknown): undefined {
  if (!isLock(error)) throw error;
}

/** Was the lock asked at all? Where it was not, nothing was tried. */
export function wasAsked({ code, effect }: DriverError): boolean {
  return effect === "unknown" || !["device.lost", "device.busy", "call.cancelled"].includes(code);
}

/** The message without the code at its end, which a person needs not. */
export function sentenceOf({ message, code }: DriverError): string {
  return message.replace(` [${code}]`, "");
}
