/**
 * Frames of OSDP (SIA OSDP v2.2, IEC 60839-11-5) as bytes: no line, no clock, no keys. The decoder is total: any bytes
 * give frames or nothing, nothing throws, and never more than one frame is kept.
 */

/** Sent before every frame, so that a receiver that slept sees the line move. Belongs to no frame. */
export const MARK = 0xff;
const SOM = 0x53;
/** A peripheral sets this bit in the address of its reply. */
const REPLY_BIT = 0x80;
const CONTROL = { sequence: 0x03, crc: 0x04, security: 0x08 } as const;
/** SOM, address, two bytes of length, control. */
const HEADER_BYTES = 5;
/** Header, code and a checksum. */
const FRAME_BYTES_MIN = 7;
/** The most that the specification allows. */
export const FRAME_BYTES_MAX = 1_440;
export const MAC_BYTES = 4;

/** The security block's types. */
export const SECURITY = {
  challenge: 0x11,
  clientCryptogram: 0x12,
  serverCryptogram: 0x13,
  initialMac: 0x14,
  /** With a MAC and without encrypted data: from the panel, from the peripheral. */
  commandMac: 0x15,
  replyMac: 0x16,
  /** With a MAC and with encrypted data: from the panel, from the peripheral. */
  commandData: 0x17,
  replyData: 0x18,
} as const;

export interface SecurityBlock {
  readonly type: number;
  readonly data: Uint8Array;
}

/** What a frame says; `data` as it lies on the wire, encrypted or not. */
export interface FrameContent {
  /** 0 to 126; 127 is everybody. */
  readonly address: number;
  /** 0 begins a conversation; then 1, 2, 3, 1, … */
  readonly sequence: number;
  /** Else a checksum of one byte. */
  readonly usesCrc: boolean;
  readonly security: SecurityBlock | null;
  /** Command or reply code. */
  readonly code: number;
  readonly data: Uint8Array;
}

export interface Frame extends FrameContent {
  readonly isReply: boolean;
  /** The first four bytes of the MAC; there exactly when the security block says so. */
  readonly mac: Uint8Array | null;
  /** What the MAC covers; without one, all but CRC or checksum. */
  readonly covered: Uint8Array;
}

/** Does a frame with this security block end with a MAC? */
export const hasMac = (type: number): boolean => type >= SECURITY.commandMac && type <= SECURITY.replyData;

/** A command's bytes, without the mark. `macOf` makes the MAC of all that comes before it. */
export function encodeCommand(
  content: FrameContent,
  macOf?: (covered: Uint8Array) => Uint8Array,
): Uint8Array {
  const { address, sequence, usesCrc, security, code, data } = content;
  const block = security === null ? [] : [security.data.length + 2, security.type, ...security.data];
  const endBytes = (macOf === undefined ? 0 : MAC_BYTES) + (usesCrc ? 2 : 1);
  const length = HEADER_BYTES + block.length + 1 + data.length + endBytes;
  if (length > FRAME_BYTES_MAX) throw new RangeError(`a frame has at most ${FRAME_BYTES_MAX} bytes`);
  const control =
    (sequence & CONTROL.sequence) | (usesCrc ? CONTROL.crc : 0) | (security === null ? 0 : CONTROL.security);
  const covered = Uint8Array.from([
    SOM,
    address,
    length & 0xff,
    length >> 8,
    control,
    ...block,
    code,
    ...data,
  ]);
  const checked = macOf === undefined ? covered : concat(covered, macOf(covered).subarray(0, MAC_BYTES));
  if (!usesCrc) return concat(checked, Uint8Array.of(checksum(checked)));
  const crc = crc16(checked);
  return concat(checked, Uint8Array.of(crc & 0xff, crc >> 8));
}

/** CRC-16: polynomial 1021, start 1D0F, not reflected, nothing added at the end. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0x1d0f;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (CRC_TABLE[(crc >> 8) ^ byte] ?? 0);
  return crc;
}

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** Two's complement of the sum of all bytes. */
export function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

/** Finds frames in what comes over the line, in whatever pieces. */
export class FrameDecoder {
  #kept: Uint8Array = new Uint8Array();
  #addressByte: number | null = null;
  #noiseBytes = 0;

  /** From here on only replies of this address count; what is kept of earlier bytes is forgotten. */
  listenTo(address: number): void {
    this.#addressByte = address | REPLY_BIT;
    this.reset();
  }

  reset(): void {
    this.#kept = new Uint8Array();
    this.#noiseBytes = 0;
  }

  /** Bytes of a frame that is not whole yet. */
  get pending(): number {
    return this.#kept.length;
  }

  /** Bytes since the last reset that belong to no frame; marks are not counted. */
  get noiseBytes(): number {
    return this.#noiseBytes;
  }

  push(chunk: Uint8Array): readonly Frame[] {
    this.#kept = concat(this.#kept, chunk);
    return this.#take();
  }

  /**
   * Nothing more comes: what looked like the beginning of a frame was none, or was cut short. Whole frames may lie
   * behind it.
   */
  rescue(): readonly Frame[] {
    const frames: Frame[] = [];
    while (this.#kept.length > 0) {
      this.#noiseBytes += 1;
      this.#kept = this.#kept.slice(1);
      frames.push(...this.#take());
    }
    return frames;
  }

  #take(): readonly Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < this.#kept.length) {
      const found = frameAt(this.#kept.subarray(at), this.#addressByte);
      if (found === "incomplete") break;
      if (found === "noise") {
        if (this.#kept[at] !== MARK) this.#noiseBytes += 1;
        at += 1;
      } else {
        frames.push(found.frame);
        at += found.length;
      }
    }
    this.#kept = this.#kept.slice(at);
    return frames;
  }
}

/** SOM also occurs in data: a wrong check drops that one byte and no more. */
function frameAt(
  bytes: Uint8Array,
  addressByte: number | null,
): { readonly frame: Frame; readonly length: number } | "incomplete" | "noise" {
  const [som, address, low, high, control] = bytes;
  if (som !== SOM) return "noise";
  if (address === undefined) return "incomplete";
  if (addressByte !== null && address !== addressByte) return "noise";
  if (low === undefined || high === undefined || control === undefined) return "incomplete";
  const length = low | (high << 8);
  if (length < FRAME_BYTES_MIN || length > FRAME_BYTES_MAX) return "noise";
  const usesCrc = (control & CONTROL.crc) !== 0;
  const hasSecurity = (control & CONTROL.security) !== 0;
  if (bytes.length < length) return "incomplete";
  const end = length - (usesCrc ? 2 : 1);
  const checked = bytes.subarray(0, end);
  const check = usesCrc ? (bytes[end] ?? 0) | ((bytes[end + 1] ?? 0) << 8) : bytes[end];
  if (check !== (usesCrc ? crc16(checked) : checksum(checked))) return "noise";
  const blockBytes = hasSecurity ? (bytes[HEADER_BYTES] ?? 0) : 0;
  if (hasSecurity && blockBytes < 2) return "noise";
  const codeAt = HEADER_BYTES + blockBytes;
  const security = hasSecurity
    ? { type: bytes[HEADER_BYTES + 1] ?? 0, data: Uint8Array.from(bytes.subarray(HEADER_BYTES + 2, codeAt)) }
    : null;
  const macBytes = security !== null && hasMac(security.type) ? MAC_BYTES : 0;
  const dataEnd = end - macBytes;
  const code = bytes[codeAt];
  if (code === undefined || codeAt >= dataEnd) return "noise";
  const frame: Frame = {
    address: address & ~REPLY_BIT,
    isReply: (address & REPLY_BIT) !== 0,
    sequence: control & CONTROL.sequence,
    usesCrc,
    security,
    code,
    data: Uint8Array.from(bytes.subarray(codeAt + 1, dataEnd)),
    mac: macBytes === 0 ? null : Uint8Array.from(bytes.subarray(dataEnd, end)),
    covered: Uint8Array.from(bytes.subarray(0, dataEnd)),
  };
  return { frame, length };
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
