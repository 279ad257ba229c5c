import { blockedReason } from "#src/domain/blocked";
import type { Engine } from "#src/engine/engine";
import type { ObjectRow } from "#src/engine/ports";
import { wishedAt } from "#src/engine/time";
import { uuidV7 } from "#src/lib/uuid";
import { causeOf, checkRoom } from "./gateway-attempts.js";
import type { ObjectQuery, SiteObject, SiteObjects } from "./sections/site-objects.js";

/** The gateway's desired documents: the store answers, the engine takes every change. */
export function gatewayObjects(engine: Engine, options: { readonly isSandbox: boolean }): SiteObjects {
  const { store, inventory, time, random } = engine.deps;
  const seenAt = siteCreatedAt(engine);
  const objectOf = (row: ObjectRow): SiteObject => ({
    kind: row.kind,
    id: row.id,
    createdAt: row.createdAt,
    spec: row.spec,
    code: row.code,
    observed: row.kind === "acs_credential" ? engine.observe(row) : null,
    observedCode: row.kind === "access_code" ? (store.keypads.life(row.id)?.observed ?? null) : null,
    problem: problemOf(row),
  });
  return {
    inventory: () => inventory,
    isSandbox: options.isSandbox,
    now: () => time.read().now,
    certain: () => wishedAt(time.read()),
    random,
    newId: () => uuidV7(time.read().now, random(10)),
    seenAt: () => seenAt,
    get(kind, id) {
      const row = store.objects.get(kind, id);
      return row === undefined || row.gone ? undefined : objectOf(row);
    },
    list: (kind, query) => store.objects.list(kind, withoutAbsent(query)).map(objectOf),
    change(documents, by, what) {
      checkRoom(engine, documents);
      engine.localChanges(documents, causeOf(by), what);
    },
  };
}

/** The store's query tells an absent member from one that is undefined. */
function withoutAbsent(query: ObjectQuery): Parameters<Engine["deps"]["store"]["objects"]["list"]>[1] {
  const { limit, ...narrowing } = query;
  const given = Object.entries(narrowing).filter(([, value]) => value !== undefined);
  return { limit, ...Object.fromEntries(given) };
}

/** Why nothing is made of it, when that is so. */
function problemOf({ blocked, record, createdAt }: ObjectRow): SiteObject["problem"] {
  if (blocked === null) return null;
  const [code = blocked] = blocked.split(":");
  const message = `Nothing can be made of it now: ${blockedReason(blocked)}.`;
  return { code, message, at: record?.context.since ?? createdAt };
}

/** When this store first saw the site: the age of everything that comes from the configuration. */
function siteCreatedAt(engine: Engine): number {
  const { meta } = engine.deps.store;
  const known = meta.get("site_created_at");
  if (typeof known === "number") return known;
  const now = engine.deps.time.read().now;
  meta.set("site_created_at", now);
  return now;
}
