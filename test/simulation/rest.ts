import { observe } from "#src/domain/credential/derive";
import type { CloudObject } from "#src/sandbox/cloud/feed";
import { type Life, RETENTION } from "./life.js";
import { ruleOn } from "./acts.js";
import { FINE } from "./network.js";
import { DENIED } from "./oracle.js";
import type { World } from "./world.js";

const LOOK_EVERY_MS = 20_000;
const HOUR_MS = 3_600_000;
const REST_WITHIN_MS = 3 * HOUR_MS;
const REST_IN_SLOTS_WITHIN_MS = 300 * HOUR_MS;
/** Whatever the gateway has asked for by now came, or was given up. */
const SETTLED_AFTER_MS = 160_000;

/** Nothing goes wrong any more, and both sides finish. */
export async function comeToRest(world: World, hasSlots = false): Promise<void> {
  Object.assign(world.weather, FINE);
  if (!world.wall.isTrusted) Object.assign(world.wall, { isTrusted: true, aheadMs: 0 });
  world.crashAt = null;
  world.isDiskFull = false;
  world.stepsLateByMs = 0;
  world.bench.fault = null;
  world.bench.plug(true);
  world.note("from here on nothing goes wrong");
  const withinMs = hasSlots ? REST_IN_SLOTS_WITHIN_MS : REST_WITHIN_MS;
  const lookEveryMs = hasSlots ? HOUR_MS : LOOK_EVERY_MS;
  for (let ms = 0; ms < withinMs; ms += lookEveryMs) {
    if (hasSlots) await slot(world);
    else await world.advance(LOOK_EVERY_MS);
    world.site.expire();
    for (const { kind, id } of world.site.orphans.list()) ruleOn(world, kind, id);
    if (ms > SETTLED_AFTER_MS && isAtRest(world)) return;
  }
  const { life } = world;
  world.oracle.fail(
    hasSlots ? "I24" : "I14",
    `no rest within ${withinMs / HOUR_MS} h: ${JSON.stringify(life?.link.status() ?? "no daemon")}`,
  );
}

/** An hour of which the network is there for one second. */
async function slot(world: World): Promise<void> {
  world.weather.isDown = false;
  await world.advance(1_000);
  world.weather.isDown = true;
  await world.advance(HOUR_MS - 1_000);
}

function isAtRest({ life, site }: World): boolean {
  if (life === null) return false;
  const status = life.link.status();
  return (
    (status.isCaughtUp || status.phase !== "welcomed") &&
    (status.cursor?.rev ?? 0) === site.feed.head &&
    status.ackedSeq === status.lastSeq &&
    life.engine.snapshot.progress() === null &&
    site.orphans.list().length === 0 &&
    life.store.attempts.pending().length === 0 &&
    site.commands.list().every((attempt) => attempt.status !== "pending")
  );
}

type Check = (world: World, life: Life, objects: readonly CloudObject[]) => string | null;

/** What holds once both sides have finished; each answers what is wrong. */
const CHECKS: Readonly<Record<string, Check>> = {
  I9({ site }, { store }) {
    const fault = store.journal.verifyChain();
    if (fault !== undefined) return `the journal is not whole: ${JSON.stringify(fault)}`;
    const here = store.journal.lastSeq();
    const there = site.ledger.ingested(store.journal.jid);
    return there > here ? `the cloud knows ${there} events, the site wrote ${here}` : null;
  },
  I13(world, { store }) {
    const events = store.events.list({ limit: 10_000 }).length;
    // What is new since the last look of the upkeep is not counted yet.
    if (events > RETENTION.eventsMax + 20)
      return `${events} events are kept, at most ${RETENTION.eventsMax} should be`;
    const isLeft = store.snapshotItems.compare(null, 10_000).some(({ isNamed }) => isNamed);
    return isLeft ? "what a snapshot named is kept after it was taken in" : null;
  },
  I14(world, { store }, objects) {
    for (const { kind, id, rev, spec, code, isForgotten, observed } of objects) {
      if (world.poison.includes(id)) continue;
      const row = store.objects.get(kind, id);
      if (row === undefined) {
        if (isForgotten || observed?.state === "deleted") continue;
        return `${kind} ${id} is not on site`;
      }
      if (row.epoch !== world.site.feed.epoch.n) return `${kind} ${id} is of epoch ${row.epoch} on site`;
      if (row.rev !== rev) return `${kind} ${id} is at ${row.rev} on site and at ${rev} in the cloud`;
      if (JSON.stringify(row.spec) !== JSON.stringify(spec)) return `${kind} ${id} differs in its document`;
      // What is denied needs no PIN any more, and whoever let it go may have let the PIN go too.
      if (!DENIED.has(spec["state"]) && row.code?.reveal() !== code?.reveal())
        return `${kind} ${id} differs in its PIN`;
      if (row.dirty) return `${kind} ${id} was never stepped`;
      if (row.record === null) continue;
      const seen = observe(row.record);
      const facts = (of: typeof seen | null): string =>
        JSON.stringify([of?.generation, of?.state, of?.liveCards, of?.isIssued]);
      if (facts(seen) !== facts(observed))
        return `${kind} ${id} is ${facts(seen)} on site and ${facts(observed)} in the cloud`;
    }
    const known = new Set(objects.map(({ id }) => id));
    for (const kind of ["acs_user", "acs_credential"] as const)
      for (const { id, spec } of store.objects.list(kind, { limit: 10_000 }))
        if (!known.has(id) && !DENIED.has(spec["state"]))
          return `${kind} ${id} is on site and not in the cloud`;
    return null;
  },
  I15({ site }, { store }) {
    const { jid } = store.journal;
    const there = site.ledger.events(jid);
    const here = store.journal.read(1, 1_000_000);
    if (there.length !== here.length) return `the cloud has ${there.length} events of ${here.length}`;
    for (const [n, { seq, prev, event }] of here.entries()) {
      const told = there[n];
      if (
        told?.seq !== seq ||
        JSON.stringify(sorted(told.event)) !== JSON.stringify(sorted({ seq, prev, ...event }))
      )
        return `event ${seq} is another in the cloud`;
    }
    return null;
  },
  I16({ cards, oracle, site, timeline, vouchedAheadMs }, { store }) {
    const certain = timeline.now() + vouchedAheadMs;
    for (const card of cards) {
      const state = card.state(store.keySets.list());
      if (state.is !== "ours" || (state.validTo !== null && state.validTo * 1_000 <= certain)) continue;
      const id = oracle.ownerOf.get(state.credentialId) ?? "nobody";
      const listed = store.objects.get("acs_credential", id)?.record?.context.cards ?? [];
      const isListed = listed.some(
        ({ uid, generation }) => uid === card.seen.uid && generation === state.generation,
      );
      if (!isListed)
        return `card ${card.seen.uid} opens for ${id} (${state.generation}), and the site does not know`;
      if ((site.feed.get("acs_credential", id)?.observed?.liveCards ?? 0) === 0)
        return `card ${card.seen.uid} opens for ${id}, and the cloud does not know`;
    }
    return null;
  },
  I17({ oracle, site }, { store }) {
    for (const id of oracle.denied) {
      const object = site.feed.get("acs_credential", id) ?? site.feed.get("acs_user", id);
      if (object !== undefined && !DENIED.has(object.spec["state"]))
        return `${id} was denied and is active in the cloud`;
      const row = store.objects.get("acs_credential", id) ?? store.objects.get("acs_user", id);
      if (row !== undefined && !DENIED.has(row.spec["state"]))
        return `${id} was denied and is active on site`;
    }
    return null;
  },
  I18({ oracle }, { store }, objects) {
    for (const { kind, id, spec } of objects) {
      const isDenied =
        DENIED.has(spec["state"]) || store.objects.get(kind, id)?.record?.context.denied != null;
      if (isDenied && !oracle.perhapsDenied.has(id)) return `nobody denied ${id}, and it is denied`;
    }
    return null;
  },
  I19({ credentials, users }, { store }) {
    for (const id of [...credentials, ...users]) {
      const row = store.objects.get("acs_credential", id) ?? store.objects.get("acs_user", id);
      if (row === undefined) continue;
      if (row.provisional !== null || row.blocked === "orphaned") return `${id} waits for a verdict for ever`;
    }
    return null;
  },
  I20({ poison, site }, { store }) {
    const kept = new Set(store.quarantine.list(1_000).map(({ id }) => id));
    for (const id of poison) {
      const isKnown = (["acs_credential", "acs_moonbeam"] as const).some(
        (kind) => site.feed.get(kind as "acs_credential", id) !== undefined,
      );
      // A cloud that was restored may have lost it again.
      if (!isKnown) continue;
      if (!kept.has(id)) return `the poison ${id} is not recorded`;
      const isTold = (["acs_credential", "acs_moonbeam"] as const).some(
        (kind) => site.feed.get(kind as "acs_credential", id)?.problem != null,
      );
      if (!isTold) return `the cloud does not know that ${id} is refused`;
    }
    return null;
  },
};

export function checkAtRest(world: World): void {
  const { life } = world;
  if (life === null) return;
  const objects = [...world.site.feed.list("acs_user"), ...world.site.feed.list("acs_credential")];
  for (const [number, check] of Object.entries(CHECKS)) {
    const wrong = check(world, life, objects);
    if (wrong !== null) world.oracle.fail(number, wrong);
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
