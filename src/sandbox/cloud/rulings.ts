import type { JournalEvent } from "#src/domain/journal";
import { type ObjectKind, specSchemas } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { CloudObject, Feed, NewChange } from "./feed.js";

type LocalChange = Extract<JournalEvent, { k: "local_change" }>;

/**
 * The cloud's answer to a change made at the desk, as a change of the feed. Every change gets one, so that nothing
 * stays provisional: what nobody changed meanwhile is adopted, else the cloud's document stands; and whoever denies
 * wins, whichever side it is.
 */
export function ruleOn(
  event: LocalChange,
  code: Secret<string> | null,
  { feed, object }: { readonly feed: Feed; readonly object: CloudObject | undefined },
): NewChange {
  const { kind, id, data } = event;
  const identity = { kind, id, isRuling: true } as const;
  const hasCode = data.spec["has_code"] === true || kind === "access_code";
  // A PIN that was sent before and is not sent again is still the object's.
  const adopted = {
    ...identity,
    verdict: "adopted",
    spec: data.spec,
    code: code ?? (hasCode ? (object?.code ?? null) : null),
  } as const;
  if (object === undefined) {
    const wasForgotten = feed.tombstone(kind, id) !== undefined;
    return wasForgotten ? { ...adopted, spec: denied(kind, data.spec), verdict: "refused" } : adopted;
  }
  if (object.isForgotten) return { ...reopened(object), verdict: "refused" };
  const wished = strictness(data.spec);
  const stands = { ...identity, spec: object.spec, code: object.code } as const;
  if (wished > 0) {
    const isStricter = wished > strictness(object.spec);
    const state = isStricter ? (data.spec["state"] ?? "revoked") : (object.spec["state"] ?? "active");
    return { ...stands, spec: { ...object.spec, state }, verdict: "adopted" };
  }
  if (strictness(object.spec) > 0) return { ...stands, verdict: "refused" };
  // Whatever changed it since was the desk itself: its earlier change was adopted while this one was on its way.
  const isUnchanged = object.cloudRev <= seenRev(feed, data);
  return isUnchanged ? adopted : { ...stands, verdict: "refused" };
}

/** How far the cloud's history was known where the change was made. */
function seenRev({ history }: Feed, { base_object_rev: rev, base_epoch: n }: LocalChange["data"]): number {
  return n === undefined || n === history.epoch.n ? rev : history.commonRev(n, rev);
}

/** The document with its denial. Users go for good; a credential's cards may be out there; a lock has no settings then. */
export function denied(kind: ObjectKind, spec: JsonObject): JsonObject {
  if (kind === "device") {
    const { device_id = null, created_at = null } = spec;
    return { device_id, state: "active", created_at };
  }
  return { ...spec, state: kind === "acs_credential" ? "revoked" : "deleted" };
}

/** A card turned up for what was forgotten: the record comes back, revoked, never active. */
export function reopened(object: CloudObject): NewChange {
  return {
    kind: object.kind,
    id: object.id,
    spec: { ...object.spec, state: "revoked" },
    code: null,
    isForgotten: false,
    isGone: false,
  };
}

/** The same object, revoked for good. */
export function revoked(feed: Feed, kind: ObjectKind, id: string): NewChange | null {
  const object = feed.get(kind, id);
  if (kind === "device" || object === undefined || strictness(object.spec) > 0) return null;
  const isGone = kind !== "acs_credential";
  return { kind, id, spec: denied(kind, object.spec), code: object.code, isGone };
}

/** Does the document fit its kind, under its own id? */
export function isUsable(kind: ObjectKind, id: string, spec: JsonObject): boolean {
  return specSchemas[kind].safeParse(spec).success && spec[`${kind}_id`] === id && !("code" in spec);
}

export function strictness(spec: JsonObject): 0 | 1 | 2 {
  switch (spec["state"]) {
    case "revoked":
      return 1;
    case "deleted":
    case "forgotten":
      return 2;
    default:
      return 0;
  }
}
