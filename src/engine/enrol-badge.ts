import { type Badge, badgeName, badgeNumber } from "#src/domain/badge";
import { acsCredentialSpec } from "#src/domain/spec";
import type { Engine } from "./engine.js";
import { refuseBeyondLimits, refusalEnd } from "./encode-rules.js";
import { JobEnd } from "./jobs.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction } from "./transaction.js";

/** Whose badge it is: the credential that would open a door by it, its dates aside. */
export function holderOfBadge({ deps: { store } }: Engine, name: string): ObjectRow | null {
  const rows = store.objects
    .byCardUid(name)
    .filter(({ gone, record }) => !gone && record?.context.issued?.badge !== undefined);
  return rows.find(({ record }) => record?.context.denied === null) ?? rows[0] ?? null;
}

/** As `holderOfBadge`, but nobody where the credential was revoked or its end has surely passed. */
export function livingHolderOfBadge(engine: Engine, name: string): ObjectRow | null {
  const row = holderOfBadge(engine, name);
  if (row?.record == null || row.record.context.denied !== null) return null;
  const { ends_at: end } = acsCredentialSpec.parse(row.spec);
  return end !== null && Date.parse(end) <= engine.deps.time.read().certain ? null : row;
}

/**
 * Makes a badge the card of a credential. A badge is one credential's: from a living one it is taken only when `isTaken`
 * says so. Throws a `JobEnd` that tells why not.
 */
export function enrolBadge(
  engine: Engine,
  tx: EngineTransaction,
  row: ObjectRow,
  from: {
    readonly badge: Badge;
    readonly jobId: string | null;
    readonly encoderId: string | null;
    readonly isTaken: boolean;
  },
): ObjectRow {
  const { badge, jobId, encoderId, isTaken } = from;
  if (row.record === null) throw new JobEnd("uncategorized_error", "not stepped yet");
  const holder = livingHolderOfBadge(engine, badgeName(badge));
  if (holder !== null && holder.id !== row.id && !isTaken) {
    throw new JobEnd(
      "credential_cannot_be_reissued",
      `badge ${badgeNumber(badge)} belongs to another credential (${holder.id}): take another badge, or take it from there with overwrite [another_guests_card]`,
    );
  }
  refuseBeyondLimits(engine, row);
  for (const other of engine.deps.store.objects.byCardUid(badgeName(badge))) {
    if (other.id !== row.id) tx.credential(other, { type: "badge.moved" });
  }
  const step = tx.credential(row, {
    type: "badge.enrolled",
    jobId,
    encoderId,
    badge,
    dirty: row.dirty || row.blocked !== null,
  });
  if (step.refused) throw refusalEnd(step.reason, null);
  engine.offlineWork.countKey(row.provisional !== null);
  return step.row;
}
