import type {
  Call,
  CardRead,
  DriverContext,
  DriverError,
  DriverErrorCode,
  KeypadInput,
  UnitTrouble,
} from "#driver-api";
import type { Secret } from "#src/lib/secret";
import type { UnitConfig } from "./config.js";
import { type Entry, NOTHING_TYPED } from "./entry.js";
import { CAPABILITY, type CapabilityEntry, type PeripheralId, type Reply, type Request } from "./messages.js";
import { Session } from "./session.js";

/** A command that somebody waits for. */
export interface Job {
  readonly request: Request;
  readonly call: Call;
  /** The command may have reached the peripheral. */
  isSent: boolean;
  /** Nobody waits any more. */
  isDropped: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: DriverError) => void;
}

/** Why a peripheral cannot be used, for a person. */
export interface Problem {
  readonly is: "silent" | "noise" | "key" | "refused";
  readonly message: string;
}

const PROBLEM_CODES = {
  silent: "unit.silent",
  noise: "reply.malformed",
  key: "device.wrong",
  refused: "device.refused",
} as const satisfies Record<Problem["is"], DriverErrorCode>;

/** Without a valid answer for so long, a peripheral is gone; it then drops its session too. */
export const OFFLINE_MS = 8_000;
/** An absent one costs a try's 200 ms, which every keypad of the line waits for. */
const BACK_OFF_MS = { first: 1_000, most: 30_000 } as const;
/** One that refuses our key is left alone for longer. */
const KEY_BACK_OFF_MS = { first: 10_000, most: 600_000 } as const;

/** Some readers lose their session now and then, which is healed unseen; so many times in so long are told. */
const UNSTEADY = { breaks: 5, withinMs: 600_000 } as const;

/** One reader or keypad on the line: what the configuration says of it, and what is known of it. */
export class Peripheral {
  readonly key: string;
  readonly config: UnitConfig;
  readonly session: Session;
  /** Keys of the reader that calls itself so, the one that it should have first. */
  readonly keysFor: (clientId: string) => Promise<readonly Secret<Uint8Array>[]>;
  readonly jobs: Job[] = [];
  readonly onCard = new Set<(card: CardRead) => void>();
  readonly onInput = new Set<(input: KeypadInput) => void>();
  readonly onTamper = new Set<() => void>();
  id: PeripheralId | null = null;
  capabilities: readonly CapabilityEntry[] = [];
  /** It has said that it cannot take CRC. */
  neverCrc = false;
  entry: Entry = NOTHING_TYPED;
  /** The serial number of the reader that was here before. */
  exchangedFor: number | null = null;
  isTampered = false;
  hasPowerFailed = false;
  /** Its conversation breaks off again and again. */
  isUnsteady = false;
  problem: Problem | null = null;
  /** When to speak to it next; monotonic milliseconds. */
  dueAt = 0;
  #isUp = false;
  #isAvailable = false;
  #goodAt = Number.NEGATIVE_INFINITY;
  #backOffMs = 0;
  /** When the conversation broke off; the last few, monotonic milliseconds. */
  #breaks: readonly number[] = [];

  constructor(key: string, config: UnitConfig, siteKeys: DriverContext<"serial">["keys"]) {
    this.key = key;
    this.config = config;
    const own = config.key === undefined ? null : [config.key];
    this.keysFor = async (clientId) => own ?? (await siteKeys?.(clientId)) ?? [];
    this.session = new Session(config.address);
  }

  /** The conversation works: it can be polled. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** It can be used, as far as anybody knows; a session that is being made anew does not change that. */
  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** What is wrong with it, each for itself; one that cannot be used has one reason for that. */
  get troubles(): readonly UnitTrouble[] {
    const unit = this.key;
    if (!this.#isAvailable) {
      if (this.problem === null) return [];
      return [{ unit, code: PROBLEM_CODES[this.problem.is], message: this.problem.message }];
    }
    const messages = [
      this.isTampered && "its cover is open, or it was taken off the wall: look at it",
      this.hasPowerFailed && "it says that its power is failing: look at its supply",
      this.isUnsteady &&
        "its conversation breaks off again and again: look at the cable, its ends and what else is on the line",
      this.exchangedFor !== null &&
        `another reader than before answers here (serial ${this.id?.serial ?? "?"}, before ${this.exchangedFor}): if nobody exchanged it on purpose, look at it`,
    ];
    return messages.flatMap((message) => (message === false ? [] : [{ unit, code: null, message }]));
  }

  has(capability: number): boolean {
    return this.capabilities.some((entry) => entry.function === capability && entry.compliance > 0);
  }

  get hasLight(): boolean {
    return this.has(CAPABILITY.leds);
  }

  get hasBuzzer(): boolean {
    return this.has(CAPABILITY.buzzer);
  }

  /** It was away for so long that everything about it may have changed. */
  isForgotten(now: number): boolean {
    return this.id === null || now - this.#goodAt >= OFFLINE_MS;
  }

  /** A good answer inside a conversation that works. */
  heard(now: number): void {
    this.#goodAt = now;
  }

  /** Sees whether it has become unsteady, or steady again. */
  lookBack(now: number): void {
    const [first] = this.#breaks;
    const isMany = first !== undefined && this.#breaks.length === UNSTEADY.breaks;
    this.isUnsteady = isMany && now - first < UNSTEADY.withinMs;
  }

  cameUp(now: number): void {
    this.#isUp = true;
    this.#isAvailable = true;
    this.#goodAt = now;
    this.#backOffMs = 0;
    this.problem = null;
    this.dueAt = now;
  }

  /** The conversation has to begin again, at once. */
  fellOut(now: number): void {
    if (this.#isUp) this.#breaks = [...this.#breaks, now].slice(-UNSTEADY.breaks);
    this.#isUp = false;
    this.dueAt = now;
  }

  /** It could not be brought up. Tells whether it has become unavailable by that. */
  stayedAway(now: number, problem: Problem): boolean {
    this.#isUp = false;
    this.problem = problem;
    const wasAvailable = this.#isAvailable;
    this.#isAvailable &&= now - this.#goodAt < OFFLINE_MS;
    const isStranger = problem.is === "key" && !this.#isAvailable;
    const { first, most } = isStranger ? KEY_BACK_OFF_MS : BACK_OFF_MS;
    this.#backOffMs = Math.min(most, Math.max(first, this.#backOffMs * 2));
    this.dueAt = now + this.#backOffMs;
    if (this.#isAvailable) this.dueAt = Math.min(this.dueAt, this.#goodAt + OFFLINE_MS);
    return wasAvailable && !this.#isAvailable;
  }
}
