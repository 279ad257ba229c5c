import type { CardSeen, ClassicKey, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import assert from "node:assert/strict";
import { Secret } from "#src/lib/secret";
import type { Container, Look, Sight } from "./container.js";
import type { ClassicProfile } from "./profile.js";
import { classicSectorKey, type SiteKeys } from "./site-keys.js";

/**
 * The record in one sector of a MIFARE Classic card: three data blocks and the trailer with keys and access
 * conditions. Source: NXP MF1S50YYX_V1, §8.6 and §8.7.
 */
const BLOCK_BYTES = 16;
const BLOCKS_IN_SECTOR = 4;

/** Access conditions C1C2C3 of the three data blocks and of the trailer, each as a number 0–7. */
export type AccessConditions = readonly [number, number, number, number];

/** As delivered: key A does everything, key B can be read and so opens nothing. */
export const TRANSPORT_ACCESS: AccessConditions = [0b000, 0b000, 0b000, 0b001];
/** As issued: A reads; B reads, writes and changes the keys. */
export const ISSUED_ACCESS: AccessConditions = [0b100, 0b100, 0b100, 0b011];

/** User byte of the trailer, in its delivery state. */
const GENERAL_PURPOSE_BYTE = 0x69;
const SLOTS = ["A", "B"] as const;
const TRANSPORT: ClassicKey = {
  name: "transport",
  slot: "A",
  key: new Secret(new Uint8Array(6).fill(0xff)),
};

type Steps = Extract<WritePlan, { container: "classic" }>["steps"];

/** Sector and card: all that the functions below need to know of the place. */
interface Sector {
  readonly sector: number;
  readonly uid: string;
}

export function classicSector({ sector }: ClassicProfile, { uid }: CardSeen): Container {
  const place = { sector, uid };
  return {
    readPlan: (keySets) => readPlan(place, keySets),
    // Key A of the newest keys: what a lock has.
    verifyPlan: (keys) => planFor(place, [sectorKey(place, keys, "A")]),
    look: (keySets, readBack) => look(place, keySets, readBack),
  };
}

/**
 * B first of all, since only B writes to an issued card. New cards have a readable B, which cannot authenticate, so
 * their A is tried.
 */
function readPlan(place: Sector, keySets: readonly SiteKeys[]): ReadPlan {
  const ours = keySets.map((keys) => sectorKey(place, keys, "B"));
  return planFor(place, [...ours, TRANSPORT]);
}

function look(place: Sector, keySets: readonly SiteKeys[], readBack: ReadBack): Look {
  if (readBack.container !== "classic") return { access: "none", reason: "unreadable" };
  const [first, second, third, last] = blocksOf(place).map((block) => readBack.blocks.get(block));
  const openedBy = keySets.find((keys) => SLOTS.some((slot) => nameOf(keys, slot) === readBack.opened));
  const isReadable = openedBy !== undefined || readBack.opened === TRANSPORT.name;
  if (!isReadable || !first || !second || !third || !last) return { access: "none", reason: "unreadable" };
  const access = decodeAccess(last.subarray(6, 9));
  if (openedBy === undefined && !isSame(access, TRANSPORT_ACCESS))
    return { access: "none", reason: "access_conditions" };

  const bytes = Uint8Array.from([...first, ...second, ...third]);
  const isEmpty = bytes.every((byte) => byte === 0);
  const isProtected = openedBy !== undefined && isSame(access, ISSUED_ACCESS);
  const from: Access = { openedBy: openedBy ?? null, isProtected, isEmpty };
  return {
    ...from,
    access: openedBy === undefined ? "open" : "ours",
    bytes,
    isLocked: false,
    write: (keys, record) => ({
      container: "classic",
      sector: place.sector,
      steps: writeSteps(place, from, keys, record),
    }),
    erase: () => ({ container: "classic", sector: place.sector, steps: eraseSteps(place, from) }),
  };
}

type Access = Pick<Sight, "openedBy" | "isProtected" | "isEmpty">;

/**
 * A new card gets its data and then, as the last step, the keys without which no lock reads it. A card that has
 * keys of this site gets the block with the MAC last, after newer keys if there are such.
 */
function writeSteps(place: Sector, from: Access, keys: SiteKeys, record: Uint8Array): Steps {
  const [first, second, third, last] = blocksOf(place);
  const old = writingKey(place, from);
  const part = (n: number) => new Secret(record.slice(n * BLOCK_BYTES, (n + 1) * BLOCK_BYTES));
  const begin = [
    { block: first, data: part(0), key: old },
    { block: second, data: part(1), key: old },
  ];
  const protect = { block: last, data: issuedTrailer(place, keys), key: old };
  if (from.openedBy === null) return [...begin, { block: third, data: part(2), key: old }, protect];
  const isRekeyed = from.openedBy.version !== keys.version || !from.isProtected;
  const validate = { block: third, data: part(2), key: sectorKey(place, keys, "B") };
  return isRekeyed ? [...begin, protect, validate] : [...begin, validate];
}

/**
 * From the MAC to the beginning, so that the record is invalid after the first step, and a card without our keys is
 * known as ours until it is empty. Then the delivery state of keys and access conditions.
 */
function eraseSteps(place: Sector, from: Access): Steps {
  const [first, second, third, last] = blocksOf(place);
  const key = writingKey(place, from);
  const empty = new Secret(new Uint8Array(BLOCK_BYTES));
  const wipe = from.isEmpty ? [] : [third, second, first].map((block) => ({ block, data: empty, key }));
  if (from.openedBy === null) return wipe;
  const data = TRANSPORT.key.map((bytes) => trailer(bytes, TRANSPORT_ACCESS, bytes));
  return [...wipe, { block: last, data, key }];
}

/** The key that may write: A of a new card, B of one with our keys. */
function writingKey(place: Sector, { openedBy }: Access): ClassicKey {
  return openedBy === null ? TRANSPORT : sectorKey(place, openedBy, "B");
}

/** Bytes 6–8 of a trailer: each condition bit once plain and once inverted. */
export function accessBytes(conditions: AccessConditions): Uint8Array {
  const column = (bit: number) =>
    conditions.reduce((nibble, condition, block) => nibble | (((condition >> bit) & 1) << block), 0);
  const [c1, c2, c3] = [column(2), column(1), column(0)];
  return Uint8Array.from([(~c2 << 4) | (~c1 & 0xf), (c1 << 4) | (~c3 & 0xf), (c3 << 4) | c2]);
}

/** Null when an inverted copy does not match: a card with such bytes has lost the sector for ever. */
export function decodeAccess(bytes: Uint8Array): AccessConditions | null {
  const [b6 = 0, b7 = 0, b8 = 0] = bytes;
  const [c1, c2, c3] = [b7 >> 4, b8 & 0xf, b8 >> 4];
  const areInverted = (b6 & 0xf) === (~c1 & 0xf) && b6 >> 4 === (~c2 & 0xf) && (b7 & 0xf) === (~c3 & 0xf);
  if (bytes.length !== 3 || !areInverted) return null;
  const condition = (block: number) =>
    (((c1 >> block) & 1) << 2) | (((c2 >> block) & 1) << 1) | ((c3 >> block) & 1);
  return [condition(0), condition(1), condition(2), condition(3)];
}

function issuedTrailer(place: Sector, keys: SiteKeys): Secret<Uint8Array> {
  const keyB = sectorKey(place, keys, "B").key;
  return sectorKey(place, keys, "A").key.map((keyA) => trailer(keyA, ISSUED_ACCESS, keyB.reveal()));
}

/** Checks its access bytes before they can reach a card: wrong ones would make the sector dead for ever. */
function trailer(keyA: Uint8Array, access: AccessConditions, keyB: Uint8Array): Uint8Array {
  const bytes = accessBytes(access);
  assert(isSame(decodeAccess(bytes), access), "access bytes must say what they were made from");
  const block = Uint8Array.from([...keyA, ...bytes, GENERAL_PURPOSE_BYTE, ...keyB]);
  assert.equal(block.length, BLOCK_BYTES);
  return block;
}

function planFor(place: Sector, keys: readonly ClassicKey[]): ReadPlan {
  return { container: "classic", sector: place.sector, blocks: blocksOf(place), keys };
}

function sectorKey(place: Sector, keys: SiteKeys, slot: "A" | "B"): ClassicKey {
  const key = classicSectorKey(keys, place.uid, place.sector, slot);
  return { name: nameOf(keys, slot), slot, key };
}

function nameOf(keys: SiteKeys, slot: "A" | "B"): string {
  return `ours-v${keys.version}-${slot}`;
}

/** Absolute numbers of the sector's blocks; the last one is the trailer. */
function blocksOf({ sector }: Sector): readonly [number, number, number, number] {
  const first = sector * BLOCKS_IN_SECTOR;
  return [first, first + 1, first + 2, first + 3];
}

function isSame(a: AccessConditions | null, b: AccessConditions): boolean {
  return a !== null && a.every((condition, i) => condition === b[i]);
}
