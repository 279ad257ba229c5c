import { z } from "zod";
import { OBJECT_KINDS } from "#src/domain/spec";
import type { SnapshotItemsTable } from "#src/engine/ports";
import { flag } from "./columns.js";
import type { Connection } from "./connection.js";

const compared = z.object({ kind: z.enum(OBJECT_KINDS), id: z.string(), isNamed: flag });

/** What a snapshot that is being taken in names. */
export function snapshotItemsTable(connection: Connection): SnapshotItemsTable {
  return {
    add(kind, id) {
      connection.run("INSERT OR IGNORE INTO snapshot_items (kind, id) VALUES (?, ?)", [kind, id]);
    },
    compare(after, limit) {
      return connection
        .all(
          `SELECT kind, id, EXISTS (SELECT 1 FROM snapshot_items AS named
             WHERE named.kind = objects.kind AND named.id = objects.id) AS "isNamed"
           FROM objects WHERE (kind, id) > (?, ?) ORDER BY kind, id LIMIT ? + 0`,
          [after?.kind ?? "", after?.id ?? "", limit],
        )
        .map((row) => compared.parse(row));
    },
    clear() {
      connection.run("DELETE FROM snapshot_items");
    },
    dropQuarantined() {
      connection.run(
        `DELETE FROM quarantine WHERE NOT EXISTS (SELECT 1 FROM snapshot_items AS named
           WHERE named.kind = quarantine.kind AND named.id = quarantine.id)`,
      );
    },
  };
}
