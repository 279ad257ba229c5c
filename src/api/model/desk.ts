import type { LockIncident } from "#src/domain/simulation-order";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Caller } from "./paging.js";
import type { AccessGroupsModel } from "./users.js";
import type { InclusionModel } from "./inclusion.js";
import type { PortsModel } from "./ports.js";

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

/** What is printed on a badge. */
export interface TypedBadge {
  readonly credentialId: string;
  /** Name of the Wiegand format; undefined: the one of the system's formats that has such numbers. */
  readonly format: string | undefined;
  readonly facility: number | null;
  readonly number: number;
  /** Take it from the credential that has it. */
  readonly overwrite: boolean;
}

/** What only a gateway offers: the routes under `/lockbridge/…`. The stand-in cloud has none of them. */
export interface DeskModel {
  readonly groups: Pick<AccessGroupsModel, "create" | "update">;
  /** Site, devices, cloud link, queue lengths, clock quality: what a status screen shows. */
  status(): JsonObject;
  /** What is wanted, stored and proved on cards, and what keeps them apart. */
  sync(): JsonObject;
  /** Forgets the latest time ever trusted; answers the time as it is known then. */
  resetClockFloor(by: Caller): JsonObject;
  /** A person says that it is `now`; SeamError 400 when the clock says otherwise. */
  confirmClock(now: number, by: Caller): JsonObject;
  devices(): readonly JsonObject[];
  /**
   * Has the device blink or beep; answers its units that did. SeamError 404: none of that name; 409: it is not
   * connected, is busy for too long, or has neither lamp nor buzzer.
   */
  identify(device: string): Promise<readonly string[]>;
  readonly ports: PortsModel;
  readonly inclusion: InclusionModel;
  /** As `encoders.encode`, with the choice to write over another guest's valid card. */
  encode(
    input: {
      encoderId: string;
      credentialId: string;
      overwrite: boolean;
      /** UIDs of cards that are not taken. */
      exceptCards?: readonly string[] | undefined;
    },
    by: Caller,
  ): JsonObject;
  erase(input: { encoderId: string }, by: Caller): JsonObject;
  /** What the lock was tried with too often is tried again at once; answers how many slots that are. */
  retryCodes(deviceId: string, by: Caller): number;
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
  /** A badge whose number is known becomes the credential's card; nobody holds it to a reader. */
  enrolBadge(input: TypedBadge, by: Caller): JsonObject;
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
  /** Puts a card on that another site's keys guard; answers its UID. */
  putForeignCard(encoderId: string): string;
  /** Puts a new card on that is taken away while it is written. */
  putRestlessCard(encoderId: string): string;
  /** While it lasts the encoder's answers are noise. */
  setGarbled(encoderId: string, isGarbled: boolean): void;
  /** `unit` is `device/unit` of the configuration. Somebody sets a PIN at the lock, in a slot that is free. */
  setCodeAtLock(unit: string, code: Secret<string>): void | Promise<void>;
  enterCode(unit: string, code: Secret<string>): void | Promise<void>;
  lockByHand(unit: string): void | Promise<void>;
  befall(unit: string, incident: LockIncident): void | Promise<void>;
  /** Pulls the plug of the device that the unit belongs to, or puts it back. */
  setConnected(unit: string, isConnected: boolean): Promise<void>;
}
