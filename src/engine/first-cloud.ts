import type { EngineDeps } from "./engine-deps.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction } from "./transaction.js";

/** Objects told in one transaction. */
const BATCH = 100;
const AUTHORITY = "authority";

/**
 * Without a cloud the site rules on its own objects. A cloud that is configured later is told of every one once, as if
 * the desk had just made it, and rules on them. A crash in between tells some twice, which changes nothing.
 */
export function tellFirstCloud(
  deps: EngineDeps,
  transact: (work: (tx: EngineTransaction) => void) => void,
): void {
  const { store, offline } = deps;
  const authority = offline === null ? "site" : "cloud";
  const before = store.meta.get(AUTHORITY);
  if (before === authority) return;
  if (authority === "cloud" && before === "site") {
    let after: { kind: string; id: string } | null = null;
    for (;;) {
      const ids = store.snapshotItems.compare(after, BATCH);
      transact((tx) => {
        for (const { kind, id } of ids) {
          const row = store.objects.get(kind, id);
          if (row !== undefined) store.objects.put({ ...row, provisional: tell(deps, tx, row) });
        }
      });
      after = ids.at(-1) ?? null;
      if (after === null) break;
    }
  }
  store.meta.set(AUTHORITY, authority);
}

function tell({ store }: EngineDeps, tx: EngineTransaction, row: ObjectRow): number {
  const { kind, id, spec, code, rev, epoch } = row;
  const codeRef = code === null ? null : store.journal.keepSecret(code);
  const data = { spec: { ...spec }, code_ref: codeRef, base_object_rev: rev, base_epoch: epoch };
  return tx.journal({ k: "local_change", kind, id, data });
}
