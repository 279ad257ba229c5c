/**
 * The bytes of Elatec's Simple Protocol (TWN4 Simple Protocol, DocRev 17): lines of hex, and what is in them. Pure; any
 * bytes decode to something.
 */

/** `call` is the two bytes of the function, `parameters` what follows; numbers in them are little-endian. */
export interface Command<Answer> {
  readonly name: string;
  readonly call: number;
  readonly parameters: Uint8Array;
  /** The answer's content after its status; undefined for what is no answer to this command. */
  readonly parse: (content: Uint8Array) => Answer | undefined;
}

const CR = 0x0d;
const CRC_BYTES = 2;
/** Says only that the command was understood. */
export const STATUS_OK = 0x00;
/** The reader takes no checksum: it found bytes that it did not expect. */
export const STATUS_UNUSED_PARAMETERS = 0x03;
const STATUS_MAX = 0x05;

const TAG_ISO14443A = 0x01;
const ID_BYTES_MAX = 10;
const ANSWER_MAX = 0xff;
const ALL_LAMPS = 0x07;
const KEY_TYPE = { A: 0, B: 1 } as const;

export const LAMP = { red: 0x01, green: 0x02, yellow: 0x04 } as const;

/** One line; `hasChecksum`: the reader was set up for CRC mode. */
export function encodeLine<A>({ call, parameters }: Command<A>, hasChecksum: boolean): Uint8Array {
  const bytes = Uint8Array.of(call >> 8, call & 0xff, ...parameters);
  const whole = hasChecksum ? Uint8Array.of(...bytes, ...lowFirst(crc16(bytes), CRC_BYTES)) : bytes;
  return new Uint8Array(Buffer.from(`${Buffer.from(whole).toString("hex").toUpperCase()}\r`, "ascii"));
}

/** What ends a line that the reader may have begun to read. */
export const END_OF_LINE = Uint8Array.of(CR);

export interface Line {
  readonly status: number;
  readonly content: Uint8Array;
}

/** The last whole line that makes sense; the reader answers in one line, so of several the last is the newest. */
export function lastLine(heard: Uint8Array, hasChecksum: boolean): Line | null {
  const lines: Line[] = [];
  let from = 0;
  for (let at = heard.indexOf(CR); at >= 0; at = heard.indexOf(CR, from)) {
    const line = decodeLine(heard.subarray(from, at), hasChecksum);
    if (line !== null) lines.push(line);
    from = at + 1;
  }
  return lines.at(-1) ?? null;
}

/** Hunts for the hex at the line's end: what lies before it is noise. */
function decodeLine(text: Uint8Array, hasChecksum: boolean): Line | null {
  const hex = /[0-9A-F]*$/.exec(Buffer.from(text).toString("latin1").replaceAll("\n", ""))?.[0] ?? "";
  if (hex.length === 0 || hex.length % 2 !== 0) return null;
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  const end = hasChecksum ? bytes.length - CRC_BYTES : bytes.length;
  const [status] = bytes;
  if (end < 1 || status === undefined || status > STATUS_MAX) return null;
  const content = bytes.slice(0, end);
  if (hasChecksum && Buffer.compare(bytes.subarray(end), Uint8Array.from(lowFirst(crc16(content), 2))) !== 0)
    return null;
  return { status, content: content.slice(1) };
}

/** Reflected polynomial 8408, begun with FFFF, over the bytes and not their digits. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
  }
  return crc;
}

export interface Tag {
  /** Lower-case hex. */
  readonly uid: string;
}

export const commands = {
  version: (): Command<string> => command("GetVersionString", 0x0004, [ANSWER_MAX], textOf),
  deviceUid: (): Command<string> => command("GetDeviceUID", 0x0008, [], exactHex(12)),
  /** Milliseconds since the reader started. */
  ticks: (): Command<number> => command("GetSysTicks", 0x0003, [], ticksOf),

  lampsAreOutputs: () => command("GPIOConfigureOutputs", 0x0400, [ALL_LAMPS, 0, 0], nothing),
  lampsOn: (lamps: number) => command("GPIOSetBits", 0x0402, [lamps], nothing),
  lampsOff: (lamps: number = ALL_LAMPS) => command("GPIOClearBits", 0x0403, [lamps], nothing),
  blink: (lamps: number, ms: number) =>
    command("GPIOBlinkBits", 0x0405, [lamps, ...lowFirst(ms, 2), ...lowFirst(ms, 2)], nothing),
  beep: (hertz: number, ms: number) =>
    command("Beep", 0x0407, [0x64, ...lowFirst(hertz, 2), ...lowFirst(ms, 2), 0, 0], nothing),

  onlyIso14443a: () =>
    command("SetTagTypes", 0x0502, [...lowFirst(0, 4), ...lowFirst(TAG_ISO14443A, 4)], nothing),
  fieldOff: () => command("SetRFOff", 0x0501, [], nothing),
  /** Null: no card answers. */
  search: (): Command<Tag | null> => command("SearchTag", 0x0500, [ID_BYTES_MAX], foundOf),
  searchAll: (): Command<readonly Tag[]> =>
    command("ISO14443A_SearchMultiTag", 0x1208, [ANSWER_MAX], allFoundOf),
  select: (uid: string) =>
    command("ISO14443A_SelectTag", 0x1209, [uid.length / 2, ...Buffer.from(uid, "hex")], isDone),
  sak: (): Command<number | null> =>
    command("ISO14443A_GetSAK", 0x1205, [], (content) =>
      content.length === 2 && content[0] === 1 ? content[1] : refusedOf(content),
    ),

  openSector: (sector: number, slot: "A" | "B", key: Uint8Array) =>
    command("MifareClassic_Login", 0x0b00, [...key, KEY_TYPE[slot], sector], isDone),
  readBlock: (block: number) => command("MifareClassic_ReadBlock", 0x0b01, [block], exactData(16)),
  writeBlock: (block: number, data: Uint8Array) =>
    command("MifareClassic_WriteBlock", 0x0b02, [block, ...data], isDone),

  tagVersion: () => command("NTAG_GetVersion", 0x2005, [], exactData(8)),
  openPages: (pwd: Uint8Array, pack: Uint8Array) =>
    command("NTAG_PwdAuth", 0x2006, [...pwd, ...pack], isDone),
  readPages: (first: number) => command("NTAG_Read", 0x2000, [first], exactData(16)),
  writePage: (page: number, data: Uint8Array) => command("NTAG_Write", 0x2001, [page, ...data], isDone),

  apdu: (bytes: Uint8Array): Command<Uint8Array | null> =>
    command("ISO14443_4_TDX", 0x1203, [bytes.length, ...bytes, ANSWER_MAX], (content) =>
      content[0] === 1 ? countedOf(content.subarray(1)) : refusedOf(content),
    ),
} as const;

function command<A>(
  name: string,
  call: number,
  parameters: readonly number[],
  parse: (content: Uint8Array) => A | undefined,
): Command<A> {
  return { name, call, parameters: Uint8Array.from(parameters), parse };
}

const nothing = (content: Uint8Array) => (content.length === 0 ? true : undefined);

/** True: done; false: failed. */
function isDone(content: Uint8Array): boolean | undefined {
  return content.length === 1 && (content[0] === 0 || content[0] === 1) ? content[0] === 1 : undefined;
}

/** A call that failed says so and no more. */
function refusedOf(content: Uint8Array): null | undefined {
  return content.length === 1 && content[0] === 0 ? null : undefined;
}

/** The data of a call that was done; null when it failed. */
function exactData(size: number) {
  return (content: Uint8Array): Uint8Array | null | undefined =>
    content.length === size + 1 && content[0] === 1 ? content.slice(1) : refusedOf(content);
}

function exactHex(size: number) {
  return (content: Uint8Array) =>
    content.length === size ? Buffer.from(content).toString("hex") : undefined;
}

/** Bytes behind their number. */
function countedOf(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length > 0 && bytes[0] === bytes.length - 1 ? bytes.slice(1) : undefined;
}

function textOf(content: Uint8Array): string | undefined {
  const text = Buffer.from(countedOf(content) ?? []).toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

function ticksOf(content: Uint8Array): number | undefined {
  return content.length === 4 ? Buffer.from(content).readUInt32LE() : undefined;
}

/** Type, bits, and the id behind its length. */
function foundOf(content: Uint8Array): Tag | null | undefined {
  if (content[0] !== 1) return refusedOf(content);
  const id = countedOf(content.subarray(3));
  return id === undefined || id.length === 0 ? undefined : { uid: Buffer.from(id).toString("hex") };
}

/** How many, how many bytes they take, and each id behind its length. */
function allFoundOf(content: Uint8Array): readonly Tag[] | undefined {
  if (content[0] !== 1) return refusedOf(content) === null ? [] : undefined;
  const [, count = 0, size] = content;
  let rest = content.subarray(3);
  if (size !== rest.length) return undefined;
  const found: Tag[] = [];
  while (rest.length > 0) {
    const length = rest[0] ?? 0;
    const id = rest.subarray(1, 1 + length);
    if (length === 0 || id.length !== length) return undefined;
    found.push({ uid: Buffer.from(id).toString("hex") });
    rest = rest.subarray(1 + length);
  }
  return found.length === count ? found : undefined;
}

function lowFirst(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 0xff);
}
