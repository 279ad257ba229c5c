import { z } from "zod";
import type { DoorsTable } from "#src/engine/ports";
import type { Connection } from "./connection.js";

const lockoutRow = z.object({ failures: z.number(), until: z.number().nullable() }).optional();

/** What is kept of doors that the gateway decides over. */
export function doorsTable(connection: Connection): DoorsTable {
  return {
    lockout: (lockId) =>
      lockoutRow.parse(
        connection.get("SELECT failures, until FROM door_lockouts WHERE lock_id = ?", [lockId]),
      ),
    putLockout(lockId, lockout) {
      if (lockout === null) connection.run("DELETE FROM door_lockouts WHERE lock_id = ?", [lockId]);
      else
        connection.run(
          `INSERT INTO door_lockouts (lock_id, failures, until) VALUES (?, ?, ?)
           ON CONFLICT (lock_id) DO UPDATE SET failures = excluded.failures, until = excluded.until`,
          [lockId, lockout.failures, lockout.until],
        );
    },
  };
}
