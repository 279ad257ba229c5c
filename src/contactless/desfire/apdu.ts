/**
 * MIFARE DESFire's native commands in ISO/IEC 7816-4 wrapping: `90 command 00 00 length data 00`, answered by
 * `data 91 status`. Pure: a conversation is a generator that gives APDUs and takes answers, so that any reader that can
 * pass an APDU on carries it. Sources: NXP MF3ICDx21 short data sheet; libfreefare 0.4.0.
 */

export const COMMAND = {
  authenticateDes: 0x0a,
  authenticateAes: 0xaa,
  more: 0xaf,
  changeKey: 0xc4,
  changeKeySettings: 0x54,
  selectApplication: 0x5a,
  createApplication: 0xca,
  applicationIds: 0x6a,
  format: 0xfc,
  version: 0x60,
  createStandardFile: 0xcd,
  createBackupFile: 0xcb,
  fileIds: 0x6f,
  fileSettings: 0xf5,
  readData: 0xbd,
  writeData: 0x3d,
  commit: 0xc7,
  cardUid: 0x51,
} as const;

export const STATUS = { ok: 0x00, more: 0xaf } as const;

/** One APDU, and whether it asks the card to change. */
export interface Exchange {
  readonly apdu: Uint8Array;
  readonly changesCard: boolean;
}

/** Gives APDUs, takes the card's answers, ends with a result; throws `DesfireRefusal`. */
export type Dialogue<T> = Generator<Exchange, T, Uint8Array>;

/** The card said no; or what it said is damaged, and so nobody knows what it said. */
export class DesfireRefusal extends Error {
  override readonly name = "DesfireRefusal";
  readonly status: number | "damaged";

  constructor(status: number | "damaged") {
    super(`status ${typeof status === "number" ? status.toString(16).padStart(2, "0") : status}`);
    this.status = status;
  }
}

export interface Reply {
  readonly status: number;
  readonly data: Uint8Array;
}

const CLASS = 0x90;
const REPLY = 0x91;
/** A frame holds 60 bytes with its class, command and lengths: what libfreefare sends and every reader passes. */
const FRAME_DATA_MAX = 54;
/** Beyond any answer to the commands here; a card that goes on for ever is none. */
const FRAMES_MAX = 32;

export function wrap(command: number, data: Uint8Array): Uint8Array {
  if (data.length === 0) return Uint8Array.of(CLASS, command, 0, 0, 0);
  return Uint8Array.of(CLASS, command, 0, 0, data.length, ...data, 0);
}

/** Null for what is no answer of a DESFire card. */
export function unwrap(answer: Uint8Array): Reply | null {
  const end = answer.length - 2;
  if (end < 0 || answer[end] !== REPLY) return null;
  return { status: answer[end + 1] ?? 0, data: answer.slice(0, end) };
}

/** A command with its data in as many frames as it needs, and the whole of the answer. */
export function* exchange(command: number, data: Uint8Array, changesCard = false): Dialogue<Reply> {
  let instruction = command;
  let rest = data;
  while (rest.length > FRAME_DATA_MAX) {
    const reply = yield* frame(instruction, rest.subarray(0, FRAME_DATA_MAX), changesCard);
    if (reply.status !== STATUS.more) return reply;
    instruction = COMMAND.more;
    rest = rest.subarray(FRAME_DATA_MAX);
  }
  let reply = yield* frame(instruction, rest, changesCard);
  const parts = [reply.data];
  while (reply.status === STATUS.more) {
    if (parts.length === FRAMES_MAX) throw new DesfireRefusal("damaged");
    reply = yield* frame(COMMAND.more, new Uint8Array(), changesCard);
    parts.push(reply.data);
  }
  return { status: reply.status, data: Uint8Array.from(Buffer.concat(parts)) };
}

/** One frame there and one back. */
export function* frame(command: number, data: Uint8Array, changesCard: boolean): Dialogue<Reply> {
  const reply = unwrap(yield { apdu: wrap(command, data), changesCard });
  if (reply === null) throw new DesfireRefusal("damaged");
  return reply;
}
