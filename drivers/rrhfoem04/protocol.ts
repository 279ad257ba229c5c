import type { Secret } from "#src/lib/secret";
import { fromHex, toHex } from "#src/lib/hex";

/**
 * The bytes of the RapidRadio RRHFOEM04 and RRHFOEM07 (RRHFOEM04 Protocol Reference): one frame a report, and rubbish
 * behind it. Pure; any bytes decode to something.
 *
 *     command  LEN CMDhi CMDlo data… CRChi CRClo
 *     answer   LEN CMDhi CMDlo ERRhi ERRlo data… CRChi CRClo
 */
export const REPORT_BYTES = 64;
const CRC_BYTES = 2;
const HEADER_BYTES = 3;
const ERROR_BYTES = 2;

export interface Command {
  readonly code: number;
  readonly data: readonly number[];
}

const command = (code: number, ...data: readonly number[]): Command => ({ code, data });

export const commands = {
  info: command(0xf000),
  beep: command(0xf001),
  /** Finds one ISO/IEC 14443 type A card and tells its UID. */
  inventory: command(0x2f01),
  /** REQA: cards that were halted do not answer. */
  request: command(0x2001, 0x26),
  halt: command(0x2005),
  select: (uid: string) => command(0x2f02, uid.length / 2, ...fromHex(uid)),
  /** `uid4`: the four bytes that a MIFARE Classic card authenticates with, the last four of a longer UID. */
  authenticate: (uid: string, block: number, slot: "A" | "B", key: Secret<Uint8Array>) =>
    command(0x2101, ...fromHex(uid.slice(-8)), block, slot === "A" ? 0x60 : 0x61, ...key.reveal()),
  read: (block: number) => command(0x2102, block),
  write: (block: number, data: Secret<Uint8Array>) => command(0x2103, block, ...data.reveal()),
} as const;

/** A whole report. More data than a report holds is a mistake of the caller (RangeError). */
export function encodeCommand({ code, data }: Command): Uint8Array {
  const frame = [HEADER_BYTES + data.length, code >> 8, code & 0xff, ...data];
  if (frame.length + CRC_BYTES > REPORT_BYTES) throw new RangeError("a command fits one report");
  const report = new Uint8Array(REPORT_BYTES);
  report.set(withCrc(frame));
  return report;
}

export interface Answer {
  readonly code: number;
  /** The reader did what it was told. If not, it does not say why. */
  readonly isDone: boolean;
  readonly data: Uint8Array;
}

/**
 * Null for what is no answer. The vendor's text counts one byte too few for a block's answer, so the checksum may also
 * stand one byte later than the length says.
 */
export function decodeAnswer(report: Uint8Array): Answer | null {
  const [length = 0, high = 0, low = 0, error1, error2] = report;
  for (const end of [length, length + 1]) {
    if (end < HEADER_BYTES + ERROR_BYTES || end + CRC_BYTES > report.length) continue;
    const frame = report.subarray(0, end + CRC_BYTES);
    if (toHex(frame) !== toHex(withCrc([...frame.subarray(0, end)]))) continue;
    return {
      code: (high << 8) | low,
      isDone: error1 === 0 && error2 === 0,
      data: report.slice(HEADER_BYTES + ERROR_BYTES, end),
    };
  }
  return null;
}

function withCrc(frame: readonly number[]): Uint8Array {
  const crc = crcOf(frame);
  return Uint8Array.from([...frame, crc >> 8, crc & 0xff]);
}

/** Polynomial 1021, start FFFF, each byte put into the low half before its eight shifts, inverted at the end. */
export function crcOf(bytes: readonly number[]): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return ~crc & 0xffff;
}

export interface Info {
  readonly model: string;
  readonly firmware: string;
  readonly serial: string;
}

/** 16 bytes: the model in ASCII up to a `-`, versions, the serial number in the last three. Null when it is none. */
export function parseInfo(data: Uint8Array): Info | null {
  const dash = data.indexOf(0x2d);
  const model = Buffer.from(data.subarray(0, Math.max(0, dash))).toString("latin1");
  if (data.length !== 16 || !/^RRHFOEM0\d$/.test(model)) return null;
  const versions = data.subarray(dash + 1, -3);
  return { model, firmware: [...versions].join("."), serial: toHex(data.subarray(-3)) };
}

/** Lower-case hex; null when it is no list of one card. */
export function parseUid([length = 0, ...uid]: Uint8Array): string | null {
  const isUid = (length === 4 || length === 7 || length === 10) && uid.length === length;
  return isUid ? toHex(Uint8Array.from(uid)) : null;
}
