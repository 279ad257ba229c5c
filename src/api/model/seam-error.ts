import type { Json } from "#src/lib/json";

/** A fault of the caller, in Seam's terms. `message` is for a developer and holds no secret. */
export class SeamError extends Error {
  override readonly name = "SeamError";
  readonly status: number;
  readonly type: string;
  readonly data: Json | undefined;
  /** The parameter at fault: the answer then carries `validation_errors` for it. */
  readonly parameter: string | undefined;

  constructor(status: number, type: string, message: string, data?: Json, parameter?: string) {
    super(message);
    this.status = status;
    this.type = type;
    this.data = data;
    this.parameter = parameter;
  }
}

/** What Seam has and this kind of server has not. `what` begins the sentence. */
export function notSupported(what: string): SeamError {
  return new SeamError(400, "not_supported_by_gateway", `${what} not supported by this gateway.`);
}
