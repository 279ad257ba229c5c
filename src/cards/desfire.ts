import type { CardSeen, DesfireFile, DesfireKey, DesfireStep, ReadBack, ReadPlan } from "#driver-api";
import { Secret } from "#src/lib/secret";
import type { Container, Look } from "./container.js";
import type { DesfireProfile } from "./profile.js";
import { RECORD_BYTES } from "./record.js";
import { type DesfirePurpose, desfireKey, type SiteKeys } from "./site-keys.js";

/**
 * The record in one file of one application of a MIFARE DESFire card. Source: NXP MF3ICDx21 short data sheet, §8; key
 * numbers and rights by docs/card-format.md.
 *
 * The whole card is the site's: its master key is changed first and lets every half-made application be taken away
 * again, so whatever was interrupted can be begun anew. The record is in a backup file, whose content changes in one
 * piece when it is committed: the last step of every plan that makes a card.
 */
const CARD = "000000";
const FILE = 1;
const KEYS = { master: 0, read: 1, write: 2 } as const;
const KEY_COUNT = 3;
/** Read by key 1, write by key 2, both by key 2, change by key 0. */
const RIGHTS = 0x1220;
const BACKUP_FILE = 1;
const ENCIPHERED = 3;
/** Everything free, as delivered. */
const FACTORY_SETTINGS = 0x0f;
/** The master key may change, its holder alone makes and deletes, everybody may see what there is. */
const ISSUED_SETTINGS = 0x0b;

/** The master key of a new card. */
const TRANSPORT: DesfireKey = {
  name: "transport",
  number: KEYS.master,
  cipher: "des",
  version: 0,
  key: new Secret(new Uint8Array(8)),
};

interface Place {
  /** As it is sent: low byte first, in hex. */
  readonly application: string;
  readonly uid: string;
}

export function desfireFile({ application }: DesfireProfile, { uid }: CardSeen): Container {
  const place = { application: asSent(application), uid };
  return {
    readPlan: (keySets) => readPlan(place, keySets, true),
    verifyPlan: (keys) => readPlan(place, [keys], false),
    look: (keySets, readBack) => look(place, keySets, readBack),
  };
}

/** Application ids are written with the high byte first and sent with the low byte first. */
function asSent(application: string): string {
  return (application.toLowerCase().match(/../g) ?? []).reverse().join("");
}

function readPlan(place: Place, keySets: readonly SiteKeys[], triesTransport: boolean): ReadPlan {
  const transport = triesTransport ? [TRANSPORT] : [];
  const transportRead = triesTransport ? [transportOf("read")] : [];
  return {
    container: "desfire",
    application: place.application,
    file: FILE,
    size: RECORD_BYTES,
    masterKeys: [...keySets.map((keys) => cardKey(place, keys)), ...transport],
    readKeys: [...keySets.map((keys) => applicationKey(place, keys, "read")), ...transportRead],
  };
}

function look(place: Place, keySets: readonly SiteKeys[], readBack: ReadBack): Look {
  if (readBack.container !== "desfire" || readBack.master === null)
    return { access: "none", reason: "unreadable" };
  const { applications, file, opened } = readBack;
  const master = keySets.find((keys) => cardKeyName(keys) === readBack.master) ?? null;
  if (master === null && readBack.master !== TRANSPORT.name) return { access: "none", reason: "unreadable" };
  const isOthers = applications.some((id) => id !== place.application);
  const isUnknown = master === null && applications.length > 0 && file === null;
  if (isOthers || isUnknown) return { access: "none", reason: "other_data" };

  const reader = file === null ? null : (keySets.find((keys) => nameOf(keys, "read") === opened) ?? null);
  const isOurs = master !== null || reader !== null;
  const from: From = {
    master,
    isEmpty: applications.length === 0,
    isProtected: reader !== null && reader === master && file !== null && isAsIssued(file),
  };
  return {
    access: isOurs ? "ours" : "open",
    openedBy: file === null ? master : reader,
    bytes: file?.data.slice(0, RECORD_BYTES) ?? new Uint8Array(RECORD_BYTES),
    isEmpty: from.isEmpty,
    isProtected: from.isProtected,
    isLocked: false,
    write: (keys, record) => ({ container: "desfire", steps: writeSteps(place, from, keys, record) }),
    erase: () => ({ container: "desfire", steps: eraseSteps(place, from) }),
  };
}

function isAsIssued({ type, communication, rights, size }: DesfireFile): boolean {
  return type === BACKUP_FILE && communication === ENCIPHERED && rights === RIGHTS && size === RECORD_BYTES;
}

/** What the steps below need to know of the card. */
interface From {
  /** The site keys whose master key the card has; null: that of a new card. */
  readonly master: SiteKeys | null;
  readonly isEmpty: boolean;
  readonly isProtected: boolean;
}

type Steps = readonly DesfireStep[];

/** A card that is in order gets another record. Every other one is emptied and made anew, its record last. */
function writeSteps(place: Place, from: From, keys: SiteKeys, record: Uint8Array): Steps {
  const write = writeRecord(place, keys, record);
  if (from.isProtected && from.master?.version === keys.version)
    return [{ do: "select", application: place.application }, ...write];
  return [
    ...emptySteps(place, from),
    ...ownSteps(place, from, keys),
    ...applicationSteps(place, keys),
    ...write,
  ];
}

/** Takes the record away first, the site's key last: a card without its key is a new card. */
function eraseSteps(place: Place, from: From): Steps {
  const { master } = from;
  if (master === null) return from.isEmpty ? [] : emptySteps(place, from);
  const key = cardKey(place, master);
  return [
    ...emptySteps(place, from),
    { do: "changeSettings", settings: FACTORY_SETTINGS },
    { do: "changeKey", from: key, to: TRANSPORT },
  ];
}

/**
 * Ends in a session with the card's master key. The card is formatted, because deleting an application gives its
 * memory not back, and after some re-keyings the card would be full.
 */
function emptySteps(place: Place, { master, isEmpty }: From): Steps {
  const key = master === null ? TRANSPORT : cardKey(place, master);
  const open: Steps = [
    { do: "select", application: CARD },
    { do: "authenticate", key },
  ];
  return isEmpty ? open : [...open, { do: "format" }, { do: "authenticate", key }];
}

/** The card's own master key, proven before anything depends on it, and settings that leave only its holder in. */
function ownSteps(place: Place, { master }: From, keys: SiteKeys): Steps {
  const [from, to] = [master === null ? TRANSPORT : cardKey(place, master), cardKey(place, keys)];
  const change: Steps = [
    { do: "changeKey", from, to },
    { do: "authenticate", key: to },
  ];
  return [
    ...(master?.version === keys.version ? [] : change),
    { do: "changeSettings", settings: ISSUED_SETTINGS },
  ];
}

/** An application's keys are changed with its master key, so that one goes last. */
function applicationSteps(place: Place, keys: SiteKeys): Steps {
  const { application } = place;
  const change = (purpose: DesfirePurpose): DesfireStep => ({
    do: "changeKey",
    from: transportOf(purpose),
    to: applicationKey(place, keys, purpose),
  });
  return [
    { do: "createApplication", application, settings: ISSUED_SETTINGS, keys: KEY_COUNT },
    { do: "select", application },
    { do: "authenticate", key: transportOf("master") },
    change("read"),
    change("write"),
    change("master"),
    { do: "authenticate", key: applicationKey(place, keys, "master") },
    { do: "createBackupFile", file: FILE, rights: RIGHTS, size: RECORD_BYTES },
  ];
}

function writeRecord(place: Place, keys: SiteKeys, record: Uint8Array): Steps {
  return [
    { do: "authenticate", key: applicationKey(place, keys, "write") },
    { do: "write", file: FILE, data: new Secret(record) },
    { do: "commit" },
  ];
}

/** The card's own master key. */
function cardKey({ uid }: Place, keys: SiteKeys): DesfireKey {
  return {
    name: cardKeyName(keys),
    number: KEYS.master,
    cipher: "aes",
    version: keys.version,
    key: desfireKey(keys, uid, CARD, "master"),
  };
}

function applicationKey({ uid, application }: Place, keys: SiteKeys, purpose: DesfirePurpose): DesfireKey {
  return {
    name: nameOf(keys, purpose),
    number: KEYS[purpose],
    cipher: "aes",
    version: keys.version,
    key: desfireKey(keys, uid, application, purpose),
  };
}

/** What an application's key is before it is changed. */
function transportOf(purpose: DesfirePurpose): DesfireKey {
  return {
    name: "transport",
    number: KEYS[purpose],
    cipher: "aes",
    version: 0,
    key: new Secret(new Uint8Array(16)),
  };
}

function cardKeyName(keys: SiteKeys): string {
  return `ours-v${keys.version}-card`;
}

function nameOf(keys: SiteKeys, purpose: DesfirePurpose): string {
  return `ours-v${keys.version}-${purpose}`;
}
