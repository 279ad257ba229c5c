import { z } from "zod";
import type { StoreTally } from "#src/engine/ports";
import { flag } from "./columns.js";
import type { Connection } from "./connection.js";

const credentialRow = z.object({ denied: flag, state: z.string(), count: z.number(), since: z.number() });
const oldestRow = z.object({ id: z.string(), since: z.number() });
const blockedRow = z.object({ reason: z.string(), count: z.number() });
const countRow = z.object({ count: z.number() });

const CREDENTIALS = `SELECT denied, state, count(*) AS count, min(state_since) AS since FROM objects
  WHERE kind = 'acs_credential' AND gone = 0 AND state IS NOT NULL GROUP BY denied, state`;
const OLDEST = `SELECT id, state_since AS since FROM objects
  WHERE kind = 'acs_credential' AND gone = 0 AND denied = 0 AND state = ? ORDER BY state_since LIMIT 1`;
/** A reason may name what it waits for after a colon: counted are the kinds of reasons, and those are few. */
const BLOCKED = `SELECT substr(blocked, 1, instr(blocked || ':', ':') - 1) AS reason, count(*) AS count
  FROM objects WHERE blocked IS NOT NULL GROUP BY 1 ORDER BY 1`;

/** How much there is of what. Every query counts in an index: 100,000 credentials take some 15 ms. */
export function tallyOf(connection: Connection): StoreTally {
  const count = (sql: string): number => countRow.parse(connection.get(sql)).count;
  return {
    credentials: () => connection.all(CREDENTIALS).map((row) => credentialRow.parse(row)),
    oldestIn: (state) => oldestRow.optional().parse(connection.get(OLDEST, [state])),
    blocked: () => connection.all(BLOCKED).map((row) => blockedRow.parse(row)),
    dirty: () => count("SELECT count(*) AS count FROM objects WHERE dirty = 1"),
    quarantined: () => count("SELECT count(*) AS count FROM quarantine"),
  };
}
