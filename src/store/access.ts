import { z } from "zod";
import type { AuditTable, TokensTable } from "#src/engine/ports";
import type { Connection } from "./connection.js";

const knownToken = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(["viewer", "technician", "admin"]),
});

/** Who may talk to the gateway. Only hashes of tokens are kept. */
export function tokensTable(connection: Connection): TokensTable {
  return {
    add({ id, name, role, sha256, createdAt }) {
      connection.run("INSERT INTO tokens (id, name, role, sha256, created_at) VALUES (?, ?, ?, ?, ?)", [
        id,
        name,
        role,
        sha256,
        createdAt,
      ]);
    },
    bySha256(sha256) {
      const row = connection.get("SELECT id, name, role FROM tokens WHERE sha256 = ?", [sha256]);
      return knownToken.optional().parse(row);
    },
    list() {
      return connection
        .all(`SELECT id, name, role, created_at AS "createdAt" FROM tokens ORDER BY created_at, id`)
        .map((row) => knownToken.extend({ createdAt: z.number() }).parse(row));
    },
    remove(id) {
      return connection.run("DELETE FROM tokens WHERE id = ?", [id]) === 1;
    },
  };
}

const storedEntry = z.object({
  seq: z.number(),
  at: z.number(),
  who: z.string(),
  origin: z.string().nullable(),
  what: z.string(),
  target: z.string().nullable(),
});
const newest = z.object({ seq: z.number().nullable() });

/** Who did what at the site, and from where. */
export function auditTable(connection: Connection): AuditTable {
  return {
    append({ at, who, origin, what, target }) {
      connection.run("INSERT INTO audit (at, who, origin, what, target) VALUES (?, ?, ?, ?, ?)", [
        at,
        who,
        origin,
        what,
        target,
      ]);
    },
    list({ limit, before = Number.MAX_SAFE_INTEGER }) {
      return connection
        .all(
          "SELECT seq, at, who, origin, what, target FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ? + 0",
          [before, limit],
        )
        .map((row) => storedEntry.parse(row));
    },
    hasAfter: (seq, who) =>
      connection.get("SELECT 1 FROM audit WHERE seq > ? AND who = ? LIMIT 1", [seq, who]) !== undefined,
    lastSeq: () => newest.parse(connection.get("SELECT max(seq) AS seq FROM audit")).seq ?? 0,
  };
}
