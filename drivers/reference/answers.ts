import type { CardTechnology, CodeWindow, LockState, SlotContent } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

/** What the device answers, behind the status byte. `undefined`: it is not an answer to what was asked. */

export interface Hello {
  readonly protocol: number;
  readonly unitCount: number;
  readonly model: string;
  readonly firmware: string;
  readonly serial: string;
}

export interface UnitDescription {
  readonly key: string;
  readonly hasCardWriter: boolean;
  readonly hasKeyIssuer: boolean;
  readonly hasCardReader: boolean;
  readonly hasLock: boolean;
  readonly hasDoor: boolean;
  readonly hasSignals: boolean;
  /** A lock that keeps the windows of its codes itself. */
  readonly hasSchedule: boolean;
  readonly hasChecksum: boolean;
  /** Locks only, else 0. */
  readonly slots: number;
  readonly codeDigitsMin: number;
  readonly codeDigitsMax: number;
}

export type Found =
  | { readonly is: "nothing" | "several" }
  | { readonly is: "one"; readonly uid: string; readonly technology: CardTechnology };

export interface IssuedCard {
  readonly cardNumber: string;
  readonly uid: string;
}

export type IssueProgress =
  { readonly is: "idle" | "working" | "torn" } | { readonly is: "done"; readonly card: IssuedCard };

const TECHNOLOGIES: readonly CardTechnology[] = [
  "unknown",
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
];

/** Reads fields one after another. Past the end it gives zeros and remembers that the bytes were too short. */
export class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  number(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  counted(): Uint8Array {
    const length = this.number();
    const field = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return field;
  }

  text(): string {
    return Buffer.from(this.counted()).toString("latin1");
  }

  uint32(): number {
    return [0, 1, 2, 3].reduce((sum) => sum * 256 + this.number(), 0);
  }

  /** The value, if the fields ended exactly where the bytes do. */
  whole<T>(value: T): T | undefined {
    return this.#at === this.#bytes.length ? value : undefined;
  }
}

export const nothingMore = (body: Uint8Array): true | undefined => (body.length === 0 ? true : undefined);
export const exactly = (length: number) => (body: Uint8Array) =>
  body.length === length ? body.slice() : undefined;

export function decodeHello(body: Uint8Array): Hello | undefined {
  const fields = new Fields(body);
  return fields.whole({
    protocol: fields.number(),
    unitCount: fields.number(),
    model: fields.text(),
    firmware: fields.text(),
    serial: fields.text(),
  });
}

export function decodeUnit(body: Uint8Array): UnitDescription | undefined {
  const fields = new Fields(body);
  const abilities = fields.number();
  return fields.whole({
    hasCardWriter: (abilities & 0x01) !== 0,
    hasKeyIssuer: (abilities & 0x02) !== 0,
    hasCardReader: (abilities & 0x04) !== 0,
    hasLock: (abilities & 0x08) !== 0,
    hasDoor: (abilities & 0x10) !== 0,
    hasSignals: (abilities & 0x20) !== 0,
    hasSchedule: (abilities & 0x40) !== 0,
    hasChecksum: (abilities & 0x80) !== 0,
    slots: fields.number(),
    codeDigitsMin: fields.number(),
    codeDigitsMax: fields.number(),
    key: fields.text(),
  });
}

export function decodeFound(body: Uint8Array): Found | undefined {
  const fields = new Fields(body);
  const count = fields.number();
  if (count !== 1) return fields.whole({ is: count === 0 ? "nothing" : "several" });
  const technology = TECHNOLOGIES[fields.number()] ?? "unknown";
  const uid = toHex(fields.counted());
  return uid === "" ? undefined : fields.whole({ is: "one", uid, technology });
}

export function decodeIssued(body: Uint8Array): IssuedCard | undefined {
  const fields = new Fields(body);
  return fields.whole({ cardNumber: fields.text(), uid: toHex(fields.counted()) });
}

export function decodeProgress(body: Uint8Array): IssueProgress | undefined {
  const state = (["idle", "working", "done", "torn"] as const)[body[0] ?? 4];
  if (state === undefined) return undefined;
  if (state !== "done") return body.length === 1 ? { is: state } : undefined;
  const card = decodeIssued(body.subarray(1));
  return card === undefined || card.cardNumber === "" ? undefined : { is: state, card };
}

export function decodeStopped(body: Uint8Array): { readonly isTouched: boolean } | undefined {
  return body.length === 1 ? { isTouched: body[0] !== 0 } : undefined;
}

export function decodeSlot(body: Uint8Array): SlotContent | undefined {
  const fields = new Fields(body);
  switch (fields.number()) {
    case 0:
      return fields.whole({ is: "empty" });
    case 1:
      return fields.whole({ is: "code", code: new Secret(fields.text()) });
    case 2:
      return fields.whole({ is: "withheld" });
    default:
      return undefined;
  }
}

export function decodeWindow(body: Uint8Array): { readonly window: CodeWindow | null } | undefined {
  const fields = new Fields(body);
  const is = fields.number();
  if (is === 0) return fields.whole({ window: null });
  const window = { startsAt: fields.uint32() * 1_000, endsAt: fields.uint32() * 1_000 };
  return is === 1 ? fields.whole({ window }) : undefined;
}

const TERNARY: readonly (boolean | null)[] = [false, true];
const BATTERY_UNKNOWN = 255;

export function decodeState(body: Uint8Array): LockState | undefined {
  const fields = new Fields(body);
  const isLocked = TERNARY[fields.number()] ?? null;
  const isDoorOpen = TERNARY[fields.number()] ?? null;
  const percent = fields.number();
  const battery = percent === BATTERY_UNKNOWN ? null : Math.min(percent, 100) / 100;
  return fields.whole({ isLocked, isDoorOpen, battery });
}
