/**
 * The bytes of the PN532 (NXP UM0701-02, chapters 6.2 and 7): frames, and what is in the answers. Pure; any bytes
 * decode to something.
 */

/** Command codes; the answer's code is one more. */
export const COMMAND = {
  diagnose: 0x00,
  getFirmwareVersion: 0x02,
  setParameters: 0x12,
  samConfiguration: 0x14,
  rfConfiguration: 0x32,
  inDataExchange: 0x40,
  inCommunicateThru: 0x42,
  inListPassiveTarget: 0x4a,
} as const;

const TO_CHIP = 0xd4;
const TO_HOST = 0xd5;
/** The payload of the chip's error frame. */
const SYNTAX_ERROR = 0x7f;

/** The longest payload: 264 bytes after the direction byte. */
export const PAYLOAD_MAX = 265;

/** From the host: "understood", or, while a command runs, "stop". */
export const ACK = Uint8Array.of(0x00, 0x00, 0xff, 0x00, 0xff, 0x00);
/** From the host: "repeat your last answer". */
export const NACK = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00, 0x00);
/** Edges that wake the chip, and the 2 ms its oscillator needs. Sent right before a frame. */
export const WAKE_UP = Uint8Array.of(0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** What came out of the stream. */
export type Frame =
  | { readonly is: "ack" }
  | { readonly is: "nack" }
  /** The chip did not understand the command. */
  | { readonly is: "error" }
  /** `code` is the answer's own code, one more than the command's. */
  | { readonly is: "answer"; readonly code: number; readonly body: Uint8Array }
  /** A whole frame with a wrong checksum. */
  | { readonly is: "damaged" };

/** The frame of a command; more than 263 bytes of parameters are a mistake of the caller (RangeError). */
export function encodeCommand(code: number, parameters: Uint8Array): Uint8Array {
  const length = parameters.length + 2;
  if (length > PAYLOAD_MAX) throw new RangeError(`a PN532 command has at most ${PAYLOAD_MAX - 2} parameters`);
  const header =
    length <= 0xff
      ? [length, checksum([length])]
      : [0xff, 0xff, length >> 8, length & 0xff, checksum([length >> 8, length & 0xff])];
  const payload = [TO_CHIP, code, ...parameters];
  return Uint8Array.from([0x00, 0x00, 0xff, ...header, ...payload, checksum(payload), 0x00]);
}

/** What makes the sum of all bytes 0 modulo 256. */
function checksum(bytes: readonly number[]): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/**
 * Finds frames in a stream of any chunking, hunting for `00 FF` and dropping what lies before. Keeps at most one
 * unfinished frame. A bad length checksum means: look again one byte later; a bad data checksum: one damaged frame.
 */
export class FrameDecoder {
  #pending: Uint8Array = new Uint8Array();

  push(chunk: Uint8Array): Frame[] {
    let bytes = concat(this.#pending, chunk);
    const frames: Frame[] = [];
    for (;;) {
      const start = findStart(bytes);
      bytes = bytes.subarray(start);
      const cut = cutFrame(bytes);
      if (cut === "incomplete") break;
      if (cut.frame !== null) frames.push(cut.frame);
      bytes = bytes.subarray(cut.length);
    }
    this.#pending = bytes.slice();
    return frames;
  }

  /** Forgets an unfinished frame. */
  reset(): void {
    this.#pending = new Uint8Array();
  }

  /** Bytes kept for later. */
  get pending(): number {
    return this.#pending.length;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Where the first `00 FF` is, or a last byte that may become one; else the end. */
function findStart(bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index++) {
    const next = bytes[index + 1];
    if (bytes[index] === 0x00 && (next === 0xff || next === undefined)) return index;
  }
  return bytes.length;
}

interface Cut {
  /** Bytes to drop. */
  readonly length: number;
  /** Null: nothing for the host. */
  readonly frame: Frame | null;
}

/** `bytes` begins with `00 FF`, or ends before that is known. */
function cutFrame(bytes: Uint8Array): Cut | "incomplete" {
  const [, , length, lengthCheck, high = 0, low = 0, extendedCheck] = bytes;
  if (length === undefined || lengthCheck === undefined) return "incomplete";
  if (length === 0x00 && lengthCheck === 0xff) return { length: 4, frame: { is: "ack" } };
  if (length === 0xff && lengthCheck === 0x00) return { length: 4, frame: { is: "nack" } };
  if (length === 0xff && lengthCheck === 0xff) {
    if (extendedCheck === undefined) return "incomplete";
    return cutPayload(bytes, 7, (high << 8) | low, checksum([high, low]) === extendedCheck);
  }
  return cutPayload(bytes, 4, length, checksum([length]) === lengthCheck);
}

function cutPayload(
  bytes: Uint8Array,
  from: number,
  length: number,
  isLengthRight: boolean,
): Cut | "incomplete" {
  if (!isLengthRight || length === 0 || length > PAYLOAD_MAX) return { length: 1, frame: null };
  const end = from + length;
  const dataCheck = bytes[end];
  if (dataCheck === undefined) return "incomplete";
  const payload = bytes.slice(from, end);
  const isRight = checksum([...payload]) === dataCheck;
  return { length: end + 1, frame: isRight ? frameOf(payload) : { is: "damaged" } };
}

/** Null for what only a host sends: an echo, or something else on the line. */
function frameOf(payload: Uint8Array): Frame | null {
  const [direction, code] = payload;
  if (direction === SYNTAX_ERROR && payload.length === 1) return { is: "error" };
  if (direction !== TO_HOST || code === undefined) return null;
  return { is: "answer", code, body: payload.subarray(2) };
}

export interface Firmware {
  /** 32 hex is the PN532. */
  readonly ic: number;
  readonly version: number;
  readonly revision: number;
}

/** The body of an answer to GetFirmwareVersion, or null. */
export function parseFirmware(body: Uint8Array): Firmware | null {
  const [ic, version, revision, support] = body;
  if (ic === undefined || version === undefined || revision === undefined || support === undefined)
    return null;
  return { ic, version, revision };
}

/** One ISO/IEC 14443 type A card of a list. */
export interface Target {
  readonly number: number;
  /** SENS_RES, high byte first. */
  readonly atqa: number;
  readonly sak: number;
  readonly uid: Uint8Array;
}

/** SEL_RES bit 5: the card speaks ISO/IEC 14443-4 and, with automatic RATS, its ATS follows. */
const SAK_ISO_DEP = 0x20;

/** The body of an answer to InListPassiveTarget at 106 kbit/s type A, or null when it is none. */
export function parseTargets(body: Uint8Array): readonly Target[] | null {
  const targets: Target[] = [];
  let rest = body.subarray(1);
  for (let remaining = body[0] ?? -1; remaining !== 0; remaining--) {
    const [number, atqaHigh, atqaLow, sak, uidLength] = rest;
    if (number === undefined || atqaHigh === undefined || atqaLow === undefined) return null;
    if (sak === undefined || uidLength === undefined || remaining < 0) return null;
    const uid = rest.slice(5, 5 + uidLength);
    if (![4, 7, 10].includes(uid.length) || uid.length !== uidLength) return null;
    rest = rest.subarray(5 + uidLength);
    if (sak & SAK_ISO_DEP) rest = rest.subarray(rest[0] ?? 0);
    targets.push({ number, atqa: (atqaHigh << 8) | atqaLow, sak, uid });
  }
  return targets;
}

/** The initiator data that lets only the card with this UID answer: the UID with its cascade tags put in. */
export function uidFilter(uid: Uint8Array): Uint8Array {
  if (uid.length === 7) return Uint8Array.of(0x88, ...uid);
  if (uid.length === 10) return Uint8Array.of(0x88, ...uid.subarray(0, 3), 0x88, ...uid.subarray(3));
  return uid.slice();
}

/** The status that begins the answers of InDataExchange and InCommunicateThru (UM0701-02 chapter 7.1). */
export const STATUS_OK = 0x00;
export const STATUS_AUTHENTICATION = 0x14;
const RADIO_FAULTS = new Set([0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0b, 0x0e]);
/** Over-temperature, over-current, and commands that the chip finds wrong in themselves. */
const DEVICE_FAULTS = new Set([0x0d, 0x2d, 0x10, 0x12, 0x13, 0x26]);

/** Bits 6 and 7 are flags, not status. */
export function statusOf(byte: number): number {
  return byte & 0x3f;
}

/** The radio failed, not the card: worth one more try. */
export function isRadioFault(status: number): boolean {
  return RADIO_FAULTS.has(status);
}

/** The chip itself is at fault, or was asked nonsense: no card will change that. */
export function isDeviceFault(status: number): boolean {
  return DEVICE_FAULTS.has(status);
}
