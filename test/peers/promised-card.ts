import { createCipheriv } from "node:crypto";

/**
 * What `docs/card-format.md` promises to lie on a card, worked out from its text with nothing of the program: AES from
 * node:crypto, and the tables of that page. Hex in, hex out.
 */
export interface PromisedGuest {
  /** 16 bytes. */
  readonly master: string;
  readonly keyVersion: number;
  /** 4 bytes. */
  readonly issuer: string;
  /** 8 bytes. */
  readonly credential: string;
  readonly sequence: number;
  /** Unix seconds. */
  readonly from: number;
  readonly to: number;
  readonly door: number;
  /** 32 bits. */
  readonly zones: number;
}

const BLOCK = 16;
const PURPOSE = { mac: "0020f54f433143", sectorA: "0a4f433153", sectorB: "0b4f433153", password: "4f433150" };
const DESFIRE_PURPOSE = { master: "4f43314d", read: "4f433152", write: "4f433157" };

/** The three data blocks and the trailer of the sector that carries the record. */
export function promisedSector(guest: PromisedGuest, uid: string, sector: number): string[] {
  const { a, b } = promisedSectorKeys(guest, uid, sector);
  return [...parts(promisedRecord(guest, uid), BLOCK), `${a}78778869${b}`];
}

export function promisedSectorKeys(guest: PromisedGuest, uid: string, sector: number) {
  const input = uid + hex(sector, 1);
  const key = (purpose: string) => diversified(guest.master, input + purpose).slice(0, 12);
  return { a: key(PURPOSE.sectorA), b: key(PURPOSE.sectorB) };
}

/** The twelve pages. */
export function promisedPages(guest: PromisedGuest, uid: string): string[] {
  return parts(promisedRecord(guest, uid), 4);
}

export function promisedPassword({ master }: PromisedGuest, uid: string) {
  const key = diversified(master, uid + PURPOSE.password);
  return { pwd: key.slice(0, 8), pack: key.slice(8, 12) };
}

/** The card's own master key, those of the application (its id as it is sent), and what the file holds. */
export function promisedDesfire(guest: PromisedGuest, uid: string, application: string) {
  const key = (place: string, purpose: string) => diversified(guest.master, uid + place + purpose);
  return {
    card: key("000000", DESFIRE_PURPOSE.master),
    master: key(application, DESFIRE_PURPOSE.master),
    read: key(application, DESFIRE_PURPOSE.read),
    write: key(application, DESFIRE_PURPOSE.write),
    record: promisedRecord(guest, uid),
  };
}

function promisedRecord(guest: PromisedGuest, uid: string): string {
  const said = [
    "4f43",
    hex(1, 1), // layout
    hex(1, 1), // guest
    guest.issuer,
    guest.credential,
    hex(guest.sequence, 2),
    hex(guest.keyVersion, 1),
    hex(0, 1), // no flags
    hex(guest.from, 4),
    hex(guest.to, 4),
    hex(guest.door, 2),
    hex(guest.zones, 4),
    hex(0, 6), // no Wiegand bits
  ].join("");
  const key = diversified(guest.master, uid + PURPOSE.mac);
  return said + cmac(key, hex(uid.length / 2, 1) + uid + said).slice(0, 16);
}

/** NXP AN10922, AES-128, for inputs under 31 bytes: always padded, always to two blocks, so always with K2. */
function diversified(master: string, input: string): string {
  const padded = Buffer.alloc(2 * BLOCK);
  Buffer.from(`01${input}80`, "hex").copy(padded);
  return chained(master, padded, subkeys(master).k2);
}

/** NIST SP 800-38B. */
function cmac(key: string, message: string): string {
  const bytes = Buffer.from(message, "hex");
  const isWhole = bytes.length > 0 && bytes.length % BLOCK === 0;
  const { k1, k2 } = subkeys(key);
  if (isWhole) return chained(key, bytes, k1);
  const padded = Buffer.alloc((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
  bytes.copy(padded);
  padded[bytes.length] = 0x80;
  return chained(key, padded, k2);
}

/** Last block of AES-CBC with IV 0, once `mask` was laid over the last block of the text. */
function chained(key: string, text: Buffer, mask: bigint): string {
  const masked = Buffer.from(text);
  const last = masked.subarray(-BLOCK);
  Buffer.from(hex(big(last) ^ mask, BLOCK), "hex").copy(last);
  return aes(key, "aes-128-cbc", Buffer.alloc(BLOCK), masked).subarray(-BLOCK).toString("hex");
}

function subkeys(key: string): { readonly k1: bigint; readonly k2: bigint } {
  const k1 = doubled(big(aes(key, "aes-128-ecb", null, Buffer.alloc(BLOCK))));
  return { k1, k2: doubled(k1) };
}

/** Times x in GF(2^128). */
function doubled(value: bigint): bigint {
  const shifted = BigInt.asUintN(128, value << 1n);
  return value >> 127n === 1n ? shifted ^ 0x87n : shifted;
}

function aes(key: string, mode: string, iv: Buffer | null, text: Buffer): Buffer {
  const cipher = createCipheriv(mode, Buffer.from(key, "hex"), iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

function big(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

function hex(value: number | bigint, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

function parts(text: string, bytes: number): string[] {
  return text.match(new RegExp(`.{${2 * bytes}}`, "g")) ?? [];
}
