import * as second from "@seamapi/http";
import * as first from "seam";

/** Seam's official SDK in both generations, behind the calls that they have in common. */
export type Client = InstanceType<typeof second.SeamHttp>;
export interface Connection {
  readonly endpoint: string;
  readonly apiKey: string;
}
export type ErrorClass = abstract new (...parameters: never) => Error;

export interface Sdk {
  readonly name: string;
  connect(options: Connection): Client;
  readonly errors: {
    readonly api: ErrorClass;
    readonly invalidInput: ErrorClass;
    readonly unauthorized: ErrorClass;
    readonly attemptFailed: ErrorClass;
  };
}

export const SDKS: readonly Sdk[] = [
  {
    name: "seam@1.160.0",
    // Both generations have the same calls under the same names; the later one's types serve for both.
    connect: (options) => new first.Seam(options) as unknown as Client,
    errors: {
      api: first.SeamHttpApiError,
      invalidInput: first.SeamHttpInvalidInputError,
      unauthorized: first.SeamHttpUnauthorizedError,
      attemptFailed: first.SeamActionAttemptFailedError,
    },
  },
  {
    name: "@seamapi/http@2.32.0",
    connect: (options) => new second.SeamHttp(options),
    errors: {
      api: second.SeamHttpApiError,
      invalidInput: second.SeamHttpInvalidInputError,
      unauthorized: second.SeamHttpUnauthorizedError,
      attemptFailed: second.SeamActionAttemptFailedError,
    },
  },
];

/** A person needs longer than the SDK's own ten seconds to present a card. */
export const FOR_A_PERSON = { timeout: 150_000, pollingInterval: 100 };
/** What a far side learns a moment later is polled for. */
export const SOON = { timeout: 15_000, interval: 100 };
export const DAY_MS = 86_400_000;
export const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The `code` of the SDK's own error class that the call fails with; whatever else came otherwise. */
export async function codeOf(expected: ErrorClass, call: PromiseLike<unknown>): Promise<unknown> {
  const error: unknown = await Promise.resolve(call).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof expected && "code" in error ? error.code : error;
}

export async function errorOf(expected: ErrorClass, call: PromiseLike<unknown>): Promise<Error> {
  const error: unknown = await Promise.resolve(call).then(
    () => new Error("it went well"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof expected)) throw new Error(`not a ${expected.name}: ${String(error)}`);
  return error;
}
