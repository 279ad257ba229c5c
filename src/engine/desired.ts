import { contentOf, fingerprint } from "#src/cards/content";
import type { Desired } from "#src/domain/credential/credential.schema";
import { observe } from "#src/domain/credential/derive";
import {
  type AcsCredentialSpec,
  acsCredentialSpec,
  acsUserSpec,
  type ObjectKind,
  specSchemas,
} from "#src/domain/spec";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { type EngineDeps, profilesOf } from "./engine-deps.js";
import { entitledSpec } from "./entitled.js";
import { isGoneState } from "./gone-state.js";
import { stepAccessCode } from "./keypads/step-code.js";
import { stepDevice } from "./keypads/step-device.js";
import { applyCredential, codeFingerprint, scheduledStart } from "./keypads/step-credential.js";
import { isOrphan, ORPHANED } from "./orphan.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction, Step } from "./transaction.js";

/** Rows looked at in one go. */
const BATCH = 500;
/** Far beyond what one person holds. */
const HELD_MAX = 100_000;

/** A desired document as it arrives: from a page of the feed, or from the desk. */
export interface DesiredDocument {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly epoch: number;
  /** 0 = made at the desk and not ruled on. */
  readonly rev: number;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
}

/** An item that no schema accepts: kept as it came, told to the cloud, and passed over. */
export interface BadItem {
  readonly epoch: number;
  readonly rev: number;
  readonly kind: string;
  readonly id: string;
  readonly raw: Uint8Array;
  readonly code: string;
  readonly message: string;
}

/**
 * Stores a document and marks it for stepping. Only what is newer than the stored one counts; a document of the desk
 * always does. Returns the row, or null when it was old.
 */
export function storeDocument(
  deps: EngineDeps,
  document: DesiredDocument,
  provisional: number | null,
): ObjectRow | null {
  const { store } = deps;
  const { kind, id } = document;
  const before = store.objects.get(kind, id);
  if (document.rev > 0 && before !== undefined && isOld(before, document)) return null;
  const spec = document.spec;
  const row: ObjectRow = {
    kind,
    id,
    epoch: document.rev > 0 ? document.epoch : (before?.epoch ?? 0),
    rev: document.rev > 0 ? document.rev : (before?.rev ?? 0),
    spec,
    code: document.code ?? (spec["has_code"] === true ? (before?.code ?? null) : null),
    record: before?.record ?? null,
    cardCredentialId: before?.cardCredentialId ?? (kind === "acs_credential" ? hexOf(deps.random(8)) : null),
    dirty: true,
    blocked: null,
    provisional,
    gone: before?.gone ?? false,
    createdAt: before?.createdAt ?? instantOf(spec["created_at"]),
    systemId: textOf(spec["acs_system_id"] ?? spec["device_id"]),
    userId: textOf(spec["acs_user_id"]),
    searchText: searchTextOf(id, spec),
  };
  store.objects.put(row);
  // The desk does not know what the cloud wanted in words that this release does not understand.
  if (document.rev > 0) store.quarantine.remove(kind, id);
  return row;
}

/** Has the site something as new already? */
export function isOld(before: Pick<ObjectRow, "epoch" | "rev">, { epoch, rev }: DesiredDocument): boolean {
  return before.epoch > epoch || (before.epoch === epoch && before.rev >= rev);
}

/** Steps one dirty row: clears the mark, brings its object in line with the document, tells the cloud. */
export function stepRow(deps: EngineDeps, tx: EngineTransaction, dirty: ObjectRow): void {
  // While the newest wish is not understood, the one before it is still followed, but no card is made for it.
  const notUnderstood = deps.store.quarantine.codeOf(dirty.kind, dirty.id) ?? null;
  const blocked = notUnderstood ?? (isOrphan(deps, dirty) ? ORPHANED : null);
  const row: ObjectRow = { ...dirty, dirty: false, blocked };
  const parsed = specSchemas[row.kind].safeParse(row.spec);
  if (!parsed.success) {
    block(deps, tx, row, "invalid", "the document does not fit its kind");
    return;
  }
  switch (row.kind) {
    case "acs_credential":
      stepCredentialRow(deps, tx, row);
      return;
    case "acs_user":
      stepUser(deps, tx, row);
      return;
    case "acs_access_group":
      stepGroup(deps, tx, row);
      return;
    case "access_code":
      stepAccessCode(deps, tx, row);
      planned(deps, tx, row, null);
      return;
    case "device":
      stepDevice(deps, tx, row);
      planned(deps, tx, row, null);
      return;
  }
}

function stepUser(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const user = acsUserSpec.parse(row.spec);
  const isGone = isGoneState(user.state);
  if (user.state === "forgotten") deps.store.objects.remove("acs_user", row.id, tx.now, true);
  else deps.store.objects.put({ ...row, gone: isGone });
  planned(deps, tx, row, null);
  if (isGone && !row.gone)
    tx.emit("acs_user.deleted", { acs_user_id: row.id, acs_system_id: user.acs_system_id });
  markCredentialsOf(deps, row.id);
  unblock(deps, `missing:${row.id}`);
}

/** What a group grants, every credential of its users opens. */
function stepGroup(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const { objects } = deps.store;
  const isGone = isGoneState(row.spec["state"]);
  if (row.spec["state"] === "forgotten") objects.remove(row.kind, row.id, tx.now, true);
  else objects.put({ ...row, gone: isGone });
  planned(deps, tx, row, null);
  if (isGone && !row.gone) {
    tx.emit("acs_access_group.deleted", {
      acs_access_group_id: row.id,
      acs_system_id: row.systemId ?? "",
    });
  }
  const holds = { list: "acs_access_group_ids", member: row.id };
  for (const { id } of objects.list("acs_user", { holds, limit: HELD_MAX })) markCredentialsOf(deps, id);
}

/** What a credential may do depends on its user: step them again. */
function markCredentialsOf(deps: EngineDeps, userId: string): void {
  for (const credential of deps.store.objects.list("acs_credential", { userId, limit: HELD_MAX })) {
    if (!credential.dirty) deps.store.objects.put({ ...credential, dirty: true });
  }
}

/** Marks whatever waits for this reason; stepping finds out whether it still does. */
export function unblock(deps: EngineDeps, reason: string): void {
  const { objects } = deps.store;
  for (let rows = objects.blocked(reason, BATCH); rows.length > 0; rows = objects.blocked(reason, BATCH)) {
    for (const waiting of rows) objects.put({ ...waiting, blocked: null, dirty: true });
  }
}

function stepCredentialRow(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const spec = acsCredentialSpec.parse(row.spec);
  const denial = denialOf(spec);
  // What is denied stays so whatever it names, and the cloud has to hear of it.
  const wasDenied = row.record?.context.denied != null;
  if (denial === null && !wasDenied) {
    const missing = missingReference(deps, spec);
    if (missing !== null) {
      block(deps, tx, row, missing.code, missing.message);
      return;
    }
  }
  const desired = desiredOf(deps, row, spec, denial !== null || wasDenied);
  if (typeof desired === "string") {
    block(deps, tx, row, "refused", desired);
    return;
  }
  const begun =
    row.record === null
      ? tx.begin(row, desired, spec.access_method === "code" ? "automatic" : "presented")
      : tx.credential(row, { type: "desired.changed", desired });
  if (denial === null && wasDenied && !isReassertedByItself(row, desired)) {
    const { record } = row;
    const observed = record === null ? null : observe(record);
    const gen = observed?.generation ?? null;
    tx.journal({ k: "revocation_reasserted", kind: row.kind, id: row.id, gen, observed, data: {} });
  }
  let step: Step = begun;
  if (denial !== null) {
    const current = begun.refused ? row : begun.row;
    step = tx.credential(current, { type: denial });
    if (step.refused) step = begun;
  }
  if (step.refused) {
    deps.store.objects.put(row);
    tx.journal({
      k: "refused",
      kind: row.kind,
      id: row.id,
      data: { rev: row.rev, code: step.reason, message: `refused in state ${step.state}` },
    });
    return;
  }
  applyCredential(deps, tx, step.row);
  const settled = deps.store.objects.get(row.kind, row.id)?.record ?? null;
  planned(deps, tx, step.row, settled === null ? step.observed : observe(settled));
}

/** Its machine tells the cloud only of what could be made otherwise. */
function isReassertedByItself({ record }: ObjectRow, { allowed }: Desired): boolean {
  return allowed && record?.state !== "deleting";
}

function denialOf(spec: AcsCredentialSpec): "revoke.requested" | "delete.requested" | "forget" | null {
  switch (spec.state) {
    case "revoked":
      return "revoke.requested";
    case "deleted":
      return "delete.requested";
    case "forgotten":
      return "forget";
    case "active":
    case "suspended":
      return null;
  }
}

/** A credential waits for what it names: its user may come in a later page, its entrance may have left the configuration. */
function missingReference(
  deps: EngineDeps,
  spec: AcsCredentialSpec,
): { code: string; message: string } | null {
  const { inventory, store } = deps;
  if (!inventory.systems.some((system) => system.id === spec.acs_system_id)) {
    return { code: "system_removed", message: "the gateway has no such acs_system" };
  }
  const known = new Set(inventory.entrances.map((entrance) => entrance.id));
  const unknown = spec.allowed_acs_entrance_ids.find((id) => !known.has(id));
  if (unknown !== undefined)
    return { code: "entrance_removed", message: `the gateway has no entrance ${unknown}` };
  const userId = spec.acs_user_id;
  if (userId !== null && store.objects.get("acs_user", userId) === undefined) {
    return { code: `missing:${userId}`, message: `waiting for acs_user ${userId}` };
  }
  return null;
}

/** What the machine needs to know of the document. A sentence when no card can say it. */
function desiredOf(
  deps: EngineDeps,
  row: ObjectRow,
  spec: AcsCredentialSpec,
  isDenied: boolean,
): Desired | string {
  const isCode = spec.access_method === "code";
  const print = isCode ? codeFingerprint(deps, row, spec) : fingerprintFor(deps, spec);
  if (!print.ok && !isDenied) return print.message;
  const user = spec.acs_user_id === null ? undefined : deps.store.objects.get("acs_user", spec.acs_user_id);
  const userState = user?.spec["state"] ?? "active";
  const startsAt = spec.starts_at === null ? null : Date.parse(spec.starts_at);
  return {
    rev: row.rev,
    fingerprint: print.ok ? print.fingerprint : "",
    allowed: spec.state === "active" && userState === "active",
    startsAt: isCode ? scheduledStart(startsAt) : startsAt,
    endsAt: spec.ends_at === null ? null : Date.parse(spec.ends_at),
  };
}

/**
 * What a card of this credential says, as one hash. The system's first profile stands for all of them: the layout is
 * the same in every container. A system without profiles leaves the card to its vendor: then the facts are hashed.
 */
function fingerprintFor(
  deps: EngineDeps,
  own: AcsCredentialSpec,
): { ok: true; fingerprint: string } | { ok: false; message: string } {
  const spec = entitledSpec(deps.store.objects, deps.inventory, own);
  const [profile] = profilesOf(deps, spec.acs_system_id);
  if (profile === undefined) return { ok: true, fingerprint: fingerprintOf(factsForVendor(spec)) };
  const outcome = contentOf(spec, profile, deps.inventory);
  return outcome.ok
    ? { ok: true, fingerprint: fingerprint(outcome.content) }
    : { ok: false, message: outcome.message };
}

/** What a vendor's own system is told of a card. */
function factsForVendor(spec: AcsCredentialSpec): JsonObject {
  const { starts_at, ends_at, is_one_time_use, visionline_metadata, assa_abloy_vostio_metadata } = spec;
  const brand = visionline_metadata ?? assa_abloy_vostio_metadata;
  return {
    entrances: [...spec.allowed_acs_entrance_ids].sort(),
    starts_at,
    ends_at,
    is_one_time_use,
    // As it came: JSON, under whichever brand's name.
    ...(brand === undefined ? {} : { brand: brand as JsonObject }),
  };
}

function block(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow, code: string, message: string): void {
  deps.store.objects.put({ ...row, blocked: code });
  tx.journal({ k: "blocked", kind: row.kind, id: row.id, data: { rev: row.rev, code, message } });
}

function planned(
  deps: EngineDeps,
  tx: EngineTransaction,
  row: ObjectRow,
  observed: Extract<Step, { refused: false }>["observed"] | null,
): void {
  tx.journal({ k: "planned", kind: row.kind, id: row.id, data: { rev: row.rev, observed } });
}

export { isGoneState };

export function searchTextOf(id: string, spec: JsonObject): string {
  return [
    id,
    spec["display_name"],
    spec["name"],
    spec["full_name"],
    spec["email_address"],
    spec["phone_number"],
    spec["acs_user_id"],
  ]
    .filter((part) => typeof part === "string")
    .join(" ")
    .toLowerCase()
    .replaceAll("\n", " ");
}

/** Documents are stored before they are checked: one without an instant counts as old as can be. */
function instantOf(value: unknown): number {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
