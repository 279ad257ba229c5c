import { DriverError } from "#driver-api";
import type { DeviceProblemCode } from "#src/engine/devices-port";
import { DeadlineExceeded } from "#src/lib/deadline";
import type { LineProblem } from "./lines.js";

/** What a person is told of a device that cannot be used. */
export function problemOf(error: unknown): { readonly code: DeviceProblemCode; readonly message: string } {
  if (error instanceof DriverError) {
    // Here the code stands beside the message, so it need not end it.
    return { code: error.code, message: error.message.replace(` [${error.code}]`, "") };
  }
  if (error instanceof DeadlineExceeded)
    return { code: "device.silent", message: "the device did not answer" };
  if (isLineProblem(error)) return { code: error.code, message: error.message };
  return { code: "device.lost", message: error instanceof Error ? error.message : "unknown failure" };
}

function isLineProblem(error: unknown): error is LineProblem {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("port.")
  );
}
