import type { ObjectQuery, SiteDocument, SiteObject, SiteObjects } from "#src/api/sections/site-objects";
import { requestedMutations, toldOf } from "#src/domain/codes/told";
import type { ObservedCode } from "#src/domain/observed-code";
import { observedAt } from "#src/domain/seam/credential";
import { accessCodeSpec } from "#src/domain/spec";
import type { CloudObject } from "./feed.js";
import type { CloudSite } from "./site.js";

/** The cloud's desired documents: every change goes into the feed, what is known of them comes from the gateway. */
export function cloudObjects(site: CloudSite): SiteObjects {
  return {
    inventory: () => site.inventory.get(),
    isSandbox: true,
    now: () => site.clock.now(),
    certain: () => site.clock.now(),
    random: (size) => site.random(size),
    newId: () => site.newId(),
    seenAt: (id) => site.inventory.createdAt(id),
    get(kind, id) {
      const object = site.feed.get(kind, id);
      return object === undefined || object.isGone || object.isForgotten ? undefined : shown(object);
    },
    list: (kind, query) =>
      site.feed
        .list(kind)
        .filter((object) => !object.isGone && !object.isForgotten && fits(object, query))
        .slice(0, query.limit)
        .map(shown),
    change: (documents) =>
      site.transact(() => {
        for (const document of documents) {
          const { kind, id, spec, code } = document;
          tellRequested(site, document);
          if (spec["state"] === "deleted") site.delete(kind, id);
          else site.put({ kind, id, spec, code });
        }
      }),
  };
}

/** What is wanted otherwise of an access code from now on. */
function tellRequested(site: CloudSite, { kind, id, spec, code }: SiteDocument): void {
  const before = kind === "access_code" ? site.feed.get(kind, id) : undefined;
  if (before === undefined || before.spec["is_managed"] === false) return;
  const wish = (document: Pick<SiteDocument, "spec" | "code">) =>
    toldOf(accessCodeSpec.parse(document.spec), document.code?.reveal() ?? null);
  const requested_mutations = requestedMutations(wish(before), wish({ spec, code }));
  if (requested_mutations.length === 0) return;
  const now = site.clock.now();
  const { workspaceId, connectedAccountId } = site.inventory.get();
  site.events.emit(
    "access_code.mutations_requested",
    { requested_mutations, access_code_id: id, device_id: accessCodeSpec.parse(spec).device_id },
    {
      cause: `${id}:${site.feed.head + 1}`,
      workspaceId,
      connectedAccountId,
      occurredAt: now,
      createdAt: now,
    },
  );
}

function shown(object: CloudObject): SiteObject {
  const { kind, id, createdAt, spec, code, observed, rev, problem } = object;
  return {
    kind,
    id,
    createdAt,
    spec,
    code,
    observed: observed === null ? null : observedAt(observed, rev),
    observedCode: codeAt(object),
    problem,
  };
}

/** What was seen of an access code, where the document has moved on since. */
function codeAt({ observedCode: observed, rev, spec }: CloudObject): ObservedCode | null {
  if (observed === null || observed.rev >= rev) return observed;
  const isLeaving = spec["state"] === "deleted";
  if (isLeaving && observed.status !== "unset") return { ...observed, status: "removing" };
  return observed.status === "set" ? { ...observed, status: "setting" } : observed;
}

/** Objects come in the order (createdAt, id). */
function fits({ id, createdAt, spec, code }: CloudObject, query: ObjectQuery): boolean {
  const { systemId, userId, createdBefore, search, holds, after } = query;
  if (systemId !== undefined && (spec["acs_system_id"] ?? spec["device_id"]) !== systemId) return false;
  if (query.isManaged !== undefined && (spec["is_managed"] !== false) !== query.isManaged) return false;
  if (userId !== undefined && spec["acs_user_id"] !== userId) return false;
  if (createdBefore !== undefined && createdAt >= createdBefore) return false;
  if (holds !== undefined) {
    const list = spec[holds.list];
    if (!Array.isArray(list) || !list.includes(holds.member)) return false;
  }
  if (
    after !== undefined &&
    (createdAt < after.createdAt || (createdAt === after.createdAt && id <= after.id))
  )
    return false;
  if (search === undefined && query.code === undefined) return true;
  const isPin = query.code !== undefined && code?.reveal() === query.code.reveal();
  return isPin || (search !== undefined && contains([id, ...SEARCHED.map((name) => spec[name])], search));
}

const SEARCHED = [
  "name",
  "full_name",
  "display_name",
  "email_address",
  "phone_number",
  "acs_user_id",
] as const;

function contains(texts: readonly unknown[], search: string): boolean {
  const wanted = search.toLowerCase();
  return texts.some((text) => typeof text === "string" && text.toLowerCase().includes(wanted));
}
