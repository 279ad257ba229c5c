import { type CardSession, crc32, mac, opened, sealed } from "./desfire-crypto.js";
import type { DesfireApplication, DesfireFile } from "./desfire-memory.js";
import { type Outcome, STATUS } from "./desfire-status.js";

/** Files of the selected application: what the card does with them, under the session that there is. */

const FILES_MAX = 32;
const FREE = 0x0e;
const ENCIPHERED = 3;
const HEADER_BYTES = 7;

/** The card as its files see it. */
export interface Holder {
  readonly application: DesfireApplication;
  readonly session: CardSession | null;
  readonly mayList: boolean;
  readonly mayMake: boolean;
  /** False when the memory is full. */
  takeBytes(bytes: number): boolean;
  changed(): Outcome;
}

/** A command that an application with files knows. */
export function obeyForFiles(card: Holder, command: number, data: Buffer): Outcome {
  switch (command) {
    case 0xcd:
    case 0xcb:
      return createFile(card, command === 0xcb ? 1 : 0, data);
    case 0xdf:
      return deleteFile(card, data);
    case 0x6f:
      return fileIds(card);
    case 0xf5:
      return fileSettings(card, data);
    case 0xbd:
      return readData(card, data);
    case 0x3d:
      return writeData(card, data);
    case 0xc7:
      return commit(card);
    case 0xa7:
      dropPending(card.application);
      return [STATUS.ok];
    default:
      return [STATUS.unknownCommand];
  }
}

function createFile(card: Holder, type: 0 | 1, data: Buffer): Outcome {
  // With an ISO file name two bytes come between number and settings.
  const settings = data.length === 9 ? data.subarray(3) : data.subarray(1);
  const [number = 0] = data;
  if (data.length !== 7 && data.length !== 9) return [STATUS.length];
  if (!card.mayMake) return [STATUS.authentication];
  const { files } = card.application;
  if (number >= FILES_MAX) return [STATUS.parameter];
  if (files.has(number)) return [STATUS.duplicate];
  const size = settings.readUIntLE(3, 3);
  if (!card.takeBytes(size * (type + 1))) return [STATUS.outOfMemory];
  const [communication = 0] = settings;
  const rights = settings.readUInt16LE(1);
  files.set(number, { type, communication, rights, data: Buffer.alloc(size), pending: null });
  return card.changed();
}

function deleteFile(card: Holder, data: Buffer): Outcome {
  if (!card.mayMake) return [STATUS.authentication];
  return card.application.files.delete(data[0] ?? 0xff) ? card.changed() : [STATUS.noFile];
}

function fileIds(card: Holder): Outcome {
  return card.mayList
    ? [STATUS.ok, Buffer.from([...card.application.files.keys()])]
    : [STATUS.authentication];
}

function fileSettings(card: Holder, data: Buffer): Outcome {
  const file = card.application.files.get(data[0] ?? 0xff);
  if (file === undefined) return [STATUS.noFile];
  if (!card.mayList && card.session === null) return [STATUS.authentication];
  const said = Buffer.of(file.type, file.communication, 0, 0, 0, 0, 0);
  said.writeUInt16LE(file.rights, 2);
  said.writeUIntLE(file.data.length, 4, 3);
  return [STATUS.ok, said];
}

function readData({ application, session }: Holder, data: Buffer): Outcome {
  if (data.length !== HEADER_BYTES) return [STATUS.length];
  const file = application.files.get(data[0] ?? 0xff);
  if (file === undefined) return [STATUS.noFile];
  const mode = modeOf(file, session, "read");
  if (mode === null) return [session === null ? STATUS.authentication : STATUS.permission];
  const offset = data.readUIntLE(1, 3);
  const length = data.readUIntLE(4, 3) || file.data.length - offset;
  if (length < 1 || offset + length > file.data.length) return [STATUS.boundary];
  const content = Buffer.from(file.data.subarray(offset, offset + length));
  if (mode !== ENCIPHERED || session === null) return [STATUS.ok, content];
  if (session.cipher === "des") return [STATUS.permission];
  const proof = crc32(Buffer.concat([content, Buffer.of(STATUS.ok)]));
  return [STATUS.ok, sealed(session, Buffer.concat([content, proof])), true];
}

function writeData(card: Holder, data: Buffer): Outcome {
  const { application, session } = card;
  if (data.length < HEADER_BYTES) return [STATUS.length];
  const file = application.files.get(data[0] ?? 0xff);
  if (file === undefined) return [STATUS.noFile];
  const mode = modeOf(file, session, "write");
  if (mode === null) return [session === null ? STATUS.authentication : STATUS.permission];
  const [offset, length] = [data.readUIntLE(1, 3), data.readUIntLE(4, 3)];
  if (data.length !== HEADER_BYTES + sentSize(session, mode, length)) return [STATUS.length];
  if (offset + length > file.data.length) return [STATUS.boundary];
  const content = received(session, mode, data, length);
  if (content === null) return [STATUS.integrity];
  const target = file.type === 1 ? (file.pending ??= Buffer.from(file.data)) : file.data;
  content.copy(target, offset);
  return file.type === 1 ? [STATUS.ok] : card.changed();
}

/** True while more frames must come before the command is whole: what the header announced. */
export function wantsMore({ application, session }: Holder, data: Buffer): boolean {
  const file = application.files.get(data[0] ?? 0xff);
  const mode = file === undefined ? null : modeOf(file, session, "write");
  if (mode === null || data.length < HEADER_BYTES) return false;
  return data.length < HEADER_BYTES + sentSize(session, mode, data.readUIntLE(4, 3));
}

function commit(card: Holder): Outcome {
  const written = [...card.application.files.values()].filter(({ pending }) => pending !== null);
  if (written.length === 0) return [STATUS.noChanges];
  for (const file of written) {
    file.data = file.pending ?? file.data;
    file.pending = null;
  }
  return card.changed();
}

export function dropPending({ files }: DesfireApplication): void {
  for (const file of files.values()) file.pending = null;
}

/** How the data goes, by the key of the session; null when it may not. */
function modeOf(
  { rights, communication }: DesfireFile,
  session: CardSession | null,
  wish: "read" | "write",
): number | null {
  const needed = [wish === "read" ? rights >> 12 : (rights >> 8) & 0x0f, (rights >> 4) & 0x0f];
  if (session !== null && needed.includes(session.number)) return communication;
  return needed.includes(FREE) ? 0 : null;
}

function sentSize(session: CardSession | null, mode: number, size: number): number {
  if (session === null || mode === 0) return size;
  return mode === ENCIPHERED ? Math.ceil((size + 4) / 16) * 16 : size + 8;
}

/** What was sent to be written; null when its proof is wrong. */
function received(session: CardSession | null, mode: number, data: Buffer, length: number): Buffer | null {
  const sent = data.subarray(HEADER_BYTES);
  if (session === null || session.cipher === "des") return mode === 0 ? Buffer.from(sent) : null;
  const header = Buffer.concat([Buffer.of(0x3d), data.subarray(0, HEADER_BYTES)]);
  if (mode === ENCIPHERED) {
    const plain = opened(session, Buffer.from(sent));
    const content = Buffer.from(plain.subarray(0, length));
    const isRight = plain.subarray(length, length + 4).equals(crc32(Buffer.concat([header, content])));
    return isRight ? content : null;
  }
  const content = Buffer.from(sent.subarray(0, length));
  const proof = mac(session, Buffer.concat([header, content]));
  return mode === 1 && !proof.equals(sent.subarray(length)) ? null : content;
}
