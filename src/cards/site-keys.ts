import { fromHex } from "#src/lib/hex";
import type { Secret } from "#src/lib/secret";
import { diversifyAes128 } from "./crypto.js";

/** One version of a site's card keys. The store's key sets are such. */
export interface SiteKeys {
  /** 1–255; the card carries it in one byte. */
  readonly version: number;
  /** 4 bytes, random and not zero: which site made the card. It lies on the card in clear. */
  readonly issuer: Secret<Uint8Array>;
  /** 16 bytes (AES-128). Never leaves the gateway: every key on a card is derived from it and the card's UID. */
  readonly cardMaster: Secret<Uint8Array>;
}

/** Ends of the derivation inputs, one a purpose (ASCII `OC1C`, `OC1S`, `OC1P`, `OC1M`, `OC1R`, `OC1W`, `OSDP`). */
const PURPOSE = {
  /** The constant 00 20 F5 goes before it: the place where a DESFire container has its application id. */
  mac: [0x00, 0x20, 0xf5, 0x4f, 0x43, 0x31, 0x43],
  classicSector: [0x4f, 0x43, 0x31, 0x53],
  ntagPassword: [0x4f, 0x43, 0x31, 0x50],
  desfire: {
    master: [0x4f, 0x43, 0x31, 0x4d],
    read: [0x4f, 0x43, 0x31, 0x52],
    write: [0x4f, 0x43, 0x31, 0x57],
  },
  reader: [0x4f, 0x53, 0x44, 0x50],
} as const;

export type DesfirePurpose = keyof typeof PURPOSE.desfire;

const CLASSIC_SLOT = { A: 0x0a, B: 0x0b } as const;

/** Key of the record's CMAC on the card `uid` (hex); 16 bytes. */
export function macKey(keys: SiteKeys, uid: string): Secret<Uint8Array> {
  return derive(keys, uid, PURPOSE.mac);
}

/** MIFARE Classic key of one sector of the card `uid` (hex); 6 bytes. */
export function classicSectorKey(
  keys: SiteKeys,
  uid: string,
  sector: number,
  slot: "A" | "B",
): Secret<Uint8Array> {
  const input = [sector, CLASSIC_SLOT[slot], ...PURPOSE.classicSector];
  return derive(keys, uid, input).map((key) => key.slice(0, 6));
}

/** NTAG password (4 bytes) and its acknowledge (2 bytes) on the card `uid` (hex). */
export function ntagPasswordKeys(
  keys: SiteKeys,
  uid: string,
): { readonly pwd: Secret<Uint8Array>; readonly pack: Secret<Uint8Array> } {
  const key = derive(keys, uid, PURPOSE.ntagPassword);
  return { pwd: key.map((bytes) => bytes.slice(0, 4)), pack: key.map((bytes) => bytes.slice(4, 6)) };
}

/** MIFARE DESFire key on the card `uid` (hex), of `application` as it is sent (hex; `000000`: the card's own); 16 bytes. */
export function desfireKey(
  keys: SiteKeys,
  uid: string,
  application: string,
  purpose: DesfirePurpose,
): Secret<Uint8Array> {
  return derive(keys, uid, [...fromHex(application), ...PURPOSE.desfire[purpose]]);
}

/** Base key (SCBK) for the secure channel to the OSDP reader that calls itself `id` (hex, at most 27 bytes); 16 bytes. */
export function readerKey(keys: SiteKeys, id: string): Secret<Uint8Array> {
  return derive(keys, id, PURPOSE.reader);
}

function derive(keys: SiteKeys, uid: string, ending: readonly number[]): Secret<Uint8Array> {
  const input = Uint8Array.from([...fromHex(uid), ...ending]);
  return keys.cardMaster.map((master) => diversifyAes128(master, input));
}
