import { blockBytes, type CardKey, type CardSession, crc16, crc32, opened } from "./desfire-crypto.js";
import type { DesfireApplication } from "./desfire-memory.js";
import { STATUS } from "./desfire-status.js";

/** What a card makes of a key or of settings that somebody sends it, under the session that there is. */

/** The new key and its number; or the status that the card refuses it with. */
export function changedKey(
  { settings, keys, cipher: ofApplication }: DesfireApplication,
  session: CardSession,
  isCard: boolean,
  data: Buffer,
): number | { readonly number: number; readonly key: CardKey } {
  const [flags = 0] = data;
  const number = flags & 0x0f;
  const old = keys[number];
  if (old === undefined) return STATUS.noSuchKey;
  if (!mayChangeKey(session.number, number, settings)) return STATUS.permission;
  // The card's own master key may change its cipher; an application's keys are all of one.
  if ((isCard ? flags & 0x40 : flags & 0xf0) !== 0) return STATUS.parameter;
  const cipher = isCard ? ((flags & 0x80) !== 0 ? "aes" : "des") : ofApplication;
  if ((data.length - 1) % blockBytes(session.cipher) !== 0 || data.length < 25) return STATUS.length;

  const plain = opened(session, Buffer.from(data.subarray(1)));
  const size = cipher === "aes" ? 17 : 16;
  const said = plain.subarray(0, size);
  const isOwn = session.number === number;
  const crc = (bytes: Buffer) => (session.cipher === "aes" ? crc32(bytes) : crc16(bytes));
  const covered = session.cipher === "aes" ? Buffer.concat([Buffer.of(0xc4, flags), said]) : said;
  const bytes = Buffer.from(said.subarray(0, 16));
  // Another key is sent together with what it was before.
  if (!isOwn) for (let i = 0; i < 16; i++) bytes[i] = (bytes[i] ?? 0) ^ (old.bytes[i] ?? 0);
  const proofs = Buffer.concat([crc(covered), ...(isOwn ? [] : [crc(bytes)])]);
  const rest = plain.subarray(size);
  const isProven = rest.subarray(0, proofs.length).equals(proofs);
  if (!isProven || rest.subarray(proofs.length).some((byte) => byte !== 0)) return STATUS.integrity;
  return { number, key: { cipher, bytes, version: cipher === "aes" ? (said[16] ?? 0) : 0 } };
}

function mayChangeKey(by: number, number: number, settings: number): boolean {
  if (number === 0) return by === 0 && (settings & 1) !== 0;
  const needed = settings >> 4;
  return needed === 0x0e ? by === number : needed !== 0x0f && by === needed;
}

/** Null when the proof is wrong. */
export function sentSettings(session: CardSession, data: Buffer): number | null {
  if (data.length !== blockBytes(session.cipher)) return null;
  const plain = opened(session, data);
  const [settings = 0] = plain;
  const crc = session.cipher === "aes" ? crc32(Buffer.of(0x54, settings)) : crc16(Buffer.of(settings));
  return plain.subarray(1, 1 + crc.length).equals(crc) ? settings : null;
}
