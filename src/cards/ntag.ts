import type { CardSeen, CardTechnology, NtagPassword, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import assert from "node:assert/strict";
import { Secret } from "#src/lib/secret";
import type { Container, Look, Sight } from "./container.js";
import { NTAG_PAGE_BYTES, NTAG_RECORD_PAGES, type NtagProfile } from "./profile.js";
import { ntagPasswordKeys, type SiteKeys } from "./site-keys.js";

/** The record in twelve pages of an NTAG21x. Source: NXP NTAG213/215/216 data sheet, §8.5 to §8.9. */
interface Memory {
  readonly dynamicLock: number;
  readonly cfg0: number;
  readonly cfg1: number;
  readonly pwd: number;
  readonly pack: number;
  /** Pages that one bit of the dynamic lock bytes locks, from page 16 on. */
  readonly pagesPerLockBit: number;
}

const FIRST_DYNAMICALLY_LOCKED = 16;
const STATIC_LOCK_PAGE = 2;

const MEMORY: Readonly<Partial<Record<CardTechnology, Memory>>> = {
  ntag213: memoryFrom(0x28, 2),
  ntag215: memoryFrom(0x82, 16),
  ntag216: memoryFrom(0xe2, 16),
};

/** An empty NDEF message, as the tags are delivered with (NTAG213 has a lock control TLV before it). */
const DELIVERY_CONTENT: readonly { readonly page: number; readonly bytes: readonly number[] }[] = [
  { page: 4, bytes: [0x01, 0x03, 0xa0, 0x0c] },
  { page: 5, bytes: [0x34, 0x03, 0x00, 0xfe] },
  { page: 4, bytes: [0x03, 0x00, 0xfe, 0x00] },
];

/** AUTH0: no page is protected. */
const AUTH0_OFF = 0xff;
/** CFG1 byte 0. PROT: reading needs the password too. CFGLCK: the configuration can never be written again. */
const PROT = 0x80;
const CFGLCK = 0x40;
/** CFG0 byte 0: a mirrored UID or counter would be read in place of the record. */
const MIRROR = 0xc0;

/** What a driver calls a tag that wants no password. */
const FREE = "free";

type Steps = Extract<WritePlan, { container: "ntag" }>["steps"];

/** What the steps below need to know of the place. */
interface Place {
  readonly page: number;
  readonly uid: string;
  readonly memory: Memory;
}

export function ntagPages({ page }: NtagProfile, { uid, technology }: CardSeen): Container {
  const memory = MEMORY[technology];
  assert(memory, `a ${technology} has no pages for a record`);
  const place = { page, uid, memory };
  return {
    readPlan: (keySets) => readPlan(place, keySets),
    verifyPlan: (keys) => readPlan(place, [keys]),
    look: (keySets, readBack) => look(place, keySets, readBack),
  };
}

function readPlan(place: Place, keySets: readonly SiteKeys[]): ReadPlan {
  return {
    container: "ntag",
    ranges: [
      { first: STATIC_LOCK_PAGE, last: STATIC_LOCK_PAGE },
      { first: place.page, last: place.page + NTAG_RECORD_PAGES - 1 },
      { first: place.memory.dynamicLock, last: place.memory.cfg1 },
    ],
    passwords: keySets.map((keys) => passwordOf(place, keys)),
  };
}

function look(place: Place, keySets: readonly SiteKeys[], readBack: ReadBack): Look {
  if (readBack.container !== "ntag") return { access: "none", reason: "unreadable" };
  const { memory } = place;
  const { pages, opened } = readBack;
  const record = recordPages(place).map((page) => pages.get(page) ?? new Uint8Array());
  const staticLock = pages.get(STATIC_LOCK_PAGE);
  const dynamicLock = pages.get(memory.dynamicLock);
  const cfg0 = pages.get(memory.cfg0);
  const cfg1 = pages.get(memory.cfg1);
  const openedBy = keySets.find((keys) => nameOf(keys) === opened);
  const isReadable = openedBy !== undefined || opened === FREE;
  const isWhole = record.every((page) => page.length === NTAG_PAGE_BYTES);
  if (!isReadable || !isWhole || !staticLock || !dynamicLock || !cfg0 || !cfg1)
    return { access: "none", reason: "unreadable" };

  const [, , , auth0 = AUTH0_OFF] = cfg0;
  const [access = 0] = cfg1;
  const isPageLocked = recordPages(place).some((page) => isLocked(page, memory, staticLock, dynamicLock));
  const from: Access = {
    openedBy: openedBy ?? null,
    isEmpty: record.every((bytes, i) => isAsDelivered(place.page + i, bytes)),
    isProtected: openedBy !== undefined && auth0 <= place.page && (access & PROT) !== 0,
    cfg0,
    cfg1,
  };
  return {
    ...from,
    access: openedBy === undefined ? "open" : "ours",
    bytes: Uint8Array.from(record.flatMap((bytes) => [...bytes])),
    isLocked: isPageLocked || (access & CFGLCK) !== 0,
    write: (keys, bytes) => ({ container: "ntag", steps: writeSteps(place, from, keys, bytes) }),
    erase: () => ({ container: "ntag", steps: eraseSteps(place, from) }),
  };
}

/** What was seen and what the configuration pages were. */
interface Access extends Pick<Sight, "openedBy" | "isProtected" | "isEmpty"> {
  readonly cfg0: Uint8Array;
  readonly cfg1: Uint8Array;
}

/**
 * Protection first, the record after it, its MAC last: an unprotected tag never carries a valid record. A tag with
 * older keys is emptied and opened before it gets newer ones, because password and acknowledge lie in two pages, and
 * a tag that was taken away between them would open with neither pair.
 */
function writeSteps(place: Place, from: Access, keys: SiteKeys, record: Uint8Array): Steps {
  const write = recordPages(place).map((page, i) =>
    writeStep(page, record.slice(i * NTAG_PAGE_BYTES, (i + 1) * NTAG_PAGE_BYTES)),
  );
  if (from.openedBy?.version === keys.version && from.isProtected)
    return [{ do: "authenticate", password: passwordOf(place, keys) }, ...write];
  return [...openSteps(place, from), ...protectSteps(place, from, keys), ...write];
}

/** Empties and opens the tag, then puts the delivery state where nothing shows it any more. */
function eraseSteps(place: Place, from: Access): Steps {
  const { cfg1, pwd, pack } = place.memory;
  return [
    ...openSteps(place, from),
    writeStep(cfg1, [0, ...from.cfg1.subarray(1)]),
    writeStep(pwd, [0xff, 0xff, 0xff, 0xff]),
    writeStep(pack, [0, 0, 0, 0]),
  ];
}

/** From the MAC to the beginning: see the order of erasing a Classic sector. */
function openSteps(place: Place, from: Access): Steps {
  const wipe = from.isEmpty
    ? []
    : recordPages(place)
        .reverse()
        .map((page) => writeStep(page, [0, 0, 0, 0]));
  if (from.openedBy === null) return wipe;
  return [
    { do: "authenticate", password: passwordOf(place, from.openedBy) },
    ...wipe,
    writeStep(place.memory.cfg0, configuration(from.cfg0, AUTH0_OFF)),
    { do: "reselect" },
  ];
}

/**
 * The tag is asked for the password before AUTH0 makes it necessary: one that was not stored right then costs a
 * repetition and not the tag. AUTHLIM stays 0, since a limit of tries can lock a tag for ever.
 */
function protectSteps(place: Place, from: Access, keys: SiteKeys): Steps {
  const { memory } = place;
  const password = passwordOf(place, keys);
  const prove = [{ do: "reselect" }, { do: "authenticate", password }] as const;
  return [
    { do: "write", page: memory.pwd, data: password.pwd },
    { do: "write", page: memory.pack, data: password.pack.map((pack) => Uint8Array.from([...pack, 0, 0])) },
    ...prove,
    writeStep(memory.cfg1, [PROT, ...from.cfg1.subarray(1)]),
    writeStep(memory.cfg0, configuration(from.cfg0, place.page)),
    ...prove,
  ];
}

/** CFG0 as it is, without a mirror and with another first protected page. */
function configuration(cfg0: Uint8Array, auth0: number): readonly number[] {
  const [mirror = 0, reserved = 0, mirrorPage = 0] = cfg0;
  return [mirror & ~MIRROR, reserved, mirrorPage, auth0];
}

function writeStep(page: number, bytes: Iterable<number>): Steps[number] {
  return { do: "write", page, data: new Secret(Uint8Array.from(bytes)) };
}

function passwordOf(place: Place, keys: SiteKeys): NtagPassword {
  return { name: nameOf(keys), ...ntagPasswordKeys(keys, place.uid) };
}

function nameOf(keys: SiteKeys): string {
  return `ours-v${keys.version}`;
}

function recordPages({ page }: Place): number[] {
  return Array.from({ length: NTAG_RECORD_PAGES }, (_, i) => page + i);
}

function isAsDelivered(page: number, bytes: Uint8Array): boolean {
  const isContent = (content: readonly number[]) => bytes.every((byte, i) => byte === content[i]);
  return (
    bytes.every((byte) => byte === 0) ||
    DELIVERY_CONTENT.some((delivered) => delivered.page === page && isContent(delivered.bytes))
  );
}

function isLocked(page: number, memory: Memory, staticLock: Uint8Array, dynamicLock: Uint8Array): boolean {
  if (page < FIRST_DYNAMICALLY_LOCKED) return ((littleEndian(staticLock.subarray(2)) >> page) & 1) === 1;
  const bit = Math.floor((page - FIRST_DYNAMICALLY_LOCKED) / memory.pagesPerLockBit);
  return ((littleEndian(dynamicLock) >> bit) & 1) === 1;
}

function littleEndian([low = 0, high = 0]: Uint8Array): number {
  return low | (high << 8);
}

function memoryFrom(dynamicLock: number, pagesPerLockBit: number): Memory {
  const [cfg0, cfg1, pwd, pack] = [dynamicLock + 1, dynamicLock + 2, dynamicLock + 3, dynamicLock + 4];
  return { dynamicLock, cfg0, cfg1, pwd, pack, pagesPerLockBit };
}
