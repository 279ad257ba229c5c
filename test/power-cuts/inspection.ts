import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObjectRow, Store, StoredJournalEvent } from "#src/engine/ports";
import { loadSealingKey } from "#src/store/sealing-key";
import { openStore } from "#src/store/store";

const FILES = ["lockbridge.db", "lockbridge.db-wal", "seal.key"];
const ROWS_AT_ONCE = 1_000;

/** A store as a cut left it. */
export interface Remains {
  readonly store: Store;
  /** Of the database and of its log, as they lie on the disk. */
  readonly bytes: Buffer;
}

/**
 * Opens a copy of what the daemon left, since opening repairs: the next life must find it as it is. Rejects (throws)
 * when the store refuses to open.
 */
export function inspect<T>(stateDir: string, look: (remains: Remains) => T): T {
  const copy = mkdtempSync(join(tmpdir(), "lockbridge-remains-"));
  try {
    for (const file of FILES) {
      if (existsSync(join(stateDir, file))) copyFileSync(join(stateDir, file), join(copy, file));
    }
    const bytes = Buffer.concat(
      FILES.filter((file) => file.startsWith("lockbridge.db") && existsSync(join(copy, file))).map((file) =>
        readFileSync(join(copy, file)),
      ),
    );
    const store = openStore({
      path: join(copy, "lockbridge.db"),
      sealingKey: loadSealingKey({ credentialsDirectory: undefined, stateDir: copy, storeExists: true }),
      random: (size) => new Uint8Array(randomBytes(size)),
      onFatal(error) {
        throw error;
      },
    });
    try {
      return look({ store, bytes });
    } finally {
      store.close();
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The journal from `fromSeq` to its end. */
export function journalFrom(store: Store, fromSeq: number): readonly StoredJournalEvent[] {
  const rows: StoredJournalEvent[] = [];
  for (;;) {
    const next = store.journal.read(fromSeq + rows.length, ROWS_AT_ONCE);
    rows.push(...next);
    if (next.length < ROWS_AT_ONCE) return rows;
  }
}

/** Every credential that is in the API. */
export function credentialsIn(store: Store): readonly ObjectRow[] {
  return store.objects.list("acs_credential", { limit: 10_000 });
}
