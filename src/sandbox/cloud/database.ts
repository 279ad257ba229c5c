import Database from "better-sqlite3";
import type { WebhooksTable } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { WEBHOOK_TABLES } from "#src/store/schema-3";
import { webhooksTable } from "#src/store/webhooks";

export type CloudDatabase = Database.Database;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  -- One row an object: its newest change is its place in the feed, what the gateway says of it lies beside.
  CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    rev INTEGER NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    code TEXT,
    verdict TEXT,
    cloud_rev INTEGER NOT NULL,
    is_forgotten INTEGER NOT NULL,
    is_gone INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    observed TEXT,
    problem TEXT,
    PRIMARY KEY (kind, id)
  ) STRICT;

  -- Ids of what was forgotten long enough ago to have left the feed.
  CREATE TABLE IF NOT EXISTS tombstones (
    kind TEXT NOT NULL, id TEXT NOT NULL, spec TEXT NOT NULL, PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS orphans (
    kind TEXT NOT NULL, id TEXT NOT NULL, spec TEXT NOT NULL, code TEXT, observed TEXT, PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS epochs (n INTEGER PRIMARY KEY, id TEXT NOT NULL, began_at INTEGER NOT NULL) STRICT;

  CREATE TABLE IF NOT EXISTS journal (
    jid TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, received_at INTEGER NOT NULL,
    PRIMARY KEY (jid, seq)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS dead_letters (
    jid TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, PRIMARY KEY (jid, seq)
  ) STRICT;

  CREATE TABLE IF NOT EXISTS attempts (
    id TEXT PRIMARY KEY,
    action_type TEXT NOT NULL,
    command TEXT,
    device_id TEXT,
    access_code_id TEXT,
    needs_rev INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    deadline_at INTEGER NOT NULL,
    offered_in TEXT
  ) STRICT;

  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;

  -- What the gateway said of each lock.
  CREATE TABLE IF NOT EXISTS locks (id TEXT PRIMARY KEY, observed TEXT NOT NULL) STRICT;

  -- When this side first saw a system, an entrance, an encoder.
  CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`;

/** Opens the stand-in cloud's own tables; without a file they live in memory. Each text of SQL is compiled once. */
export function openCloudDatabase(file: string | undefined): CloudDatabase {
  const database = new Database(file ?? ":memory:");
  const prepare = database.prepare.bind(database);
  const known = new Map<string, Database.Statement>();
  database.prepare = ((sql: string) => {
    const statement = known.get(sql) ?? prepare(sql);
    known.set(sql, statement);
    return statement;
  }) as typeof database.prepare;
  database.pragma("journal_mode = WAL");
  database.exec(SCHEMA);
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'webhooks'").get() === undefined) {
    database.exec(WEBHOOK_TABLES);
  }
  return database;
}

/** Apps' receivers of events, as the gateway keeps them; a stand-in seals nothing. */
export function cloudWebhooksTable(database: CloudDatabase): WebhooksTable {
  return webhooksTable(
    {
      run: (sql, values) => database.prepare(sql).run(values ?? []).changes,
      get: (sql, values) => database.prepare(sql).get(values ?? []),
      all: (sql, values) => database.prepare(sql).all(values ?? []),
    },
    {
      sealText: (_, text) => Buffer.from(text.reveal(), "utf8"),
      openText: (_, bytes) => new Secret(Buffer.from(bytes).toString("utf8")),
    },
  );
}

export function readMeta(database: CloudDatabase, name: string): string | undefined {
  const row = database
    .prepare<[string], { value: string }>("SELECT value FROM meta WHERE name = ?")
    .get(name);
  return row?.value;
}

export function writeMeta(database: CloudDatabase, name: string, value: string): void {
  database
    .prepare(
      "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .run(name, value);
}
