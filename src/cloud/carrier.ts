import type { Secret } from "#src/lib/secret";
import type { CarrierProblem, LinkProblem, ProblemCode } from "./sync-state.js";
import type { GatewayMessage } from "./wire.js";

/** What a carrier reports. After `down` nothing more comes until the next `open`. */
export interface CarrierSink {
  /** Connected. Comes again when the connection is another one from now on: the session is to begin anew. */
  up(): void;
  /** One body, as it came. */
  received(bytes: Uint8Array): void;
  down(problem: CarrierProblem): void;
}

/** What a carrier needs beside the system's own authorities; PEM texts. An empty one is good for most clouds. */
export interface CarrierTls {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** The gateway's own; goes together with its key. */
  readonly certificate?: string | undefined;
  readonly key?: Secret<string> | undefined;
}

/** Moves bodies between gateway and cloud and knows nothing of what they say. */
export interface Carrier {
  readonly name: string;
  /** Is the way encrypted, so that the cloud's clock may be believed? */
  readonly isEncrypted: boolean;
  /** `boot` rises with every start of the link. */
  open(sink: CarrierSink, boot: number): void;
  send(session: string | null, messages: readonly GatewayMessage[]): void;
  /** The session began: from now on take what the cloud says by itself. */
  listen(session: string): void;
  /**
   * Gives up everything under way; reports nothing more. `why` is what the link found wrong with what came, for whoever
   * chooses between carriers; null or left out: nothing.
   */
  close(why?: { readonly code: ProblemCode; readonly message: string } | null): void;
  /** Closes for good and frees what was held. */
  destroy(): Promise<void>;
  /** Where it is made of several: how each of them is, the preferred one first. */
  status?(): readonly CarrierStatus[];
}

export interface CarrierStatus {
  readonly name: string;
  /**
   * `in_use`: a session holds over it. `trying`: one is to begin. `proving`: it connects again, and is used when that
   * holds. `standby`: it works as far as is known. `out`: it does not, and another is used if there is one.
   */
  readonly state: "in_use" | "trying" | "proving" | "standby" | "out";
  /** What kept it from working last; null since a welcome came over it. */
  readonly problem: LinkProblem | null;
  /** Until it is tried again; null: that is not due. */
  readonly nextTryMs: number | null;
}

/** A configuration that no try can make work. */
export class CloudConfigError extends Error {
  override readonly name = "CloudConfigError";
}
