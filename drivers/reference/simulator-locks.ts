import type { Clock } from "#src/lib/deadline";

/** A unit of the simulated device. */
export interface SimulatedUnit {
  readonly key: string;
  readonly abilities: number;
  readonly slots: number;
  readonly withholdsCodes: boolean;
}

export const SCHEDULE = 0x40;
export const CHECKSUM = 0x80;

export const OK = 0;
export const REFUSED = 2;

export const EMPTY = Buffer.alloc(0);
export const status = (code: number): Buffer => Buffer.from([code]);
export const ok = (...parts: readonly Buffer[]): Buffer => Buffer.concat([status(OK), ...parts]);
export const counted = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length]), bytes]);

/** The device's locks that decide alone: slots, windows, bolts and doors, and the people at them. */
export abstract class SimulatedLocks {
  /** Times that a card, a slot, a lock or a door was changed. */
  changes = 0;
  /** Its locks take no code and give none up. */
  refusesCodes = false;
  /** Locks that keep the windows of their codes themselves, and say so when they are asked what they are. */
  readonly schedulers = new Set<string>();
  /** Locks that give out a checksum of their slots. */
  readonly summers = new Set<string>();
  /** Its locks give out no checksum although they could. */
  refusesSums = false;
  /** What happens at its locks is told to nobody. */
  isQuiet = false;
  /** How often slots were read, by unit. */
  readonly slotReads = new Map<string, number>();
  /** What it tells of a changed slot does not say which. */
  tellsNoSlots = false;
  /** Its locks take no window. */
  refusesWindows = false;
  readonly locked = new Map<string, boolean>();
  readonly #clock: Clock;
  readonly #units: readonly SimulatedUnit[];
  readonly #slots = new Map<string, Buffer>();
  /** Start and end in seconds, by `unit/slot`. */
  readonly #windows = new Map<string, readonly [number, number]>();
  /** What the locks' clocks were set to, and when; undefined: never. */
  #clockSet: { readonly seconds: number; readonly at: number; readonly zone: string } | undefined;
  readonly #doors = new Map<string, boolean>();
  readonly #batteries = new Map<string, number>();

  constructor(clock: Clock, units: readonly SimulatedUnit[]) {
    this.#clock = clock;
    this.#units = units;
  }

  /** Says something unasked about a unit. */
  protected abstract tell(command: number, unit: string, ...fields: readonly Buffer[]): void;

  // ── The world ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Someone types a code at a lock that decides alone. */
  useCode(unit: string, code: string): void {
    const slot = this.#slotNumbers(unit).find((number) => this.#slot(unit, number)?.toString() === code);
    if (slot === undefined) {
      this.tell(0xe2, unit, Buffer.from([3, 0, 0]));
      return;
    }
    const window = this.#windows.get(`${unit}/${slot}`);
    const now = this.#lockTime() ?? -1;
    if (window !== undefined && (now < window[0] || now >= window[1])) {
      this.tell(0xe2, unit, Buffer.from([3, 1, 0]));
      return;
    }
    this.locked.set(unit, false);
    this.tell(0xe2, unit, Buffer.from([1, 0, slot]));
  }

  /** Someone turns the bolt from the keypad. */
  lockByHand(unit: string): void {
    this.locked.set(unit, true);
    this.tell(0xe2, unit, Buffer.from([2, 1, 0]));
  }

  /** Someone changes a slot at the lock itself; null clears it. */
  changeSlotAtLock(unit: string, slot: number, code: string | null): void {
    this.#put(`${unit}/${slot}`, code === null ? null : Buffer.from(code));
    this.tell(0xe2, unit, Buffer.from([4, 0, this.tellsNoSlots ? 0 : slot]));
  }

  /** Someone takes the window of a slot away, or gives it one, at the lock itself. Seconds since 1970. */
  changeWindowAtLock(unit: string, slot: number, window: readonly [number, number] | null): void {
    if (window === null) this.#windows.delete(`${unit}/${slot}`);
    else this.#windows.set(`${unit}/${slot}`, window);
    this.tell(0xe2, unit, Buffer.from([4, 0, slot]));
  }

  /** The windows that the lock keeps, in seconds since 1970. */
  windowsOf(unit: string): Readonly<Record<number, readonly [number, number]>> {
    const kept = this.#slotNumbers(unit).map((slot) => [slot, this.#windows.get(`${unit}/${slot}`)] as const);
    return Object.fromEntries(kept.filter(([, window]) => window !== undefined)) as Record<
      number,
      readonly [number, number]
    >;
  }

  /** The zone that the locks were told; null: none. */
  get zone(): string | null {
    return this.#clockSet?.zone ?? null;
  }

  /** The locks forget the time, as after a change of battery. */
  forgetTime(): void {
    this.#clockSet = undefined;
  }

  openDoor(unit: string, isOpen: boolean): void {
    this.#doors.set(unit, isOpen);
    this.tell(0xe2, unit, Buffer.from([8, 0, isOpen ? 1 : 0]));
  }

  jam(unit: string): void {
    this.tell(0xe2, unit, Buffer.from([5, 0, 0]));
  }

  /** Someone opens its cover. */
  tamper(unit: string): void {
    this.tell(0xe2, unit, Buffer.from([6, 0, 0]));
  }

  /** What the slots of a lock hold. */
  codesOf(unit: string): Readonly<Record<number, string>> {
    const held = this.#slotNumbers(unit).map((slot) => [slot, this.#slot(unit, slot)?.toString()] as const);
    return Object.fromEntries(held.filter(([, code]) => code !== undefined)) as Record<number, string>;
  }

  /** 0 to 100. */
  reportBattery(unit: string, percent: number): void {
    this.#batteries.set(unit, percent);
    this.tell(0xe2, unit, Buffer.from([7, 0, percent]));
  }

  // ── What they can do ─────────────────────────────────────────────────────────────────────────────────────────

  /** The answer of a lock to a request; undefined: it knows no such request. */
  protected askLock(command: number, unit: SimulatedUnit, fields: Buffer): Buffer | undefined {
    if (command >= 0x30 && command <= 0x33) return this.#doLock(command, unit, fields);
    if (command >= 0x36 && command <= 0x38 && this.schedulers.has(unit.key))
      return this.#doWindow(command, unit, fields);
    if (command === 0x39 && this.summers.has(unit.key)) return this.#sum(unit);
    return command === 0x3a ? this.#state(unit.key) : undefined;
  }

  #doLock(command: number, unit: SimulatedUnit, fields: Buffer): Buffer {
    const [slot = 0, length = 0] = fields;
    if (command === 0x33) {
      this.changes += 1;
      this.locked.set(unit.key, slot === 1);
      this.tell(0xe2, unit.key, Buffer.from([slot === 1 ? 2 : 1, 3, 0]));
      return ok();
    }
    if (slot < 1 || slot > unit.slots) return status(REFUSED);
    const place = `${unit.key}/${slot}`;
    const code = this.#slots.get(place);
    if (command === 0x30) {
      this.slotReads.set(unit.key, (this.slotReads.get(unit.key) ?? 0) + 1);
      if (code === undefined) return ok(Buffer.from([0]));
      return unit.withholdsCodes ? ok(Buffer.from([2])) : ok(Buffer.from([1]), counted(code));
    }
    if (this.refusesCodes) return status(REFUSED);
    if (command === 0x31) {
      const wanted = Buffer.from(fields.subarray(2));
      if (wanted.length !== length || !this.#takes(unit, slot, wanted)) return status(REFUSED);
      this.#put(place, wanted);
    } else {
      this.#put(place, null);
    }
    this.changes += 1;
    return ok();
  }

  #takes(unit: SimulatedUnit, slot: number, code: Buffer): boolean {
    const isTaken = this.#slotNumbers(unit.key).some(
      (n) => n !== slot && this.#slot(unit.key, n)?.equals(code),
    );
    return code.length >= 4 && code.length <= 8 && !isTaken;
  }

  /** A code that is put there, or taken off, opens always: its window is gone. */
  #put(place: string, code: Buffer | null): void {
    this.#windows.delete(place);
    if (code === null) this.#slots.delete(place);
    else this.#slots.set(place, code);
  }

  protected abilitiesOf({ key, abilities }: SimulatedUnit): number {
    const schedule = this.schedulers.has(key) ? SCHEDULE : 0;
    return abilities | schedule | (this.summers.has(key) ? CHECKSUM : 0);
  }

  /** Seconds since 1970 by the locks' own clock; undefined: it was never set. */
  #lockTime(): number | undefined {
    if (this.#clockSet === undefined || this.#clockSet.seconds === 0) return undefined;
    return this.#clockSet.seconds + Math.floor((this.#clock.monotonic() - this.#clockSet.at) / 1_000);
  }

  #doWindow(command: number, unit: SimulatedUnit, fields: Buffer): Buffer {
    if (command === 0x38) {
      if (fields.length < 5) return status(REFUSED);
      const seconds = fields.readUInt32BE(0) || (this.#lockTime() ?? 0);
      this.#clockSet = { seconds, at: this.#clock.monotonic(), zone: fields.subarray(5).toString("latin1") };
      return ok();
    }
    const [slot = 0] = fields;
    if (slot < 1 || slot > unit.slots) return status(REFUSED);
    const place = `${unit.key}/${slot}`;
    if (command === 0x37) {
      const window = this.#windows.get(place);
      if (window === undefined) return ok(Buffer.from([0]));
      const times = Buffer.alloc(8);
      times.writeUInt32BE(window[0], 0);
      times.writeUInt32BE(window[1], 4);
      return ok(Buffer.from([1]), times);
    }
    const code = Buffer.from(fields.subarray(10));
    // A lock that does not know the time keeps no window.
    const isRefused = this.refusesCodes || this.refusesWindows || this.#lockTime() === undefined;
    if (isRefused || fields.length < 10 || fields[9] !== code.length) return status(REFUSED);
    if (!this.#takes(unit, slot, code)) return status(REFUSED);
    this.#put(place, code);
    this.#windows.set(place, [fields.readUInt32BE(1), fields.readUInt32BE(5)]);
    this.changes += 1;
    return ok();
  }

  #sum(unit: SimulatedUnit): Buffer {
    if (this.refusesSums) return status(REFUSED);
    const held = this.#slotNumbers(unit.key).flatMap((slot) => {
      const place = `${unit.key}/${slot}`;
      return [String(this.#slots.get(place) ?? ""), String(this.#windows.get(place) ?? "")];
    });
    const sum = Buffer.alloc(2);
    sum.writeUInt16BE(checksum(Buffer.from(held.join("|"))));
    return ok(sum);
  }

  #state(unit: string): Buffer {
    const ternary = (value: boolean | undefined) => (value === undefined ? 2 : Number(value));
    const battery = this.#batteries.get(unit) ?? 255;
    return ok(Buffer.from([ternary(this.locked.get(unit)), ternary(this.#doors.get(unit)), battery]));
  }

  #slot(unit: string, slot: number): Buffer | undefined {
    return this.#slots.get(`${unit}/${slot}`);
  }

  #slotNumbers(unit: string): readonly number[] {
    const slots = this.#units.find(({ key }) => key === unit)?.slots ?? 0;
    return Array.from({ length: slots }, (_, index) => index + 1);
  }
}

/** CRC-16/CCITT-FALSE, a nibble at a time. */
export function checksum(bytes: Buffer): number {
  let crc = 0xffff;
  for (const nibble of [...bytes].flatMap((byte) => [byte >> 4, byte & 0x0f])) {
    crc = ((crc << 4) & 0xffff) ^ (0x1021 * ((crc >> 12) ^ nibble));
  }
  return crc;
}
