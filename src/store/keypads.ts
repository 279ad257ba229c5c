import { z } from "zod";
import { type CodeLife, codeLifeSchema } from "#src/domain/codes/life";
import { lockWindowSchema } from "#src/domain/codes/schedule";
import { slotSchema } from "#src/domain/codes/slot";
import { lockSettingsSchema, observedLockSchema } from "#src/domain/observed-lock";
import { OBJECT_KINDS } from "#src/domain/spec";
import type { CodeWish, KeypadsTable, LockSlot } from "#src/engine/ports";
import { asFlag, flag, jsonText } from "./columns.js";
import type { Connection } from "./connection.js";
import type { Sealer } from "./sealer.js";

/** JSON whose older rows may lack what the schema gives a default to. */
const stored = <S extends z.ZodType>(schema: S) => jsonText.transform((value): unknown => value).pipe(schema);

const wishRow = z.object({
  lockId: z.string(),
  kind: z.enum(OBJECT_KINDS),
  id: z.string(),
  pin: z.string(),
  window: stored(lockWindowSchema).nullable(),
  allowsOutside: flag,
  since: z.number(),
});
const slotRow = z.object({
  lockId: z.string(),
  state: stored(slotSchema),
  unmanagedId: z.string().nullable(),
});
const lifeRow = z.object({ life: jsonText }).optional();
const lockRow = z
  .object({ observed: stored(observedLockSchema), settings: stored(lockSettingsSchema) })
  .optional();
const named = z.object({ kind: z.enum(OBJECT_KINDS), id: z.string() });
const troubleRow = z.object({ late: z.number(), resting: z.number() });
const identified = z.object({ id: z.string() });

const WISH = `SELECT lock_id AS "lockId", kind, id, pin, lock_window AS "window", allows_outside AS "allowsOutside", since
  FROM code_wishes`;
const SLOT = `SELECT lock_id AS "lockId", state, unmanaged_id AS "unmanagedId" FROM lock_slots`;

/** Codes on locks: wishes, slots, and what was last told of each. */
export function keypadsTable(connection: Connection, sealer: Pick<Sealer, "lookup">): KeypadsTable {
  const wishes = (condition: string, values: readonly string[]): readonly CodeWish[] =>
    connection.all(`${WISH} ${condition}`, [...values]).map((row) => wishRow.parse(row));
  const slots = (condition: string, values: readonly (string | number)[]): readonly LockSlot[] =>
    connection.all(`${SLOT} ${condition}`, [...values]).map((row) => {
      const { state, ...same } = slotRow.parse(row);
      return { ...same, slot: state };
    });
  return {
    pinOf: (code) => sealer.lookup(code).toString("hex"),
    wishes: (lockId) => wishes("WHERE lock_id = ? ORDER BY since, id", [lockId]),
    wishesOf: (kind, id) => wishes("WHERE kind = ? AND id = ? ORDER BY lock_id", [kind, id]),
    putWish({ lockId, kind, id, pin, window, allowsOutside, since }) {
      connection.run(
        `INSERT INTO code_wishes (lock_id, kind, id, pin, lock_window, allows_outside, since)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (lock_id, kind, id) DO UPDATE SET
           pin = excluded.pin, lock_window = excluded.lock_window, allows_outside = excluded.allows_outside`,
        [
          lockId,
          kind,
          id,
          pin,
          window === null ? null : JSON.stringify(window),
          asFlag(allowsOutside),
          since,
        ],
      );
    },
    removeWish: (lockId, kind, id) =>
      connection.run("DELETE FROM code_wishes WHERE lock_id = ? AND kind = ? AND id = ?", [
        lockId,
        kind,
        id,
      ]) === 1,
    slots: (lockId) => slots("WHERE lock_id = ? ORDER BY slot", [lockId]),
    slot: (lockId, slot) => slots("WHERE lock_id = ? AND slot = ?", [lockId, slot])[0],
    slotsOf: (owner) => slots("WHERE owner = ? ORDER BY lock_id, slot", [owner]),
    unmanagedSlot: (id) => slots("WHERE unmanaged_id = ? LIMIT 1", [id])[0],
    putSlot({ lockId, slot, unmanagedId }) {
      connection.run(
        `INSERT INTO lock_slots (lock_id, slot, state, unmanaged_id) VALUES (?, ?, ?, ?)
         ON CONFLICT (lock_id, slot) DO UPDATE SET state = excluded.state, unmanaged_id = excluded.unmanaged_id`,
        [lockId, slot.slot, JSON.stringify(slotSchema.parse(slot)), unmanagedId],
      );
    },
    life(id): CodeLife | undefined {
      const row = lifeRow.parse(connection.get("SELECT life FROM code_lives WHERE id = ?", [id]));
      return row === undefined ? undefined : codeLifeSchema.parse(row.life);
    },
    putLife(id, life) {
      if (life === null) connection.run("DELETE FROM code_lives WHERE id = ?", [id]);
      else
        connection.run(
          "INSERT INTO code_lives (id, life) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET life = excluded.life",
          [id, JSON.stringify(codeLifeSchema.parse(life))],
        );
    },
    underWay: () =>
      connection
        .all("SELECT id FROM code_lives WHERE status IN ('setting', 'removing') ORDER BY id", [])
        .map((row) => identified.parse(row).id),
    trouble({ now, late }) {
      const row = connection.get(
        `SELECT (SELECT count(*) FROM code_lives WHERE status IN ('setting', 'removing') AND life ->> '$.since' < ?) AS late,
           (SELECT count(*) FROM lock_slots WHERE state ->> '$.rest.until' > ?) AS resting`,
        [late, now],
      );
      return troubleRow.parse(row);
    },
    setOpening(kind, id, at) {
      if (at === null) connection.run("DELETE FROM code_openings WHERE kind = ? AND id = ?", [kind, id]);
      else
        connection.run(
          "INSERT INTO code_openings (kind, id, at) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at",
          [kind, id, at],
        );
    },
    openingsDue: (at, limit) =>
      connection
        .all("SELECT kind, id FROM code_openings WHERE at <= ? ORDER BY at, kind, id LIMIT ? + 0", [
          at,
          limit,
        ])
        .map((row) => named.parse(row)),
    lock: (id) => lockRow.parse(connection.get("SELECT observed, settings FROM locks WHERE id = ?", [id])),
    putLock(id, { observed, settings }) {
      connection.run(
        `INSERT INTO locks (id, observed, settings) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET observed = excluded.observed, settings = excluded.settings`,
        [
          id,
          JSON.stringify(observedLockSchema.parse(observed)),
          JSON.stringify(lockSettingsSchema.parse(settings)),
        ],
      );
    },
  };
}
