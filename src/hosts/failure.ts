import { z } from "zod";
import { DRIVER_ERRORS, DriverError, type DriverErrorCode } from "#driver-api";

/**
 * What a call in the other process failed with. Of an error that nobody meant to throw only its name crosses: its text
 * may hold anything.
 */
export const failureSchema = z.discriminatedUnion("is", [
  z.object({
    is: z.literal("driver"),
    code: z.enum(Object.keys(DRIVER_ERRORS) as [DriverErrorCode, ...DriverErrorCode[]]),
    effect: z.enum(["none", "unknown"]),
    message: z.string(),
  }),
  z.object({
    is: z.literal("port"),
    code: z.enum(["port.missing", "port.held", "port.refused", "port.ambiguous"]),
    message: z.string(),
  }),
  z.object({ is: z.literal("other"), name: z.string() }),
]);
export type Failure = z.infer<typeof failureSchema>;

export function failureOf(error: unknown): Failure {
  if (error instanceof DriverError) {
    const { code, effect } = error;
    return { is: "driver", code, effect, message: error.message.replace(` [${code}]`, "") };
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const port = failureSchema.safeParse({
    is: "port",
    code,
    message: error instanceof Error ? error.message : "",
  });
  if (port.success) return port.data;
  return { is: "other", name: error instanceof Error ? error.name : typeof error };
}

/** A port that could not be opened, as `transports/` says it. */
export class HostedPortError extends Error {
  override readonly name = "PortError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function errorOf(failure: Failure): Error {
  switch (failure.is) {
    case "driver":
      return new DriverError(failure.code, failure.effect, failure.message);
    case "port":
      return new HostedPortError(failure.code, failure.message);
    case "other":
      return new Error(`the driver failed with ${failure.name}`);
  }
}
