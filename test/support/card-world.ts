import type { CredentialEvent } from "#src/domain/credential/credential.events";
import { newCredentialRecord, type stepCredential } from "#src/domain/credential/credential.step";
import type { CredentialRecord, Desired } from "#src/domain/credential/credential.schema";
import { type Content, contradictionOf } from "./card-truth.js";
import { derive, type CredentialSeamEvent } from "#src/domain/credential/derive";

/**
 * A site in small: physical cards, an encoder that tears writes and loses replies, a crash at any point, people who
 * scan, erase, revoke and lie, other guests' cards. It knows what really lies on each card, and after every event
 * compares that with what the credential's record says.
 */
export type Step = typeof stepCredential;

/** A number from 0 to below `below`. */
export type Dice = (below: number) => number;

/** The same seed throws the same numbers (mulberry32, public domain). */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

interface Job {
  readonly id: string;
  phase: "presenting" | "intended" | "written";
  /** null: a key server makes the card. */
  uid: string | null;
  /** Where the write lands in this world; a key server's card has a place, though nobody is told. */
  place: string;
  isAborted: boolean;
  /** What the write did to the card. */
  result: "whole" | "torn" | "nothing";
}

/** The record and the world disagree. */
export class Violation extends Error {
  override readonly name = "Violation";
}

export class CardWorld {
  readonly #step: Step;
  readonly #dice: Dice;
  readonly #cards = new Map<string, Content>();
  readonly #log: string[] = [];
  record: CredentialRecord;
  readonly visited = new Set<string>();
  readonly told: CredentialSeamEvent[] = [];
  #now = 1_000;
  /** What has surely passed; behind `#now` while the clock is not trusted. */
  #certain = 1_000;
  #rev = 1;
  #jobs = 0;
  #uids = 0;
  #job: Job | null = null;
  /** A write that was whole and whose reply was lost: the device may still answer. */
  #late: { readonly jobId: string; readonly generation: number; readonly uid: string | null } | null = null;
  #isDenied = false;
  readonly #verified = new Set<string>();
  readonly #written = new Map<number, { readonly place: string; readonly validUntil: number | null }>();
  /** Generations that a person declared destroyed though they are not. */
  readonly #declared = new Set<number>();
  /** Generations lost where nobody on site could see it. */
  readonly #lostUnseen = new Set<number>();

  /** Upper bounds, of 1,000. What ends a history (a denial) is rare, or the histories would all be short. */
  readonly #happenings: readonly (readonly [number, () => void])[] = [
    [430, () => this.#jobGoesOn()],
    [600, () => this.#encode()],
    [650, () => this.#change()],
    [740, () => this.#scan(this.#scanned(), null)],
    [760, () => this.#erase()],
    [790, () => this.#anotherGuest()],
    [810, () => this.#anotherGuestTorn()],
    [825, () => this.#unseenLoss()],
    [850, () => this.#declareDestroyed()],
    [855, () => this.#cancelAll()],
    [880, () => this.#crash()],
    [910, () => this.#lateAnswer()],
    [940, () => this.#nonsense()],
    [985, () => this.#timePasses()],
    [1_000, () => this.#deny()],
  ];

  constructor(step: Step, dice: Dice) {
    this.#step = step;
    this.#dice = dice;
    for (let count = 0; count < 4; count++) this.#newCard();
    this.record = newCredentialRecord({ issuance: "presented", desired: this.#wish(), at: this.#now });
  }

  /** One thing happens. Throws `Violation` when the record is no longer true. */
  happen(): void {
    const chance = this.#dice(1_000);
    for (const [below, what] of this.#happenings) {
      if (chance < below) {
        what();
        return;
      }
    }
  }

  // ── What people and machines do ──────────────────────────────────────────────────────────────────────────────

  #encode(): void {
    const id = `job${++this.#jobs}`;
    const isTaken = this.#send({
      type: "encode.requested",
      ...this.#instant(),
      jobId: id,
      encoderId: "desk",
      expectGen: this.#dice(20) === 0 ? this.#dice(3) : null,
    });
    if (!isTaken) return;
    if (this.#job !== null) throw this.#violation("two jobs run at once");
    this.#job = { id, phase: "presenting", uid: null, place: "", isAborted: false, result: "nothing" };
  }

  #jobGoesOn(): void {
    const job = this.#job;
    switch (job?.phase) {
      case "presenting":
        if (this.#dice(10) === 0) this.#end(job, "none");
        else this.#intend(job);
        break;
      case "intended":
        this.#write(job);
        break;
      case "written":
        this.#answer(job);
        break;
      case undefined:
        break;
    }
  }

  #intend(job: Job): void {
    const isKeyServer = this.#dice(10) === 0;
    const place = isKeyServer ? `unnamed ${this.record.context.generation + 1}` : this.#pick();
    // A job reads first, but not every card can be read.
    if (!isKeyServer && this.#dice(4) > 0) this.#scan(place, job.id);
    if (this.#job === null) return;
    const { fingerprint, endsAt } = this.record.context.desired;
    const isTaken = this.#send({
      type: "write.intended",
      ...this.#instant(),
      jobId: job.id,
      uid: isKeyServer ? null : place,
      fingerprint,
      validUntil: endsAt,
      cardNumber: null,
      dirty: this.#dice(20) === 0,
    });
    if (!isTaken) this.#end(job, "none");
    else Object.assign(job, { phase: "intended", place, uid: isKeyServer ? null : place });
  }

  /** The card changes. What was aborted in time writes nothing; aborted midway, it tears. */
  #write(job: Job): void {
    const results = job.isAborted
      ? (["nothing", "torn"] as const)
      : (["whole", "whole", "whole", "torn", "nothing"] as const);
    job.phase = "written";
    job.result = results[this.#dice(results.length)] ?? "nothing";
    const intent = this.record.context.job?.intent;
    if (job.result === "nothing" || !intent) return;
    const { generation, fingerprint, validUntil } = intent;
    if (this.#written.has(generation)) throw this.#violation(`generation ${generation} is written twice`);
    if (generation <= Math.max(0, ...this.#written.keys())) throw this.#violation("generations do not rise");
    if (this.#isDenied && job.result === "whole") throw this.#violation("a card is written after the denial");
    this.#written.set(generation, { place: job.place, validUntil });
    this.#cards.set(
      job.place,
      job.result === "torn" ? "torn" : { generation, fingerprint, validUntil, isCancelled: false },
    );
    this.#note(`the write of ${generation} to ${job.place} is ${job.result}`);
    if (this.#isDead(job.place)) this.#cards.delete(job.place);
  }

  /** A key server's torn card is no card. */
  #isDead(place: string): boolean {
    return place.startsWith("unnamed") && this.#cards.get(place) === "torn";
  }

  #answer(job: Job): void {
    const { generation } = this.record.context;
    if (job.result === "whole" && this.#dice(10) < 7) {
      this.#job = null;
      const isTaken = this.#send({
        type: "write.verified",
        ...this.#instant(),
        jobId: job.id,
        generation,
        uid: job.uid,
        cardNumber: `number ${generation}`,
      });
      if (!isTaken) throw this.#violation("the outcome of an open write is refused");
      this.#verified.add(job.id);
      return;
    }
    if (job.result === "whole") this.#late = { jobId: job.id, generation, uid: job.uid };
    const isProven = job.result === "nothing" && this.#dice(2) === 0;
    this.#end(job, isProven ? "none" : "unknown");
  }

  #end(job: Job, effect: "none" | "unknown"): void {
    this.#job = null;
    const event = {
      type: "job.failed",
      ...this.#instant(),
      jobId: job.id,
      effect,
      reason: "device.lost",
    } as const;
    if (!this.#send(event)) throw this.#violation("the end of a running job is refused");
  }

  #lateAnswer(): void {
    if (this.#late === null) return;
    const late = { ...this.#late, cardNumber: null };
    this.#late = null;
    this.#send({ type: "write.verified", ...this.#instant(), ...late });
  }

  #crash(): void {
    this.#job = null;
    this.#late = null;
    this.#send({ type: "daemon.restarted", ...this.#instant() });
  }

  #scan(place: string, jobId: string | null): void {
    const content = this.#cards.get(place);
    const left = typeof content === "object" ? content.generation : 0;
    const effects = this.#send({ type: "card.seen", ...this.#instant(), jobId, uid: place, left });
    if (effects && effects.some(({ type }) => type === "jobDone")) {
      const { issued, desired } = this.record.context;
      if (issued?.fingerprint !== desired.fingerprint)
        throw this.#violation("a job ends well with an outdated card");
      this.#job = null;
    }
  }

  #erase(): void {
    const place = this.#touch();
    if (place === null) return;
    this.#cards.set(place, "blank");
    this.#tellOwner(place, "card.erased");
  }

  #anotherGuest(): void {
    const place = this.#touch();
    if (place === null) return;
    this.#cards.set(place, "another guest's");
    this.#tellOwner(place, "card.overwritten");
  }

  #anotherGuestTorn(): void {
    const place = this.#touch();
    if (place === null) return;
    const left = [this.#cards.get(place) ?? "blank", "torn", "another guest's"] as const;
    this.#cards.set(place, left[this.#dice(3)] ?? "torn");
    this.#tellOwner(place, "card.torn");
  }

  /** The engine tells a credential about a card only when the record lists the card. */
  #tellOwner(place: string, type: "card.erased" | "card.overwritten" | "card.torn"): void {
    if (this.record.context.cards.some(({ uid }) => uid === place)) {
      this.#send({ type, ...this.#instant(), uid: place });
    }
  }

  #unseenLoss(): void {
    const place = this.#touch();
    const content = place === null ? undefined : this.#cards.get(place);
    if (place === null || typeof content !== "object") return;
    this.#lostUnseen.add(content.generation);
    this.#cards.set(place, "another guest's");
    this.#note(`${place} is overwritten unseen`);
  }

  /** Mostly true; a person may also be wrong, and then what follows is the person's word and not the record's. */
  #declareDestroyed(): void {
    const card = this.record.context.cards[this.#dice(Math.max(1, this.record.context.cards.length))];
    if (card === undefined) return;
    const place = card.uid ?? this.#written.get(card.generation)?.place ?? "";
    if (place === this.#job?.place && this.#job.phase !== "presenting") return;
    this.#late = null;
    const content = this.#cards.get(place);
    if (this.#dice(10) < 7) {
      if (this.#cards.delete(place) && card.uid !== null) this.#newCard();
    } else if (typeof content === "object") this.#declared.add(content.generation);
    this.#send({ type: "card.destroyed", ...this.#instant(), generation: card.generation });
  }

  #cancelAll(): void {
    for (const content of this.#cards.values()) if (typeof content === "object") content.isCancelled = true;
    this.#late = null;
    this.#send({ type: "proof.revoked", ...this.#instant() });
  }

  #timePasses(): void {
    this.#now += this.#dice(300);
    if (this.#dice(4) > 0) this.#certain = this.#now;
    this.#send({ type: "expiry.due", ...this.#instant() });
  }

  #deny(): void {
    const type = (["revoke.requested", "delete.requested", "forget"] as const)[this.#dice(3)];
    if (type !== undefined && this.#send({ type, ...this.#instant() })) this.#isDenied = true;
  }

  /** Replies to jobs that are over, and to writes that never were. */
  #nonsense(): void {
    const jobId = `job${1 + this.#dice(this.#jobs + 1)}`;
    if (jobId === this.#job?.id) return;
    const isTaken = this.#send({
      type: "job.failed",
      ...this.#instant(),
      jobId,
      effect: "unknown",
      reason: "call.cancelled",
    });
    if (isTaken) throw this.#violation(`the end of ${jobId} is taken, though it does not run`);
    const event = { type: "write.verified", ...this.#instant(), jobId, uid: null, cardNumber: null } as const;
    if (this.#send({ ...event, generation: this.record.context.generation + 1 })) {
      throw this.#violation("a card is taken for written that nobody intended");
    }
  }

  #instant(): { readonly at: number; readonly certain: number } {
    return { at: this.#now, certain: this.#certain };
  }

  // ── Cards ────────────────────────────────────────────────────────────────────────────────────────────────────

  #newCard(): void {
    this.#cards.set(`0${(++this.#uids).toString(16)}`, "blank");
  }

  #pick(): string {
    const named = [...this.#cards.keys()].filter((place) => !place.startsWith("unnamed"));
    return named[this.#dice(named.length)] ?? "none";
  }

  /** Mostly the card in doubt, as the technician is told to. */
  #scanned(): string {
    const uid = this.record.context.doubt?.uid ?? null;
    return uid !== null && this.#cards.has(uid) && this.#dice(4) > 0 ? uid : this.#pick();
  }

  /** A card that somebody else does something to: not the one that is being written. */
  #touch(): string | null {
    const place = this.#pick();
    if (place === this.#job?.place) return null;
    if (place === this.#late?.uid) this.#late = null;
    return place;
  }

  #wish(): Desired {
    const end = this.#dice(4);
    const endsAt = end === 0 ? null : this.#now + 100 + this.#dice(end === 1 ? 300 : 5_000);
    const fingerprint = `${this.#dice(3)}/${endsAt}`;
    return { rev: this.#rev++, fingerprint, allowed: this.#dice(20) > 0, startsAt: null, endsAt };
  }

  /** Often what the last card says already: a change that is taken back. */
  #change(): void {
    const { issued, desired } = this.record.context;
    const wish = this.#wish();
    const isBack = issued !== null && this.#dice(2) === 0;
    const back = { fingerprint: issued?.fingerprint ?? "", endsAt: endIn(issued?.fingerprint ?? "") };
    const next = isBack ? { ...wish, ...back } : wish;
    this.#send({ type: "desired.changed", ...this.#instant(), desired: { ...desired, ...next } });
  }

  // ── The record against the world ─────────────────────────────────────────────────────────────────────────────

  /** The effects when the event was taken, null when it was refused. */
  #send(event: CredentialEvent): Extract<ReturnType<Step>, { refused: false }>["effects"] | null {
    const before = this.record;
    const step = this.#step(before, event);
    if (step.refused) {
      this.#note(`${JSON.stringify(event)} refused in ${step.state}: ${step.reason}`);
      return null;
    }
    this.record = step.next;
    this.#note(`${JSON.stringify(event)} → ${step.next.state}`);
    this.visited.add(step.next.state);
    const { events } = derive(before, step.next, event);
    this.told.push(...events);
    if (step.effects.some(({ type }) => type === "abortJob") && this.#job !== null) {
      if (this.#job.phase === "presenting") this.#job = null;
      else this.#job.isAborted = true;
    }
    this.#check(events);
    return step.effects;
  }

  #check(events: readonly CredentialSeamEvent[]): void {
    const contradiction = contradictionOf(this.record, events, {
      now: this.#now,
      cards: this.#cards,
      written: this.#written,
      declared: this.#declared,
      lostUnseen: this.#lostUnseen,
    });
    if (contradiction !== null) throw this.#violation(contradiction);
  }

  #note(line: string): void {
    this.#log.push(line);
  }

  #violation(message: string): Violation {
    return new Violation(`${message}\n${this.#log.slice(-25).join("\n")}\n${JSON.stringify(this.record)}`);
  }
}

/** A fingerprint here ends in the end that the card carries. */
function endIn(fingerprint: string): number | null {
  const end = fingerprint.split("/")[1] ?? "null";
  return end === "null" ? null : Number(end);
}
