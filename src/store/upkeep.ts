import { z } from "zod";
import { OBJECT_KINDS } from "#src/domain/spec";
import type { Store } from "#src/engine/ports";
import type { Json } from "#src/lib/json";
import { blob, jsonText } from "./columns.js";
import type { Connection } from "./connection.js";
import type { Place, Sealer } from "./sealer.js";

const wakeup = z.object({ kind: z.enum(OBJECT_KINDS), id: z.string() });
const nextWakeup = z.object({ at: z.number().nullable() });

/** When which object wants to be looked at again. */
export function wakeupsTable(connection: Connection): Store["wakeups"] {
  return {
    set(kind, id, at) {
      if (at === null) connection.run("DELETE FROM wakeups WHERE kind = ? AND id = ?", [kind, id]);
      else
        connection.run(
          "INSERT INTO wakeups (kind, id, at) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at",
          [kind, id, at],
        );
    },
    due(at, limit) {
      return connection
        .all("SELECT kind, id FROM wakeups WHERE at <= ? ORDER BY at, kind, id LIMIT ? + 0", [at, limit])
        .map((row) => wakeup.parse(row));
    },
    next() {
      const row = connection.get("SELECT min(at) AS at FROM wakeups");
      return nextWakeup.parse(row).at;
    },
  };
}

const fact = z.object({ value: jsonText }).optional();

/**
 * Small named facts. Every turn of the link and of the upkeep asks for several, so they are remembered: nobody else
 * writes to the file, and what an undone transaction said is forgotten.
 */
export function metaTable(connection: Connection): Store["meta"] {
  const known = new Map<string, Json | undefined>();
  let { rollbacks } = connection;
  const forgetUndone = (): void => {
    if (rollbacks === connection.rollbacks) return;
    known.clear();
    rollbacks = connection.rollbacks;
  };
  return {
    get(name) {
      forgetUndone();
      if (known.has(name)) return known.get(name);
      const row = connection.get("SELECT value FROM meta WHERE name = ?", [name]);
      const value = fact.parse(row)?.value;
      known.set(name, value);
      return value;
    },
    set(name, value) {
      forgetUndone();
      known.delete(name);
      connection.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, JSON.stringify(value)],
      );
    },
  };
}

const quarantined = z.object({
  epoch: z.number(),
  rev: z.number(),
  kind: z.string(),
  id: z.string(),
  raw_sealed: blob,
  code: z.string(),
});

const quarantineCode = z.object({ code: z.string() }).optional();

/** Page items that no schema accepted. Their bytes may hold a PIN, so they are sealed whole. */
export function quarantineTable(connection: Connection, sealer: Sealer): Store["quarantine"] {
  return {
    put({ epoch, rev, kind, id, raw, code }) {
      connection.run(
        `INSERT INTO quarantine (kind, id, epoch, rev, raw_sealed, code) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET epoch = excluded.epoch, rev = excluded.rev,
           raw_sealed = excluded.raw_sealed, code = excluded.code
           WHERE (excluded.epoch, excluded.rev) >= (epoch, rev)`,
        [kind, id, epoch, rev, sealer.seal(rawPlace(kind, id), raw), code],
      );
    },
    list(limit) {
      return connection
        .all(
          "SELECT epoch, rev, kind, id, raw_sealed, code FROM quarantine ORDER BY epoch, rev, kind, id LIMIT ? + 0",
          [limit],
        )
        .map((row) => {
          const { raw_sealed, ...item } = quarantined.parse(row);
          const raw = Uint8Array.from(sealer.open(rawPlace(item.kind, item.id), raw_sealed));
          return { ...item, raw };
        });
    },
    codeOf(kind, id) {
      const row = connection.get("SELECT code FROM quarantine WHERE kind = ? AND id = ?", [kind, id]);
      return quarantineCode.parse(row)?.code;
    },
    remove(kind, id) {
      connection.run("DELETE FROM quarantine WHERE kind = ? AND id = ?", [kind, id]);
    },
  };
}

function rawPlace(kind: string, id: string): Place {
  return { table: "quarantine", row: JSON.stringify([kind, id]), column: "raw_sealed" };
}
