import Database from "better-sqlite3";
import type { CloudDatabase } from "./database.js";

/** The whole cloud as it was at one moment. */
export type CloudBackup = Buffer;

export function backUp(database: CloudDatabase): CloudBackup {
  return database.serialize();
}

/** Puts everything back as it was, but for the epochs: a number that was used stays used. */
export function restore(database: CloudDatabase, backup: CloudBackup): void {
  const source = new Database(backup);
  try {
    database.transaction(() => {
      for (const table of tablesOf(source)) {
        if (table === "epochs") continue;
        database.exec(`DELETE FROM ${table}`);
        for (const row of source.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).iterate()) {
          const names = Object.keys(row);
          const values = names.map((name) => `@${name}`).join(", ");
          database.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${values})`).run(row);
        }
      }
    })();
  } finally {
    source.close();
  }
}

function tablesOf(database: CloudDatabase): readonly string[] {
  return database
    .prepare<[], { name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .all()
    .map(({ name }) => name);
}
