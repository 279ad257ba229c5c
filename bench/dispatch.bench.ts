import Database from "better-sqlite3";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import type { Inventory } from "#src/domain/inventory";
import { Engine } from "#src/engine/engine";
import type { DevicesPort } from "#src/engine/devices-port";
import type { ObjectRow, Store } from "#src/engine/ports";
import { canonicalJson } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openStore } from "#src/store/store";
import { median, print, round } from "./figures.js";

/**
 * One event through the engine's door (load, step, save, all in one transaction that waits for the disk) against a bare
 * better-sqlite3 transaction that writes the same rows into the same tables on the same disk, turn by turn.
 */
const ROUNDS = Number(process.argv[2] ?? 400);
const WARM_UP_ROUNDS = 50;
const CREDENTIALS = 100;

const SYSTEM = "aaaaaaaa-0000-4000-8000-000000000001";
const ROOM = "bbbbbbbb-0000-4000-8000-000000000101";
const CHECK_OUT = Date.parse("2099-11-25T11:00:00.000Z");
const DAY_MS = 86_400_000;

const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
const sealingKey = new Secret(new Uint8Array(32).fill(7));

function storeAt(name: string): Store {
  const onFatal = (error: Error) => {
    throw error;
  };
  return openStore({ path: join(folder, name), sealingKey, random: randomBytes, onFatal });
}

const inventory: Inventory = {
  workspaceId: "aaaaaaaa-0000-4000-8000-000000000000",
  connectedAccountId: "aaaaaaaa-0000-4000-8000-00000000000c",
  siteName: "Bench",
  timeZone: "Europe/Lisbon",
  systems: [{ id: SYSTEM, key: "main", name: "Locks", externalType: null, cardProfiles: ["classic"] }],
  entrances: [
    { id: ROOM, key: "room-101", name: "101", systemId: SYSTEM, door: 101, zone: null, keypad: null },
  ],
  encoders: [],
  locks: [],
};
const noDevices: DevicesPort = {
  status: () => [],
  isOnline: () => false,
  takesWork: () => false,
  capabilities: () => undefined,
  use: () => Promise.reject(new Error("a bench of the store has no devices")),
  onChange: () => () => undefined,
};
const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

function engineOn(store: Store): Engine {
  return new Engine({
    store,
    devices: noDevices,
    clock: realClock,
    time: { read: () => ({ now: Date.now(), quality: "trusted", certain: Date.now() }) },
    random: randomBytes,
    log: quiet,
    inventory,
    version: "bench",
    profiles: new Map([
      ["classic", { key: "classic", format: "lockbridge48", container: "classic", sector: 1 }],
    ]),
    limits: { cardWaitMs: 60_000, jobMs: 120_000, attemptMs: 150_000 },
    offline: null,
  });
}

const idOf = (n: number) => `cccccccc-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** A guest with a card in hand. */
function issuedCredential(n: number): ObjectRow {
  const fingerprint = "f".repeat(64);
  const card = { generation: 1, uid: n.toString(16).padStart(8, "0"), validUntil: CHECK_OUT };
  const record: CredentialRecord = {
    version: 1,
    issuance: "presented",
    state: "issued",
    context: {
      desired: { rev: 1, fingerprint, allowed: true, startsAt: null, endsAt: CHECK_OUT },
      denied: null,
      forgotten: false,
      generation: 1,
      issued: {
        generation: 1,
        fingerprint,
        uid: card.uid,
        cardNumber: null,
        encoderId: null,
        at: 1_790_000_000_000,
        good: true,
      },
      cards: [{ ...card, certainty: "written" }],
      doubt: null,
      job: null,
      why: null,
      since: 1_790_000_000_000,
      lagging: [],
    },
  };
  return {
    kind: "acs_credential",
    id: idOf(n),
    epoch: 1,
    rev: 1,
    spec: {
      acs_credential_id: idOf(n),
      acs_system_id: SYSTEM,
      acs_user_id: null,
      display_name: `Guest ${n}`,
      access_method: "card",
      allowed_acs_entrance_ids: [ROOM],
      starts_at: null,
      ends_at: new Date(CHECK_OUT).toISOString(),
      is_one_time_use: false,
      has_code: false,
      state: "active",
      created_at: "2026-11-22T10:00:00.000Z",
    },
    code: null,
    record,
    cardCredentialId: randomBytes(8).toString("hex"),
    dirty: false,
    blocked: null,
    provisional: null,
    gone: false,
    createdAt: 1_790_000_000_000,
    systemId: SYSTEM,
    userId: null,
    searchText: `guest ${n}`,
  };
}

/** The stay grew or shrank by a day: the card has to be written anew, or is right again. */
function changeStay(engine: Engine, n: number, rev: number): void {
  engine.transact({}, (tx) => {
    const { store } = engine.deps;
    const row = store.objects.get("acs_credential", idOf(n));
    if (row?.record == null) throw new Error(`no credential ${n}`);
    const { desired } = row.record.context;
    const isLonger = desired.fingerprint.startsWith("f");
    const step = tx.credential(row, {
      type: "desired.changed",
      desired: {
        ...desired,
        rev,
        fingerprint: (isLonger ? "e" : "f").repeat(64),
        endsAt: CHECK_OUT + (isLonger ? DAY_MS : 0),
      },
    });
    if (step.refused) throw new Error(step.reason);
    tx.journal({ k: "planned", kind: row.kind, id: row.id, data: { rev, observed: step.observed } });
  });
}

/** The same rows by statements that are prepared once, with values that are ready. */
class Bare {
  readonly #database: Database.Database;
  readonly #object: Database.Statement;
  readonly #noCards: Database.Statement;
  readonly #card: Database.Statement;
  readonly #journal: Database.Statement;
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;

  constructor(path: string) {
    const database = new Database(path);
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma("secure_delete = ON");
    this.#database = database;
    this.#object = database.prepare(
      `INSERT INTO objects (kind, id, epoch, rev, spec, denied, code_sealed, code_lookup, record, job_id,
         card_credential_id, dirty, blocked, provisional, gone, created_at, system_id, user_id, search_text)
       VALUES (@kind, @id, @epoch, @rev, @spec, 0, NULL, NULL, @record, NULL,
         @cardCredentialId, 0, NULL, NULL, 0, @createdAt, @systemId, @userId, @searchText)
       ON CONFLICT (kind, id) DO UPDATE SET epoch = @epoch, rev = @rev, spec = @spec, denied = 0,
         code_sealed = NULL, code_lookup = NULL, record = @record, job_id = NULL,
         card_credential_id = @cardCredentialId, dirty = 0, blocked = NULL, provisional = NULL,
         gone = 0, created_at = @createdAt, system_id = @systemId, user_id = @userId, search_text = @searchText`,
    );
    this.#noCards = database.prepare("DELETE FROM cards WHERE kind = ? AND id = ?");
    this.#card = database.prepare("INSERT INTO cards (uid, kind, id) VALUES (?, ?, ?)");
    this.#journal = database.prepare("INSERT INTO journal (seq, bytes) VALUES (?, ?)");
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
  }

  /** What the engine has just written, as a function that writes it here. */
  copyOf(store: Store, n: number): () => void {
    const row = store.objects.get("acs_credential", idOf(n));
    const seq = store.journal.lastSeq();
    const [stored] = store.journal.read(seq, 1);
    if (row === undefined || stored === undefined) throw new Error("the engine wrote nothing");
    const { kind, id, epoch, rev, cardCredentialId, createdAt, systemId, userId, searchText } = row;
    const spec = JSON.stringify(row.spec);
    const record = JSON.stringify(row.record);
    const object = {
      kind,
      id,
      epoch,
      rev,
      spec,
      record,
      cardCredentialId,
      createdAt,
      systemId,
      userId,
      searchText,
    };
    const bytes = Buffer.from(canonicalJson({ ...stored.event, prev: stored.prev }));
    const uids = row.record?.context.cards.map(({ uid }) => uid) ?? [];
    return () => {
      this.#begin.run();
      this.#object.run(object);
      this.#noCards.run(kind, id);
      for (const uid of uids) this.#card.run(uid, kind, id);
      this.#journal.run(seq, bytes);
      this.#commit.run();
    };
  }

  close(): void {
    this.#database.close();
  }
}

function elapsed(work: () => void): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function measure() {
  storeAt("bare.db").close();
  const bare = new Bare(join(folder, "bare.db"));
  const store = storeAt("engine.db");
  const engine = engineOn(store);
  store.transaction(() => {
    for (let n = 0; n < CREDENTIALS; n++) store.objects.put(issuedCredential(n));
  });
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let turn = -WARM_UP_ROUNDS; turn < ROUNDS; turn++) {
    const n = (turn + WARM_UP_ROUNDS) % CREDENTIALS;
    const oursMs = elapsed(() => changeStay(engine, n, turn + WARM_UP_ROUNDS + 2));
    const theirsMs = elapsed(bare.copyOf(store, n));
    if (turn < 0) continue;
    ours.push(oursMs);
    theirs.push(theirsMs);
  }
  store.close();
  bare.close();
  return { ours, theirs };
}

const { ours, theirs } = measure();
rmSync(folder, { recursive: true });
print("dispatch", [
  {
    event: "desired.changed",
    rounds: ROUNDS,
    engine_ms: round(median(ours), 3),
    bare_ms: round(median(theirs), 3),
    engine_to_bare: round(median(ours) / median(theirs)),
    best_to_best: round(Math.min(...ours) / Math.min(...theirs)),
    engine_without_bare_ms: round(median(ours) - median(theirs), 3),
  },
]);
