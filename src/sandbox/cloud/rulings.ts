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
  object: CloudObject | undefined,
): NewChange {
  const { kind, id, data } = event;
  const identity = { kind, id, changedBy: "gateway", lineageBase: data.base_object_rev } as const;
  const hasCode = data.spec["has_code"] === true || kind === "access_code";
  // A PIN that was sent before and is not sent again is still the object's.
  const adopted = {
    ...identity,
    verdict: "adopted",
    spec: data.spec,
    code: code ?? (hasCode ? (object?.code ?? null) : null),
  } as const;
  if (object === undefined) return adopted;
  if (object.isForgotten) return { ...reopened(object), verdict: "refused" };
  const wished = strictness(data.spec);
  const stands = { ...identity, spec: object.spec, code: object.code, changedBy: object.changedBy } as const;
  if (wished > 0) {
    const isStricter = wished > strictness(object.spec);
    const state = isStricter ? (data.spec["state"] ?? "revoked") : (object.spec["state"] ?? "active");
    return { ...stands, spec: { ...object.spec, state }, verdict: "adopted" };
  }
  if (strictness(object.spec) > 0) return { ...stands, verdict: "refused" };
  const isUnchanged =
    object.rev === data.base_object_rev ||
    // Only the desk has changed it since: its earlier change was adopted while this one was on its way.
    (object.changedBy === "gateway" && object.lineageBase === data.base_object_rev);
  return isUnchanged ? adopted : { ...stands, verdict: "refused" };
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
  if (object === undefined || strictness(object.spec) > 0) return null;
  return { kind, id, spec: { ...object.spec, state: "revoked" }, code: object.code };
}

/** Does the document fit its kind, under its own id? */
export function isUsable(kind: ObjectKind, id: string, spec: JsonObject): boolean {
  return specSchemas[kind].safeParse(spec).success && spec[`${kind}_id`] === id && !("code" in spec);
}

function strictness(spec: JsonObject): 0 | 1 | 2 {
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
