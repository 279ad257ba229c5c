import { chmodSync, closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { Store } from "#src/engine/ports";
import type { Secret } from "#src/lib/secret";
import { uuidV4 } from "#src/lib/uuid";
import { auditTable, tokensTable } from "./access.js";
import { Attempts } from "./attempts.js";
import { blob } from "./columns.js";
import { Connection } from "./connection.js";
import { assertDurable, makeDurable } from "./durability.js";
import { doorsTable } from "./doors.js";
import { Events } from "./events.js";
import { Journal } from "./journal.js";
import { keypadsTable } from "./keypads.js";
import { KeySets } from "./key-sets.js";
import { checkVersion, migrate } from "./migrations.js";
import { Objects } from "./objects.js";
import { type Place, Sealer } from "./sealer.js";
import { prune } from "./retention.js";
import { damaged, diskFull, StoreError, unreachable } from "./store-error.js";
import { tallyOf } from "./tally.js";
import { snapshotItemsTable } from "./snapshot-items.js";
import { metaTable, quarantineTable, wakeupsTable } from "./upkeep.js";
import { webhooksTable } from "./webhooks.js";

export interface StoreOptions {
  /** The database file; made when it is not there. Its directory must exist. */
  readonly path: string;
  /** 32 bytes. */
  readonly sealingKey: Secret<Uint8Array>;
  readonly random: (size: number) => Uint8Array;
  /**
   * Called once when the disk failed or the file turned out damaged while running. Every later call throws; the
   * process must end and start anew, with the check that opening makes.
   */
  readonly onFatal: (error: StoreError) => void;
}

/**
 * Opens the only durable store, alone: a second opener is refused until this one closes or its process ends. Refuses
 * (StoreError) a damaged file, a newer version, a wrong key, and a connection on which a commit would not wait for
 * the disk.
 */
export function openStore({ path, sealingKey, random, onFatal }: StoreOptions): Store {
  const sealer = new Sealer(sealingKey);
  makePrivate(path);
  let isOpen = false;
  const connection = new Connection({ path, onFatal: (error) => isOpen && onFatal(error) });
  try {
    const jid = prepare(connection, sealer, random);
    const store = tablesOf(connection, sealer, random, jid);
    isOpen = true;
    return store;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Bytes on disk: the database and the log of changes that are not in it yet. */
export function storeSize(path: string): { readonly databaseBytes: number; readonly logBytes: number } {
  const bytes = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return { databaseBytes: bytes(path), logBytes: bytes(`${path}-wal`) };
}

function tablesOf(
  connection: Connection,
  sealer: Sealer,
  random: StoreOptions["random"],
  jid: string,
): Store {
  const webhooks = webhooksTable(connection, sealer);
  return {
    transaction: (work) => connection.transaction(work),
    group: (work) => connection.group(work),
    objects: new Objects(connection, sealer),
    journal: new Journal({ connection, sealer, random, jid }),
    attempts: new Attempts(connection),
    events: new Events(connection, webhooks),
    keySets: new KeySets(connection, sealer),
    tokens: tokensTable(connection),
    webhooks,
    keypads: keypadsTable(connection, sealer),
    doors: doorsTable(connection),
    quarantine: quarantineTable(connection, sealer),
    snapshotItems: snapshotItemsTable(connection),
    wakeups: wakeupsTable(connection),
    audit: auditTable(connection),
    meta: metaTable(connection),
    tally: tallyOf(connection),
    prune: (retention, certain) => prune(connection, retention, certain),
    close: () => connection.close(),
  };
}

/**
 * Brings the file to this release's version and the connection to the settings that durability hangs on; returns the
 * journal's identity. Nothing is written before the file is known to be sound, ours, and of this key.
 */
function prepare(connection: Connection, sealer: Sealer, random: StoreOptions["random"]): string {
  // Exclusive before the first read: SQLite then keeps the file lock until the connection closes or the process ends.
  connection.pragma("locking_mode = EXCLUSIVE");
  connection.pragma("trusted_schema = OFF");
  const version = checkVersion(connection);
  const check = connection.pragma("quick_check(1)");
  if (check !== "ok") throw damaged(connection.path, `its check says "${String(check)}"`);
  if (version > 0) checkKey(connection, sealer);

  makeDurable(connection);
  const jid = connection.transaction(() => {
    migrate(connection, version);
    return recordOpening(connection, sealer, random);
  });
  assertDurable(connection);
  return jid;
}

const identity = z.object({ jid: z.string(), key_check_sealed: blob });

const keyCheckPlace: Place = { table: "identity", row: "1", column: "key_check_sealed" };

/** A value that only the right key opens. Later versions of the store must keep it where it is. */
function checkKey(connection: Connection, sealer: Sealer): void {
  const row = connection.get("SELECT jid, key_check_sealed FROM identity");
  const stored = identity.safeParse(row);
  if (!stored.success) throw damaged(connection.path, "its identity is missing");
  try {
    sealer.open(keyCheckPlace, stored.data.key_check_sealed);
  } catch (error) {
    throw new StoreError(
      "wrong_key",
      `The sealing key does not belong to the store ${connection.path}. Put the key back that was made with it; a backup holds it.`,
      error,
    );
  }
}

/** The first write on every connection; on a new store it gives the journal its identity. */
function recordOpening(connection: Connection, sealer: Sealer, random: StoreOptions["random"]): string {
  if (connection.run("UPDATE identity SET opened = opened + 1") === 0)
    connection.run("INSERT INTO identity (only, jid, key_check_sealed, opened) VALUES (1, ?, ?, 1)", [
      uuidV4(random(16)),
      sealer.seal(keyCheckPlace, Buffer.from("lockbridge")),
    ]);
  return identity.parse(connection.get("SELECT jid, key_check_sealed FROM identity")).jid;
}

/**
 * The file is made here with mode 0600 (SQLite would follow the umask); its log inherits the mode. An existing file is
 * never opened here: closing any descriptor of it would drop the locks that SQLite holds in this process.
 */
function makePrivate(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
      chmodSync(path, 0o600);
      return;
    }
    closeSync(openSync(path, "wx", 0o600));
    const directory = openSync(dirname(path), "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "EEXIST") return;
    throw code === "ENOSPC" ? diskFull(path, error) : unreachable(path, code, error);
  }
}
