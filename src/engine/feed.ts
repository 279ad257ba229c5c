import { OBJECT_KINDS } from "#src/domain/spec";
import { type BadItem, type DesiredDocument, isGoneState, storeDocument } from "./desired.js";
import type { EngineDeps } from "./engine-deps.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction } from "./transaction.js";

/** Stores a document of the cloud. What was revoked and forgotten here never comes back under the same id. */
export function storeFromFeed(deps: EngineDeps, tx: EngineTransaction, document: DesiredDocument): void {
  const { objects } = deps.store;
  const { kind, id, rev, spec } = document;
  const before = objects.get(kind, id);
  if (before === undefined && objects.tombstone(kind, id)?.revoked === true && !isGoneState(spec["state"])) {
    const message = "this id was revoked here and forgotten since: make a new object";
    tx.journal({ k: "refused", kind, id, data: { rev, code: "revoked", message } });
    return;
  }
  storeDocument(deps, document, null);
  tellCreated(tx, before, document);
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
