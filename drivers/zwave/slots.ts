import type { SlotContent } from "#driver-api";
import { Secret } from "#src/lib/secret";
import type { LockCall } from "./call.js";
import type { CodeTable, OrderAnswer, SlotReading } from "./code-table.js";
import type { OwnChange, OwnChanges } from "./own-changes.js";

/** A slow lock stores a code seconds after it should have answered: so it is read again before anything is said. */
const PATIENCE_MS = [0, 1_000, 3_000] as const;

export interface SlotsParts {
  readonly table: CodeTable;
  /** Lengths of codes that this lock takes. */
  readonly lengths: readonly number[];
  readonly own: OwnChanges;
  /** A code that somebody switched off at the lock: its slot must be looked at. */
  readonly changed: (slot: number) => void;
}

/** The slots of one lock, as the gateway wants them: nothing is done until it was read back. */
export class Slots {
  readonly #parts: SlotsParts;
  /** Occupied, and known to open nothing. */
  readonly #disabled = new Set<number>();

  constructor(parts: SlotsParts) {
    this.#parts = parts;
  }

  async read(slot: number, call: LockCall): Promise<SlotContent> {
    this.#check(slot, call);
    const { table, own, changed } = this.#parts;
    const end = own.beginReading(slot);
    const reading = await table.read(slot, call).finally(end);
    if (reading.is === "empty" || reading.isActive) return this.#opening(slot, reading);
    if (!this.#disabled.has(slot)) changed(slot);
    this.#disabled.add(slot);
    return { is: "withheld" };
  }

  /** Writes and reads back. `isActive: false`: the code lies in the slot and opens nothing yet. */
  async write(slot: number, code: Secret<string>, call: LockCall, isActive = true): Promise<SlotContent> {
    this.#check(slot, call);
    this.#checkCode(code, call);
    const digits = code.reveal();
    const { table, own } = this.#parts;
    const change = own.begin(slot, "added");
    let isDone = false;
    try {
      const answer = await table.write(slot, digits, isActive, call);
      for (const ms of PATIENCE_MS) {
        if (ms > 0) await call.pause(ms);
        const reading = await table.read(slot, call);
        const said = answer === "heard" && change.isDuplicate ? "duplicate" : answer;
        if (isRight(reading, digits, isActive, said)) {
          isDone = true;
          return isActive ? this.#opening(slot, reading) : { is: "withheld" };
        }
        if (reading.is === "empty" && isDuplicate(answer, change)) {
          call.nothingHappened();
          throw call.failure("device.refused", DUPLICATE);
        }
        // What the lock has said will not come true later.
        if (said !== "unknown" && said !== "heard")
          throw call.failure("device.refused", wrongWords(said, reading));
      }
      throw call.failure("device.refused", isDuplicate(answer, change) ? DUPLICATE : NOT_THERE);
    } finally {
      change.end(isDone);
    }
  }

  /** Clears and reads back. */
  async clear(slot: number, call: LockCall): Promise<SlotContent> {
    this.#check(slot, call);
    const { table, own } = this.#parts;
    const change = own.begin(slot, "deleted");
    let isDone = false;
    try {
      await table.clear(slot, call);
      for (const ms of PATIENCE_MS) {
        if (ms > 0) await call.pause(ms);
        const reading = await table.read(slot, call);
        isDone = reading.is === "empty";
        if (isDone) return this.#opening(slot, reading);
      }
      throw call.failure("device.refused", "the lock still holds the code");
    } finally {
      change.end(isDone);
    }
  }

  /** Refused before anything is sent. */
  checkCode(slot: number, code: Secret<string>, call: LockCall): void {
    this.#check(slot, call);
    this.#checkCode(code, call);
  }

  /** Nothing of it is switched off: should it be later, that is news. */
  #opening(slot: number, reading: SlotReading): SlotContent {
    this.#disabled.delete(slot);
    return reading.is === "code" ? { is: "code", code: new Secret(reading.digits) } : { is: reading.is };
  }

  #check(slot: number, call: LockCall): void {
    const { slots } = this.#parts.table;
    if (Number.isInteger(slot) && slot >= 1 && slot <= slots) return;
    throw call.failure("device.refused", `there is no such slot: this lock has 1 to ${slots}`);
  }

  /** Locks of version 1 take letters too, and nobody can type them. */
  #checkCode(code: Secret<string>, call: LockCall): void {
    const digits = code.reveal();
    const { lengths } = this.#parts;
    if (/^[0-9]+$/.test(digits) && lengths.includes(digits.length)) return;
    const [first, last] = [lengths[0], lengths.at(-1)];
    const words = first === last ? `${first}` : `${first} to ${last}`;
    throw call.failure("device.refused", `this lock takes codes of ${words} digits`);
  }
}

const DUPLICATE = "the lock refuses this code: it is in another slot already, or it is its master code";
const NOT_THERE = "the lock did not take the code: it may be in another slot already";

function isDuplicate(answer: OrderAnswer, change: OwnChange): boolean {
  return answer === "duplicate" || change.isDuplicate;
}

/**
 * Asterisks prove that something is there; that it is ours, only the lock's own word says, or that it got the order where
 * it has no words.
 */
function isRight(reading: SlotReading, digits: string, isActive: boolean, answer: OrderAnswer): boolean {
  if (reading.is === "empty" || reading.isActive !== isActive) return false;
  return reading.is === "code" ? reading.digits === digits : answer === "done" || answer === "heard";
}

function wrongWords(answer: OrderAnswer, reading: SlotReading): string {
  if (answer === "duplicate") return DUPLICATE;
  if (answer === "refused") return "the lock's own rules forbid this code";
  const holds = reading.is === "empty" ? "nothing" : "something else";
  return `the lock said that it took the code, and its slot holds ${holds}`;
}
