import type { CardState } from "#src/cards/card-state";
import type { JournalEvent } from "#src/domain/journal";
import type { Cursor, ObjectRow } from "#src/engine/ports";
import type { Job } from "#src/engine/jobs";
import type { PhysicalCard } from "./deck.js";

/** An invariant that did not hold; `invariant` is its number. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

export const DENIED: ReadonlySet<unknown> = new Set(["revoked", "deleted", "forgotten"]);

/** What counts of a command on the wire. */
export interface Command {
  readonly cmd: string;
  readonly session: string;
  readonly life_ms: number;
  readonly expect_gen?: number | null;
}

interface Offer {
  readonly session: string;
  readonly endsAt: number;
  readonly expectGen: number | null;
}

/**
 * Watches one history from outside, across all lives of the daemon, and remembers what really happened: what was
 * written on which card, what people denied, what commands were offered. A violation is kept, not thrown: whoever
 * stands on the stack might catch it.
 */
export class Oracle {
  violation: Violation | null = null;
  /** Credential by the name that its cards carry. */
  readonly ownerOf = new Map<string, string>();
  /** Denied by a person, and told so. */
  readonly denied = new Set<string>();
  /** Denied by a person, or nearly: the daemon may have died over it. */
  readonly perhapsDenied = new Set<string>();
  readonly pins: string[] = [];
  /** The denial is on the site's disk. */
  readonly #deniedOnSite = new Set<string>();
  readonly #generations = new Map<string, number>();
  readonly #offers = new Map<string, Offer[]>();
  readonly #acted = new Set<string>();
  readonly #ends = new Map<string, string>();
  #cursor: Cursor = { epoch: { n: 0, id: "" }, rev: 0 };

  fail(invariant: string, message: string): void {
    this.violation ??= new Violation(invariant, message);
  }

  // ── Cards ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** I5 and I10: a write command is about to reach the card. `row` is what the disk says now. */
  beforeWrite(card: PhysicalCard, job: Job | undefined, row: ObjectRow | undefined): void {
    if (job === undefined) this.fail("I10", "a card is written, and no job is at work");
    else if (job.kind === "encode") {
      const intent = row?.record?.context.job?.intent;
      if (intent?.uid !== card.seen.uid)
        this.fail("I10", `card ${card.seen.uid} is written without an intent on disk`);
      if (row !== undefined && this.#deniedOnSite.has(row.id))
        this.fail("I5", `a card is written for ${row.id}, whose denial is stored`);
    }
  }

  /** I3, I4 and I6: a plan was carried out to its end. */
  written(card: PhysicalCard, state: CardState, job: Job | undefined, now: number): void {
    if (state.is !== "ours" || job?.kind !== "encode" || job.credentialId === null) return;
    const { credentialId, generation } = state;
    this.ownerOf.set(credentialId, job.credentialId);
    const newest = this.#generations.get(credentialId) ?? 0;
    if (generation === newest)
      this.fail("I3", `generation ${generation} of ${job.credentialId} is written twice`);
    if (generation < newest) this.fail("I4", `generation ${generation} comes after ${newest}`);
    this.#generations.set(credentialId, Math.max(newest, generation));
    if (job.cause.cmd === undefined) return;
    const offers = this.#offers.get(job.cause.cmd) ?? [];
    if (offers.every(({ endsAt }) => now > endsAt))
      this.fail("I6", `command ${job.cause.cmd} writes after its life`);
    const expected = offers[0]?.expectGen ?? null;
    if (expected !== null && generation !== expected + 1)
      this.fail(
        "I6",
        `command ${job.cause.cmd} makes generation ${generation} on top of ${generation - 1}, not ${expected}`,
      );
  }

  // ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** A command arrived at a living daemon, as the cloud sent it. */
  offered({ cmd, session, life_ms, expect_gen }: Command, now: number): void {
    const offer = { session, endsAt: now + life_ms, expectGen: expect_gen ?? null };
    this.#offers.set(cmd, [...(this.#offers.get(cmd) ?? []), offer]);
  }

  /** I6: the link hands a command to the engine. */
  ran(command: string, session: string | null, now: number): void {
    const offers = (this.#offers.get(command) ?? []).filter((offer) => offer.session === session);
    if (offers.length === 0) this.fail("I6", `command ${command} runs outside of its session`);
    else if (offers.every(({ endsAt }) => now >= endsAt))
      this.fail("I6", `command ${command} runs after its life`);
  }

  /** I6: a command's job turned to the encoder. */
  acted(command: string): void {
    if (this.#acted.has(command)) this.fail("I6", `command ${command} acts twice`);
    this.#acted.add(command);
  }

  /** I7. */
  ended(side: "site" | "cloud", id: string, end: string): void {
    const key = `${side} ${id}`;
    const before = this.#ends.get(key);
    if (before !== undefined && before !== end)
      this.fail("I7", `attempt ${id} was ${before} and became ${end}`);
    this.#ends.set(key, end);
  }

  // ── What the site stores ───────────────────────────────────────────────────────────────────────────────────────

  /** I17, the latch of a credential's record: a committed row. A user is checked at rest. */
  stored(row: ObjectRow): void {
    const key = row.id;
    if (DENIED.has(row.spec["state"]) || row.record?.context.denied != null) this.#deniedOnSite.add(key);
    else if (row.record !== null && this.#deniedOnSite.has(key))
      this.fail("I17", `${key} was denied on site and is active again`);
  }

  /** I8 and I11: a committed event. `state` reads the card that it names. */
  journaled(event: JournalEvent, state: (uid: string) => CardState | undefined): void {
    this.told("the journal", JSON.stringify(event));
    if ((event.k !== "issued" && event.k !== "reissued") || event.data.uid === null) return;
    const card = state(event.data.uid);
    const isOnCard =
      card?.is === "ours" &&
      card.generation === event.gen &&
      this.ownerOf.get(card.credentialId) === event.id;
    if (!isOnCard)
      this.fail("I8", `${event.k} is told of ${event.id}, and card ${event.data.uid} does not carry it`);
  }

  /** I11. */
  told(where: string, text: string): void {
    const pin = this.pins.find((value) => text.includes(value));
    if (pin !== undefined) this.fail("I11", `a PIN is in ${where}: ${text.slice(0, 300)}`);
  }

  /** The cloud is as it was at an earlier time: what it alone knew is gone. A success it told of stays told. */
  cloudRestored(): void {
    for (const id of this.denied) if (!this.#deniedOnSite.has(id)) this.denied.delete(id);
    for (const [key, end] of this.#ends)
      if (key.startsWith("cloud ") && !end.startsWith("success")) this.#ends.delete(key);
  }

  /** I1: within one history. */
  cursorAt({ epoch, rev }: Cursor, head: number): void {
    const before = this.#cursor;
    if (epoch.n < before.epoch.n)
      this.fail("I1", `the cursor fell from epoch ${before.epoch.n} to ${epoch.n}`);
    if (epoch.n === before.epoch.n && rev < before.rev)
      this.fail("I1", `the cursor fell from ${before.rev} to ${rev}`);
    if (rev > head) this.fail("I1", `the cursor ${rev} has passed the head ${head}`);
    this.#cursor = { epoch, rev };
  }
}
