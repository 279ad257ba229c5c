import type { CredentialWish } from "#src/domain/seam/rules";
import type { Json, JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/**
 * What stands behind the Seam routes. Two implementations: `gateway-model.ts` (the engine) and the stand-in cloud's
 * own tables. Inputs are already parsed by the route's schema; outputs are Seam's objects. A fault of the caller is
 * thrown as `SeamError`; anything else that is thrown becomes a 500 without details.
 */
export interface SeamModel {
  readonly workspace: { get(): JsonObject };
  readonly systems: {
    get(id: string): JsonObject;
    list(query: { search?: string | undefined }): readonly JsonObject[];
  };
  readonly entrances: {
    get(id: string): JsonObject;
    list(query: EntranceQuery): Page;
  };
  readonly encoders: {
    get(id: string): JsonObject;
    list(
      query: {
        systemIds?: readonly string[] | undefined;
        encoderIds?: readonly string[] | undefined;
      } & Paging,
    ): Page;
    /** Answers the pending action attempt at once. */
    encode(input: { encoderId: string; credentialId: string }, by: Caller): JsonObject;
    scan(input: { encoderId: string }, by: Caller): JsonObject;
  };
  readonly users: {
    create(input: UserCreate, by: Caller): JsonObject;
    get(id: string): JsonObject;
    list(
      query: {
        systemId?: string | undefined;
        createdBefore?: number | undefined;
        search?: string | undefined;
      } & Paging,
    ): Page;
    update(id: string, change: UserUpdate, by: Caller): void;
    delete(id: string, by: Caller): void;
  };
  readonly credentials: {
    create(input: CredentialCreate, by: Caller): JsonObject;
    get(id: string, by: Caller): JsonObject;
    list(query: CredentialQuery & Paging, by: Caller): Page;
    update(
      id: string,
      change: { code?: Secret<string> | undefined; endsAt?: number | undefined },
      by: Caller,
    ): JsonObject;
    assign(id: string, userId: string, by: Caller): JsonObject;
    unassign(id: string, userId: string, by: Caller): JsonObject;
    delete(id: string, by: Caller): void;
  };
  readonly attempts: {
    get(id: string): JsonObject;
    list(query: { ids?: readonly string[] | undefined } & Paging): Page;
  };
  readonly events: {
    get(id: string): JsonObject;
    list(query: {
      since?: number | undefined;
      before?: number | undefined;
      ids?: readonly string[] | undefined;
      types?: readonly string[] | undefined;
      where: Readonly<Record<string, string>>;
      limit: number;
    }): readonly JsonObject[];
  };
}

export interface Paging {
  readonly limit: number;
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined;
}

/** One row more than `limit` is never in it; `next` is where the following page starts, null at the end. */
export interface Page {
  readonly items: readonly JsonObject[];
  readonly next: { readonly createdAt: number; readonly id: string } | null;
}

/** Who asks. `seesPins`: answers may carry PINs. */
export interface Caller {
  readonly name: string;
  readonly role: "viewer" | "technician" | "admin";
  readonly seesPins: boolean;
}

export interface EntranceQuery extends Paging {
  readonly systemId?: string | undefined;
  readonly credentialId?: string | undefined;
  readonly entranceIds?: readonly string[] | undefined;
  readonly search?: string | undefined;
}

export interface UserCreate {
  readonly systemId: string;
  readonly fullName: string;
  readonly emailAddress?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly accessSchedule?: { readonly startsAt: number; readonly endsAt: number | null } | undefined;
}
export interface UserUpdate {
  readonly fullName?: string | undefined;
  readonly emailAddress?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly accessSchedule?: { readonly startsAt: number; readonly endsAt: number | null } | null | undefined;
}

export type CredentialCreate = CredentialWish;
export interface CredentialQuery {
  readonly userId?: string | undefined;
  readonly systemId?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly search?: string | undefined;
}

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

/** The steps of a job at an encoder, in the order in which they may come. */
export const JOB_STEPS = [
  "waiting_for_encoder",
  "waiting_for_card",
  "card_seen",
  "reading",
  "writing",
  "verifying",
  "done",
] as const;
export type JobStep = (typeof JOB_STEPS)[number];

/** One line of a live stream. `done` comes last, exactly once, with the finished action attempt. */
export interface JobProgress {
  readonly step: JobStep;
  /** A sentence for the person at the desk. */
  readonly say: string;
  /** Facts for display, e.g. `uid`, `technology`; never card content or keys. */
  readonly facts: JsonObject;
  readonly action_attempt: JsonObject | null;
}

/** What only a gateway offers: the routes under `/lockbridge/…`. The stand-in cloud has none of them. */
export interface DeskModel {
  /** Site, devices, cloud link, queue lengths, clock quality: what a status screen shows. */
  status(): JsonObject;
  /** What is wanted, stored and proved on cards, and what keeps them apart. */
  sync(): JsonObject;
  /** Forgets the latest time ever trusted; answers the time as it is known then. */
  resetClockFloor(by: Caller): JsonObject;
  devices(): readonly JsonObject[];
  /** As `encoders.encode`, with the choice to write over another guest's valid card. */
  encode(input: { encoderId: string; credentialId: string; overwrite: boolean }, by: Caller): JsonObject;
  erase(input: { encoderId: string }, by: Caller): JsonObject;
  /** Ends a waiting or running job; answers the state the card is in, in a sentence. */
  cancel(attemptId: string, by: Caller): Promise<JsonObject>;
  /** Replays what happened so far, then goes on; the returned function stops it. Unknown id: SeamError 404. */
  follow(attemptId: string, listener: (progress: JobProgress) => void): () => void;
  revoke(credentialId: string, by: Caller): JsonObject;
  /** Entrances whose numbers this list changes while cards carry the present ones, with a sentence each. */
  checkEntrances(
    entrances: readonly { id: string; door: number | null; zone: number | null }[],
  ): readonly JsonObject[];
  /** A person says that the card of this generation is destroyed. */
  settle(input: { credentialId: string; generation: number }, by: Caller): JsonObject;
  /** The credential as Seam shows it, and beside it what only the gateway knows: state, generation, live cards. */
  credential(credentialId: string, by: Caller): JsonObject;
  readonly keys: {
    list(): readonly JsonObject[];
    /** Makes a new random key set and writes with it from now on; older ones stay for reading. Same act for `create` and `rotate`: `create` refuses when one exists, `rotate` when none does. */
    create(by: Caller): JsonObject;
    rotate(by: Caller): JsonObject;
    import(set: { issuer: Secret<Uint8Array>; cardMaster: Secret<Uint8Array> }, by: Caller): JsonObject;
  };
  readonly tokens: {
    /** The token is in this answer and nowhere else. */
    create(
      input: { name: string; role: Caller["role"] },
      by: Caller,
    ): { readonly id: string; readonly token: string };
    list(): readonly JsonObject[];
    remove(id: string, by: Caller): void;
    /** Who presents this token? */
    check(token: string): { readonly name: string; readonly role: Caller["role"] } | undefined;
  };
  /** Only on a simulated site. */
  readonly simulation: Simulation | undefined;
}

/** Acts on the simulated hardware. */
export interface Simulation {
  /** Kinds of card that can be put on. */
  readonly cardKinds: readonly string[];
  /** Puts a card on the encoder's antenna: a new one of `kind`, or an earlier one again by `uid`. Returns its UID. */
  putCard(encoderId: string, card: { readonly kind: string } | { readonly uid: string }): string;
  takeCard(encoderId: string): void;
}
