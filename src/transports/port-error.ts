/** Why a port could not be opened. Each asks for something else from the person who reads it. */
export type PortErrorCode = "port.missing" | "port.held" | "port.refused" | "port.ambiguous";

/** Every opener of `transports/` rejects with this and nothing else. */
export class PortError extends Error {
  override readonly name = "PortError";
  readonly code: PortErrorCode;

  constructor(code: PortErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
