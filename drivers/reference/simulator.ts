import type { Clock } from "#src/lib/deadline";
import { type CardAnswer, type SimulatedCard, SimulatedClassic, SimulatedNtag } from "./simulator-cards.js";
import {
  checksum,
  counted,
  EMPTY,
  ok,
  REFUSED,
  type SimulatedUnit,
  SimulatedLocks,
  status,
} from "./simulator-locks.js";

export { SimulatedClassic, SimulatedNtag } from "./simulator-cards.js";

/**
 * The device's end of the line: bytes in, bytes out, with cards, slots and a door behind it. It is written from
 * README.md and shares no code with the driver, so that one misreading does not cancel out another.
 */

/** What is wrong with the device, as data; counts go down as they are used up. */
export interface SimulatorFaults {
  /** Hears and does everything, answers nothing. */
  isSilent: boolean;
  /** So many answers leave with a wrong checksum. */
  garbledAnswers: number;
  /** So many requests are answered "busy" and not done. */
  busyAnswers: number;
  /** The card leaves while it is written, after so many more writes; null: it stays. */
  tearAfterWrites: number | null;
  /** The server behind the issuer cannot be reached. */
  isServerAway: boolean;
  /** What it calls itself. */
  model: string;
}

const WRITER = 0x01;
const ISSUER = 0x02;
const READER = 0x04;
const LOCK = 0x08;
const DOOR = 0x10;
const LAMP = 0x20;

const UNITS: readonly SimulatedUnit[] = [
  { key: "main", abilities: WRITER | LAMP, slots: 0, withholdsCodes: false },
  { key: "issuer", abilities: ISSUER | LAMP, slots: 0, withholdsCodes: false },
  { key: "reader", abilities: READER, slots: 0, withholdsCodes: false },
  { key: "lock-1", abilities: LOCK, slots: 30, withholdsCodes: false },
  { key: "lock-2", abilities: LOCK, slots: 30, withholdsCodes: true },
  { key: "door-1", abilities: DOOR, slots: 0, withholdsCodes: false },
];

const BUSY = 1;
const NO_CARD = 3;
const SEVERAL_CARDS = 4;
const OTHER_CARD = 5;
const WRONG_KEY = 6;
const FORBIDDEN = 7;
const TORN = 8;
const NO_SERVER = 9;

/** A frame whose bytes pause this long is given up. */
const GAP_MS = 50;

const text = (value: string): Buffer => counted(Buffer.from(value, "latin1"));

export class ReferenceSimulator extends SimulatedLocks {
  readonly faults: SimulatorFaults = {
    isSilent: false,
    garbledAnswers: 0,
    busyAnswers: 0,
    tearAfterWrites: null,
    isServerAway: false,
    model: "LBR-1",
  };
  /** Cards on the encoder's antenna. */
  readonly antenna: SimulatedCard[] = [];
  /** UIDs of cards in the issuer, which writes them by its own rules. */
  readonly hopper: Buffer[] = [];
  /** What the server behind the issuer calls its cards; null: each by a number of its own. */
  cardNumber: string | null = null;
  /** Requests that were done, not counting those answered from memory. */
  done = 0;
  /** Opening time of the door's last grant, in milliseconds. */
  lastGrantMs: number | null = null;
  /** The last lamp shown, by unit. */
  readonly lamps = new Map<string, number>();

  readonly #clock: Clock;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: Buffer = EMPTY;
  #lastByteAt = 0;
  #memory: { readonly request: Buffer; readonly answer: Buffer } | undefined;
  #selected: SimulatedCard | undefined;
  readonly #issued = new Map<string, Buffer>();
  #order:
    { readonly number: Buffer; state: "working" | "done" | "torn" | "stopped"; uid: Buffer } | undefined;
  #cardsMade = 0;

  constructor(clock: Clock) {
    super(clock, UNITS);
    this.#clock = clock;
  }

  /** What the device says goes to `listener`. The returned function removes it. */
  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ── The world ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Someone types on a keypad that leaves the decision to the gateway. */
  pressKeys(unit: string, keys: string): void {
    this.tell(0xe1, unit, text(keys));
  }

  /** A card is held to a reader. Bits most significant first, left-justified. */
  holdCard(unit: string, bits: Uint8Array, bitCount: number): void {
    this.tell(0xe0, unit, Buffer.from([bitCount]), counted(Buffer.from(bits)));
  }

  protected override tell(command: number, unit: string, ...fields: readonly Buffer[]): void {
    const index = UNITS.findIndex(({ key }) => key === unit);
    if (index < 0) throw new RangeError(`no unit ${unit}`);
    if (this.isQuiet) return;
    this.#send(frame(0, command, Buffer.concat([Buffer.from([index]), ...fields])));
  }

  // ── The line ─────────────────────────────────────────────────────────────────────────────────────────────────

  receive(bytes: Uint8Array): void {
    const at = this.#clock.monotonic();
    if (at - this.#lastByteAt > GAP_MS) this.#received = EMPTY;
    this.#lastByteAt = at;
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const start = this.#received.indexOf(0x7e);
      this.#received = start < 0 ? EMPTY : this.#received.subarray(start);
      const length = this.#received[1];
      if (length === undefined) return;
      const whole = this.#received.subarray(0, length + 6);
      if (length <= 240 && whole.length < length + 6) return;
      if (length > 240 || checksum(whole.subarray(1, -2)) !== whole.readUInt16BE(length + 4)) {
        this.#received = this.#received.subarray(1);
        continue;
      }
      this.#received = this.#received.subarray(length + 6);
      this.#answer(Buffer.from(whole));
    }
  }

  /** A request that was just done is not done again: the first answer is repeated. Hello is always done anew. */
  #answer(request: Buffer): void {
    const [, , sequence = 0, command = 0] = request;
    if (sequence === 0 || command >= 0x80) return;
    if (command === 0x01) this.#memory = undefined;
    if (this.#memory?.request.equals(request) !== true) {
      const isBusy = command !== 0x01 && this.faults.busyAnswers > 0;
      if (isBusy) this.faults.busyAnswers -= 1;
      const body = isBusy ? status(BUSY) : this.#do(command, request.subarray(4, -2));
      this.#memory = { request, answer: frame(sequence, command | 0x80, body) };
    }
    if (!this.faults.isSilent) this.#send(this.#maybeGarbled(this.#memory.answer));
  }

  #maybeGarbled(answer: Buffer): Buffer {
    if (this.faults.garbledAnswers === 0) return answer;
    this.faults.garbledAnswers -= 1;
    const garbled = Buffer.from(answer);
    garbled[garbled.length - 1] = (garbled[garbled.length - 1] ?? 0) ^ 0x01;
    return garbled;
  }

  #send(bytes: Buffer): void {
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  // ── What it can do ───────────────────────────────────────────────────────────────────────────────────────────

  #do(command: number, payload: Buffer): Buffer {
    this.done += 1;
    if (command === 0x01) {
      return ok(Buffer.from([1, UNITS.length]), text(this.faults.model), text("1.4"), text("LBR-000117"));
    }
    if (command === 0x03) return ok();
    const [index = UNITS.length] = payload;
    const unit = UNITS[index];
    if (unit === undefined) return status(REFUSED);
    const fields = payload.subarray(1);
    if (command === 0x02) {
      const digits = unit.slots > 0 ? [4, 8] : [0, 0];
      return ok(Buffer.from([this.abilitiesOf(unit), unit.slots, ...digits]), text(unit.key));
    }
    const has = (ability: number) => (this.abilitiesOf(unit) & ability) !== 0;
    if (command >= 0x10 && command <= 0x17 && has(WRITER)) return this.#doCard(command, fields);
    if (command >= 0x20 && command <= 0x24 && has(ISSUER)) return this.#doIssue(command, fields);
    const answer = has(LOCK) ? this.askLock(command, unit, fields) : undefined;
    if (answer !== undefined) return answer;
    if ((command === 0x34 || command === 0x35) && has(DOOR)) return this.#doDoor(command, fields);
    if (command === 0x40 && has(LAMP)) {
      this.lamps.set(unit.key, fields[0] ?? 0);
      return ok();
    }
    return status(REFUSED);
  }

  #doCard(command: number, fields: Buffer): Buffer {
    const [card, second] = this.antenna;
    if (command === 0x10) {
      if (card === undefined) return ok(Buffer.from([0]));
      if (second !== undefined) return ok(Buffer.from([this.antenna.length]));
      return ok(Buffer.from([1, card.technologyCode]), counted(card.uid));
    }
    if (command === 0x17) {
      this.#selected = undefined;
      return ok();
    }
    if (card === undefined) return status(NO_CARD);
    if (second !== undefined) return status(SEVERAL_CARDS);
    if (command === 0x11) {
      if (!card.uid.equals(fields.subarray(1))) return status(OTHER_CARD);
      if (card instanceof SimulatedNtag) card.reselect();
      this.#selected = card;
      return ok();
    }
    if (this.#selected !== card) return status(NO_CARD);
    if (command === 0x13 || command === 0x16) return this.#writeCard(card, fields);
    return this.#spoken(this.#readCard(card, command, fields));
  }

  #readCard(card: SimulatedCard, command: number, fields: Buffer): CardAnswer {
    if (card instanceof SimulatedClassic && command === 0x12 && fields.length === 8) {
      return card.read(fields.readUInt8(0), fields[1] === 0 ? "A" : "B", fields.subarray(2, 8));
    }
    if (card instanceof SimulatedNtag && command === 0x14 && fields.length === 4) {
      const answer = card.open(fields);
      // A wrong password silences the card until it is selected again.
      if (answer === "wrong_key") this.#selected = undefined;
      return answer;
    }
    if (card instanceof SimulatedNtag && command === 0x15 && fields.length === 1) {
      return card.read(fields.readUInt8(0));
    }
    return "forbidden";
  }

  #writeCard(card: SimulatedCard, fields: Buffer): Buffer {
    const isTorn = this.faults.tearAfterWrites === 0;
    if (this.faults.tearAfterWrites !== null) this.faults.tearAfterWrites -= 1;
    const answer = writeTo(card, fields);
    if (typeof answer === "string") return this.#spoken(answer);
    this.changes += 1;
    if (!isTorn) return this.#spoken(answer);
    this.faults.tearAfterWrites = null;
    this.antenna.length = 0;
    return status(TORN);
  }

  #spoken(answer: CardAnswer): Buffer {
    if (answer === "wrong_key") return status(WRONG_KEY);
    return answer === "forbidden" ? status(FORBIDDEN) : ok(answer);
  }

  #doIssue(command: number, fields: Buffer): Buffer {
    // Stopping an order is the device's own affair.
    if (this.faults.isServerAway && command !== 0x22) return status(NO_SERVER);
    switch (command) {
      case 0x20: {
        if (this.#order?.state === "working") return status(BUSY);
        // Generation, start and end are twelve bytes; the credential's id follows with its length.
        if (fields.length < 14) return status(REFUSED);
        this.#order = { number: EMPTY, state: "working", uid: EMPTY };
        return ok();
      }
      case 0x21:
        return this.#progress();
      case 0x22: {
        if (this.#order?.state === "working") this.#order.state = "stopped";
        return ok(Buffer.from([this.#order?.state === "done" || this.#order?.state === "torn" ? 1 : 0]));
      }
      case 0x23: {
        const [uid] = this.hopper;
        if (uid === undefined) return status(NO_CARD);
        return ok(counted(this.#issued.get(uid.toString("hex")) ?? EMPTY), counted(uid));
      }
      default: {
        const uid = [...this.#issued].find(([, number]) => number.equals(fields.subarray(1)))?.[0];
        if (uid === undefined) return status(REFUSED);
        this.#issued.delete(uid);
        this.changes += 1;
        return ok();
      }
    }
  }

  /** The card is made when the host asks and a card lies there. */
  #progress(): Buffer {
    const order = this.#order;
    if (order === undefined || order.state === "stopped") return ok(Buffer.from([0]));
    if (order.state === "torn") return ok(Buffer.from([3]));
    if (order.state === "done") return ok(Buffer.from([2]), counted(order.number), counted(order.uid));
    const [uid] = this.hopper;
    if (uid === undefined) return ok(Buffer.from([1]));
    this.changes += 1;
    if (this.faults.tearAfterWrites === 0) {
      this.faults.tearAfterWrites = null;
      this.hopper.length = 0;
      order.state = "torn";
      return ok(Buffer.from([3]));
    }
    this.#cardsMade += 1;
    const number = Buffer.from(this.cardNumber ?? `K${String(this.#cardsMade).padStart(6, "0")}`);
    this.#order = { number, state: "done", uid };
    this.#issued.set(uid.toString("hex"), number);
    return ok(Buffer.from([2]), counted(number), counted(uid));
  }

  #doDoor(command: number, fields: Buffer): Buffer {
    if (command === 0x35) return ok();
    if (fields.length !== 2) return status(REFUSED);
    this.lastGrantMs = fields.readUInt16BE(0) * 100;
    this.changes += 1;
    return ok();
  }
}

function writeTo(card: SimulatedCard, fields: Buffer): CardAnswer {
  if (card instanceof SimulatedClassic && fields.length === 24) {
    const slot = fields[1] === 0 ? "A" : "B";
    return card.write(fields.readUInt8(0), slot, fields.subarray(2, 8), fields.subarray(8));
  }
  if (card instanceof SimulatedNtag && fields.length === 5) {
    return card.write(fields.readUInt8(0), fields.subarray(1));
  }
  return "forbidden";
}

function frame(sequence: number, command: number, payload: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([payload.length, sequence, command]), payload]);
  const end = Buffer.alloc(2);
  end.writeUInt16BE(checksum(body));
  return Buffer.concat([Buffer.from([0x7e]), body, end]);
}
