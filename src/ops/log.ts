import { pino } from "pino";
import type { Log } from "#src/lib/log";

/** JSON lines on stdout. Secrets are `Secret` objects and print as a mask; `redact` is a second net for careless field names. */
export function createLog(level: string, destination?: { write(line: string): void }): Log {
  const options = {
    level,
    base: null,
    redact: {
      paths: ["code", "pin", "token", "key", "*.code", "*.pin", "*.token", "*.key"],
      censor: "[secret]",
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
