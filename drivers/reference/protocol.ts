import type { CodeWindow, KeyFacts, LockState, LockTime, Signal, SlotContent } from "#driver-api";
import { fromHex } from "#src/lib/hex";
import type { Secret } from "#src/lib/secret";
import {
  decodeFound,
  decodeHello,
  decodeIssued,
  decodeProgress,
  decodeSlot,
  decodeState,
  decodeStopped,
  decodeUnit,
  decodeWindow,
  exactly,
  type Found,
  type Hello,
  type IssuedCard,
  type IssueProgress,
  nothingMore,
  type UnitDescription,
} from "./answers.js";

/**
 * Bytes of the imaginary device, as README.md describes them: no line, no clock, no state. What the bytes mean is in
 * `answers.ts` and `events.ts`. Every decoder is total: any bytes give an answer or `undefined`, nothing throws and
 * nothing grows beyond one frame.
 */

const FRAME_START = 0x7e;
/** Start, length, sequence and command before the payload, two bytes of checksum after it. */
const FRAME_OVERHEAD_BYTES = 6;
export const PAYLOAD_BYTES_MAX = 240;
const UINT32_MAX = 0xffffffff;
/** Sequence number of what the device says unasked. */
export const EVENT_SEQUENCE = 0;
/** An answer carries the command it answers with this bit set. */
export const ANSWER_BIT = 0x80;

export interface Frame {
  /** 1 to 255 for a request and its answer, 0 for an event. */
  readonly sequence: number;
  readonly command: number;
  readonly payload: Uint8Array;
}

export function encodeFrame({ sequence, command, payload }: Frame): Uint8Array {
  const body = Uint8Array.of(payload.length, sequence, command, ...payload);
  const checksum = crc16(body);
  return Uint8Array.of(FRAME_START, ...body, checksum >> 8, checksum & 0xff);
}

/**
 * Takes every whole frame out of the bytes so far. `rest` is the beginning of a frame that has not come yet, always
 * shorter than one frame; `noiseBytes` counts what belonged to none.
 */
export function takeFrames(bytes: Uint8Array): {
  readonly frames: readonly Frame[];
  readonly rest: Uint8Array;
  readonly noiseBytes: number;
} {
  const frames: Frame[] = [];
  let noiseBytes = 0;
  let at = 0;
  while (at < bytes.length) {
    const found = frameAt(bytes, at);
    if (found === "incomplete") break;
    if (found === "noise") {
      noiseBytes += 1;
      at += 1;
    } else {
      frames.push(found);
      at += found.payload.length + FRAME_OVERHEAD_BYTES;
    }
  }
  return { frames, rest: copyOf(bytes, at, bytes.length), noiseBytes };
}

/** A start byte inside noise may look like a frame: a wrong checksum skips that one byte and no more. */
function frameAt(bytes: Uint8Array, at: number): Frame | "incomplete" | "noise" {
  if (bytes[at] !== FRAME_START) return "noise";
  const [length, sequence = 0, command = 0] = bytes.subarray(at + 1, at + 4);
  if (length === undefined) return "incomplete";
  if (length > PAYLOAD_BYTES_MAX) return "noise";
  const end = at + FRAME_OVERHEAD_BYTES + length;
  if (bytes.length < end) return "incomplete";
  const [high = 0, low = 0] = bytes.subarray(end - 2, end);
  if (crc16(bytes.subarray(at + 1, end - 2)) !== ((high << 8) | low)) return "noise";
  return { sequence, command, payload: copyOf(bytes, at + 4, end - 2) };
}

/** A copy of its own, also of a Buffer, whose `slice` is only a view. */
const copyOf = (bytes: Uint8Array, from: number, to: number): Uint8Array =>
  Uint8Array.from(bytes.subarray(from, to));

/** CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, not reflected; "123456789" gives 29B1. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Request<Answer> {
  /** For logs and messages; the payload may hold keys and codes and is never shown. */
  readonly name: string;
  readonly command: number;
  readonly payload: Uint8Array;
  /** Can a card, a slot, a lock or a door change when the device does this? */
  readonly changes: boolean;
  /** Reads the answer behind its status byte; `undefined` when it is not an answer to this request. */
  readonly decode: (body: Uint8Array) => Answer | undefined;
}

/** One key of a MIFARE Classic sector, as the device wants it with every block. */
export interface BlockKey {
  readonly slot: "A" | "B";
  readonly key: Secret<Uint8Array>;
}

const SIGNAL: Record<Signal, number> = { off: 0, present_card: 1, done: 2, failed: 3, identify: 4 };

/** Every request the device knows. `unit` is the unit's place in the device's own list, from 0. */
export const requests = {
  hello: (): Request<Hello> => ask("hello", 0x01, [], decodeHello),
  describeUnit: (unit: number): Request<UnitDescription> => ask("describeUnit", 0x02, [unit], decodeUnit),
  ping: (): Request<true> => ask("ping", 0x03, [], nothingMore),

  findCard: (unit: number): Request<Found> => ask("findCard", 0x10, [unit], decodeFound),
  selectCard: (unit: number, uid: string): Request<true> =>
    ask("selectCard", 0x11, [unit, ...counted(fromHex(uid))], nothingMore),
  readBlock: (unit: number, block: number, key: BlockKey): Request<Uint8Array> =>
    ask("readBlock", 0x12, [unit, block, ...keyBytes(key)], exactly(16)),
  writeBlock: (unit: number, block: number, key: BlockKey, data: Secret<Uint8Array>): Request<true> =>
    change("writeBlock", 0x13, [unit, block, ...keyBytes(key), ...data.reveal()], nothingMore),
  openPages: (unit: number, password: Secret<Uint8Array>): Request<Uint8Array> =>
    ask("openPages", 0x14, [unit, ...password.reveal()], exactly(2)),
  readPage: (unit: number, page: number): Request<Uint8Array> =>
    ask("readPage", 0x15, [unit, page], exactly(4)),
  writePage: (unit: number, page: number, data: Secret<Uint8Array>): Request<true> =>
    change("writePage", 0x16, [unit, page, ...data.reveal()], nothingMore),
  releaseCard: (unit: number): Request<true> => ask("releaseCard", 0x17, [unit], nothingMore),

  /** `undefined` when the facts do not fit: more than one frame of entrances, a date before 1970 or after 2106. */
  startIssue(unit: number, facts: KeyFacts): Request<true> | undefined {
    const startsAt = facts.startsAt === null ? 0 : Math.floor(facts.startsAt / 1_000);
    const endsAt = facts.endsAt === null ? UINT32_MAX : Math.floor(facts.endsAt / 1_000);
    const numbers = [facts.generation, startsAt, endsAt];
    if (numbers.some((number) => number < 0 || number > UINT32_MAX)) return undefined;
    const payload = [
      unit,
      ...numbers.flatMap(uint32),
      ...counted(ascii(facts.credentialId)),
      facts.entrances.length,
      ...facts.entrances.flatMap((entrance) => counted(ascii(entrance))),
    ];
    return payload.length > PAYLOAD_BYTES_MAX ? undefined : change("startIssue", 0x20, payload, nothingMore);
  },
  pollIssue: (unit: number): Request<IssueProgress> => ask("pollIssue", 0x21, [unit], decodeProgress),
  /** Answers whether the last order touched a card. */
  stopIssue: (unit: number): Request<{ readonly isTouched: boolean }> =>
    ask("stopIssue", 0x22, [unit], decodeStopped),
  /** A blank card has an empty number. */
  readIssued: (unit: number): Request<IssuedCard> => ask("readIssued", 0x23, [unit], decodeIssued),
  cancelIssued: (unit: number, cardNumber: string): Request<true> =>
    change("cancelIssued", 0x24, [unit, ...counted(ascii(cardNumber))], nothingMore),

  readSlot: (unit: number, slot: number): Request<SlotContent> =>
    ask("readSlot", 0x30, [unit, slot], decodeSlot),
  writeSlot: (unit: number, slot: number, code: Secret<string>): Request<true> =>
    change("writeSlot", 0x31, [unit, slot, ...counted(ascii(code.reveal()))], nothingMore),
  clearSlot: (unit: number, slot: number): Request<true> =>
    change("clearSlot", 0x32, [unit, slot], nothingMore),
  /** `undefined` when the window does not fit into seconds since 1970, up to 2106. */
  writeTimed(
    unit: number,
    slot: number,
    code: Secret<string>,
    window: CodeWindow,
  ): Request<true> | undefined {
    const seconds = [window.startsAt, window.endsAt].map((at) => Math.floor(at / 1_000));
    if (seconds.some((second) => second < 0 || second > UINT32_MAX)) return undefined;
    const payload = [unit, slot, ...seconds.flatMap(uint32), ...counted(ascii(code.reveal()))];
    return change("writeTimed", 0x36, payload, nothingMore);
  },
  readWindow: (unit: number, slot: number): Request<{ readonly window: CodeWindow | null }> =>
    ask("readWindow", 0x37, [unit, slot], decodeWindow),
  setClock: (unit: number, { now, timeZone }: LockTime): Request<true> =>
    ask(
      "setClock",
      0x38,
      [unit, ...uint32(Math.floor((now ?? 0) / 1_000)), ...counted(ascii(timeZone))],
      nothingMore,
    ),
  checksum: (unit: number): Request<Uint8Array> => ask("checksum", 0x39, [unit], exactly(2)),
  readState: (unit: number): Request<LockState> => ask("readState", 0x3a, [unit], decodeState),
  setLocked: (unit: number, isLocked: boolean): Request<true> =>
    change("setLocked", 0x33, [unit, isLocked ? 1 : 0], nothingMore),
  /** Opens for so many tenths of a second, 1 to 65535. */
  grant: (unit: number, tenths: number): Request<true> =>
    change("grant", 0x34, [unit, tenths >> 8, tenths & 0xff], nothingMore),
  deny: (unit: number): Request<true> => ask("deny", 0x35, [unit], nothingMore),

  signal: (unit: number, signal: Signal): Request<true> =>
    ask("signal", 0x40, [unit, SIGNAL[signal]], nothingMore),
} as const;

type Decode<Answer> = Request<Answer>["decode"];

function ask<Answer>(
  name: string,
  command: number,
  payload: readonly number[],
  decode: Decode<Answer>,
): Request<Answer> {
  return { name, command, payload: Uint8Array.from(payload), changes: false, decode };
}

function change<Answer>(
  name: string,
  command: number,
  payload: readonly number[],
  decode: Decode<Answer>,
): Request<Answer> {
  return { ...ask(name, command, payload, decode), changes: true };
}

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const counted = (bytes: Uint8Array): readonly number[] => [bytes.length, ...bytes];
const uint32 = (value: number): readonly number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
const keyBytes = ({ slot, key }: BlockKey): readonly number[] => [slot === "A" ? 0 : 1, ...key.reveal()];

// ── Statuses ────────────────────────────────────────────────────────────────────────────────────────────────────

const STATUSES = [
  "ok",
  "busy",
  "refused",
  "no_card",
  "several_cards",
  "other_card",
  "wrong_key",
  "forbidden",
  "torn",
  "no_server",
] as const;
export type Status = (typeof STATUSES)[number];

export type Reply<Answer> =
  { readonly status: "ok"; readonly answer: Answer } | { readonly status: Exclude<Status, "ok"> };

/** `undefined` when the payload is not an answer to this request. */
export function decodeReply<Answer>(
  request: Request<Answer>,
  payload: Uint8Array,
): Reply<Answer> | undefined {
  const status = STATUSES[payload[0] ?? STATUSES.length];
  if (status === undefined) return undefined;
  if (status !== "ok") return { status };
  const answer = request.decode(payload.subarray(1));
  return answer === undefined ? undefined : { status, answer };
}
