import { DriverError, type DriverErrorCode, type Effect } from "#driver-api";

/** Codes of the library's errors (`ZWaveErrorCodes`), and what they mean for the caller. */
const MEANING: readonly { readonly from: number; readonly to: number; readonly is: DriverErrorCode }[] = [
  /** The library has given the stick up, or cannot reach it. Whose line is gone is told before it comes to this. */
  { from: 100, to: 112, is: "device.silent" },
  { from: 200, to: 200, is: "device.silent" },
  { from: 202, to: 202, is: "device.silent" },
  { from: 206, to: 206, is: "device.silent" },
  /** The lock: no answer, no acknowledgement. */
  { from: 201, to: 201, is: "unit.silent" },
  { from: 204, to: 204, is: "unit.silent" },
  { from: 215, to: 215, is: "unit.silent" },
  { from: 205, to: 205, is: "device.busy" },
  { from: 1400, to: 1401, is: "unit.silent" },
];

/** Refused before anything was sent: arguments that the lock cannot take, commands that it does not know. */
const NOT_SENT = new Set([302, 303, 304, 322]);

const WORDS: Partial<Record<DriverErrorCode, string>> = {
  "device.silent": "the Z-Wave stick does not answer",
  "unit.silent": "the lock does not answer",
  "device.busy": "the radio channel is busy",
};

/**
 * Whatever the library throws, as our error. Its messages are left out, and so is the error itself: they may name
 * what was sent.
 */
export function driverError(error: unknown, effect: Effect, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const number = codeOf(error);
  if (number !== null && NOT_SENT.has(number))
    return new DriverError("device.refused", "none", `${what}: the lock does not know such a command`);
  const code = MEANING.find(({ from, to }) => number !== null && number >= from && number <= to)?.is;
  if (code === undefined)
    return new DriverError("device.refused", effect, `${what}: it failed (ZW${pad(number)})`);
  return new DriverError(code, effect, `${what}: ${WORDS[code] ?? "it failed"} (ZW${pad(number)})`);
}

function codeOf(error: unknown): number | null {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return typeof code === "number" ? code : null;
}

const pad = (code: number | null): string => String(code ?? 0).padStart(4, "0");
