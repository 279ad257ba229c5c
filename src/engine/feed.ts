import { OBJECT_KINDS, type ObjectKind } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { type BadItem, type DesiredDocument, isGoneState, isOld, storeDocument } from "./desired.js";
import type { EngineDeps } from "./engine-deps.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction } from "./transaction.js";

/** A document as the cloud sends it. */
export interface CloudDocument extends DesiredDocument {
  /** The ruling on a change made at the desk, when this change of the feed is one. */
  readonly verdict?: "adopted" | "refused" | null;
}

/**
 * Stores a document of the cloud. What was revoked and forgotten here never comes back under the same id. `ruledUpTo`
 * is the journal's seq up to which the cloud knew what the desk did when it said this: what the desk did since is
 * still to be ruled on.
 */
export function storeFromFeed(
  deps: EngineDeps,
  tx: EngineTransaction,
  document: CloudDocument,
  ruledUpTo: number,
): void {
  const { objects, quarantine } = deps.store;
  const { kind, id, epoch, rev, spec } = document;
  const before = objects.get(kind, id);
  if (before === undefined && objects.tombstone(kind, id)?.revoked === true && !isGoneState(spec["state"])) {
    reassert(tx, kind, id);
    return;
  }
  if (before !== undefined && isOld(before, document)) return;
  const unruled = (before?.provisional ?? 0) > ruledUpTo ? (before?.provisional ?? null) : null;
  if (before !== undefined && keepsOwn(before, document, unruled !== null)) {
    objects.put({ ...before, epoch, rev, provisional: unruled });
    quarantine.remove(kind, id);
    if (unruled === null) reassert(tx, kind, id);
    return;
  }
  storeDocument(deps, document, unruled);
  if (before !== undefined) stopWriting(tx, before, spec);
  tellCreated(tx, before, document);
}

/** From the moment a denial is stored nothing more is written, however long it takes until it is stepped. */
export function stopWriting(tx: EngineTransaction, { record }: ObjectRow, wanted: JsonObject): void {
  const job = record?.context.job ?? null;
  if (job !== null && isGoneState(wanted["state"])) tx.abortJob(job.id, "credential_deleted");
}

/**
 * Does what the site has stand against a newer document? A denial of the desk does until it is ruled on, and where no
 * machine remembers denials it always does. A later change of the desk stands against the ruling on an earlier one.
 */
function keepsOwn(before: ObjectRow, { spec, verdict }: CloudDocument, isUnruled: boolean): boolean {
  if (isGoneState(spec["state"])) return false;
  if (isGoneState(before.spec["state"])) return isUnruled || before.record === null;
  return isUnruled && verdict === "adopted";
}

function reassert(tx: EngineTransaction, kind: ObjectKind, id: string): void {
  tx.journal({ k: "revocation_reasserted", kind, id, gen: null, observed: null, data: {} });
}

/**
 * Keeps an item that no schema accepts as it came. The object that it was to change, if there is one, is blocked: the
 * item may have been its revocation.
 */
export function quarantine(deps: EngineDeps, tx: EngineTransaction, item: BadItem): void {
  const { store } = deps;
  const { id, rev, code, message } = item;
  const kind = OBJECT_KINDS.find((known) => known === item.kind);
  store.quarantine.put(item);
  const row = kind === undefined ? undefined : store.objects.get(kind, id);
  if (row !== undefined) store.objects.put({ ...row, blocked: code });
  tx.journal({ k: "blocked", kind: item.kind, id, data: { rev, code, message } });
}

/** Apps hear of a new user once, wherever it was made. */
export function tellCreated(
  tx: EngineTransaction,
  before: ObjectRow | undefined,
  { kind, id, spec }: Pick<DesiredDocument, "kind" | "id" | "spec">,
): void {
  if (kind !== "acs_user" || before !== undefined || isGoneState(spec["state"])) return;
  const systemId = spec["acs_system_id"];
  const subject = { acs_user_id: id, acs_system_id: typeof systemId === "string" ? systemId : "" };
  tx.emit("acs_user.created", subject);
}
