import Database from "better-sqlite3";

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
    changed_by TEXT NOT NULL,
    lineage_base INTEGER NOT NULL,
    is_forgotten INTEGER NOT NULL,
    is_gone INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    observed TEXT,
    problem TEXT,
    PRIMARY KEY (kind, id)
  ) STRICT;

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
    act TEXT NOT NULL,
    encoder_id TEXT NOT NULL,
    credential_id TEXT,
    expect_gen INTEGER,
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

  -- When this side first saw a system, an entrance, an encoder.
  CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
`;

/** Opens the stand-in cloud's own tables; without a file they live in memory. */
export function openCloudDatabase(file: string | undefined): CloudDatabase {
  const database = new Database(file ?? ":memory:");
  database.pragma("journal_mode = WAL");
  database.exec(SCHEMA);
  return database;
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
