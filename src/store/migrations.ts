import type { Connection } from "./connection.js";
import { SCHEMA_1 } from "./schema-1.js";
import { SCHEMA_2 } from "./schema-2.js";
import { SCHEMA_3 } from "./schema-3.js";
import { SCHEMA_4 } from "./schema-4.js";
import { SCHEMA_5 } from "./schema-5.js";
import { SCHEMA_6 } from "./schema-6.js";
import { SCHEMA_7 } from "./schema-7.js";
import { SCHEMA_8 } from "./schema-8.js";
import { SCHEMA_9 } from "./schema-9.js";
import { damaged, StoreError } from "./store-error.js";

/** The nth script lifts a store from version n-1 to n. A script that was released is never changed again. */
const MIGRATIONS: readonly string[] = [
  SCHEMA_1,
  SCHEMA_2,
  SCHEMA_3,
  SCHEMA_4,
  SCHEMA_5,
  SCHEMA_6,
  SCHEMA_7,
  SCHEMA_8,
  SCHEMA_9,
];

export const STORE_VERSION = MIGRATIONS.length;

/** Marks the file as ours: "LKBR" (https://www.sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x4c4b4252;

/** The version of an existing store, 0 for a new file. Refuses foreign files and newer versions; writes nothing. */
export function checkVersion(connection: Connection): number {
  const version = connection.pragma("user_version");
  const isEmpty = connection.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined;
  if (version === 0 && isEmpty) return 0;
  if (typeof version !== "number" || version < 1 || connection.pragma("application_id") !== APPLICATION_ID)
    throw damaged(connection.path, "it belongs to another program");
  if (version > STORE_VERSION)
    throw new StoreError(
      "newer_version",
      `The store ${connection.path} has version ${version}; this release knows versions up to ${STORE_VERSION}. Install the newer release again, or put a backup from before the update in place.`,
    );
  return version;
}

/** Lifts the store to this release's version. Runs inside the caller's transaction: all steps or none. */
export function migrate(connection: Connection, from: number): void {
  for (const script of MIGRATIONS.slice(from)) connection.script(script);
  if (from === STORE_VERSION) return;
  connection.pragma(`application_id = ${APPLICATION_ID}`);
  connection.pragma(`user_version = ${STORE_VERSION}`);
}
