import { expect, onTestFinished, test } from "vitest";
import type { CloudStatus } from "#src/cloud/link";
import { Observability } from "#src/gateway-observability";
import { keepUp } from "#src/gateway-upkeep";
import type { Log } from "#src/lib/log";
import { StoreError } from "#src/store/store-error";
import { EngineRig, SITE } from "#test/support/engine-rig";
import { KEEP_ALL } from "#test/support/retention";

const ONE = "eeeeeeee-0000-4000-8000-000000000001";
const TWO = "eeeeeeee-0000-4000-8000-000000000002";
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

const connected: CloudStatus = {
  carrier: "http",
  phase: "welcomed",
  connectedSince: 1,
  lastWelcomeAt: Date.parse("2026-11-22T14:00:00Z"),
  cursor: { epoch: { n: 1, id: "e" }, rev: 5 },
  head: 5,
  isCaughtUp: true,
  ackedSeq: 3,
  lastSeq: 3,
  problem: null,
  nextTryMs: null,
  carriers: [],
};

async function site(cloud: CloudStatus | null = connected) {
  const limit = { ms: 72 * 3_600_000, keys: 200 };
  const rig = await new EngineRig({ offline: limit }).ready();
  const observability = new Observability({
    store: rig.store,
    storePath: "/nowhere/store.db",
    freeBytes: () => null,
    devices: rig.devices,
    clock: rig.clock,
    log: quiet,
    time: { read: () => rig.engine.deps.time.read(), floorAheadMs: () => 0 },
    hasLocks: true,
    needsKeys: true,
    cloud: () => cloud,
    driverMemory: () => new Map(),
    snapshot: () => rig.engine.snapshot.progress(),
    offline: () => (cloud === null ? null : { limit, used: rig.engine.offlineWork.used() }),
  });
  onTestFinished(() => observability.metrics.stop());
  return { rig, observability };
}

test("wanted, stored, proved: a credential comes, gets its card, changes, and is revoked", async () => {
  const { rig, observability } = await site();
  const counts = () => observability.sync()["credentials"];
  rig.feedCredential(ONE);
  rig.feedCredential(TWO);
  expect(counts()).toMatchObject({ wanted: 2, stored: 2, proved: 0, by_state: { waiting_to_be_issued: 2 } });
  rig.put();
  await rig.job("encode", ONE);
  expect(counts()).toMatchObject({ wanted: 2, stored: 2, proved: 1 });
  expect(observability.sync()["oldest_gap"]).toMatchObject({
    acs_credential_id: TWO,
    state: "waiting_to_be_issued",
  });
  rig.feedCredential(ONE, { ends_at: "2026-12-01T11:00:00.000Z" });
  expect(counts()).toMatchObject({ wanted: 2, proved: 0 });
  rig.feedCredential(ONE, { state: "revoked" });
  expect(counts()).toMatchObject({ wanted: 1, stored: 2, proved: 0, revoked_and_open: 1 });
});

test("a snapshot that is being taken in says how far it is", async () => {
  const { rig, observability } = await site();
  expect(observability.sync()["snapshot"]).toBeNull();
  const chunk = { sha256: "00".repeat(32), bytes: 10 };
  const epoch = { n: 1, id: "e" };
  rig.engine.snapshot.begin({ id: "s", epoch, rev: 9, ingested: 0, chunks: [chunk, chunk] });
  expect(observability.sync()["snapshot"]).toEqual({ rev: 9, chunks: 2, chunks_stored: 0 });
});

test("what cannot be carried out is named with its reason", async () => {
  const { rig, observability } = await site();
  rig.feedCredential(ONE, { acs_user_id: SITE.user });
  rig.engine.storePage(
    [],
    [
      {
        epoch: 1,
        rev: 9,
        kind: "thing",
        id: "t1",
        raw: new Uint8Array(3),
        code: "item.kind_unknown",
        message: "",
      },
    ],
    { epoch: { n: 1, id: "e" }, rev: 9 },
    0,
  );
  expect(observability.sync()["blocked"]).toMatchObject({
    count: 2,
    by_reason: { missing: 1 },
    not_understood: 1,
    items: [
      { id: ONE, reason: `missing:${SITE.user}` },
      { id: "t1", reason: "item.kind_unknown" },
    ],
  });
  expect(observability.health().find(({ part }) => part === "desired")).toMatchObject({ state: "degraded" });
});

test("the link's trouble, the journal's backlog and the next try are told", async () => {
  const problem = { code: "carrier.timeout", message: "no answer", since: 1 } as const;
  const { observability } = await site({
    ...connected,
    phase: "resting",
    head: null,
    lastSeq: 10,
    problem,
    nextTryMs: 1_234.5,
  });
  expect(observability.sync()["cloud"]).toMatchObject({
    phase: "resting",
    problem: { code: "carrier.timeout", since: "1970-01-01T00:00:00.001Z" },
    next_try_ms: 1_235,
    feed: { head: null, cursor: 5 },
    journal: { last_seq: 10, acked_seq: 3, unacknowledged: 7 },
  });
});

test("a site without a cloud has neither", async () => {
  const { observability } = await site(null);
  expect(observability.sync()).toMatchObject({ cloud: null, offline: null });
});

test("a full disk stops no upkeep: the next turn tries again", async () => {
  const { rig } = await site();
  let isFull = true;
  const said: object[] = [];
  let turns = 0;
  const tick = () => {
    if (isFull) throw new StoreError("disk_full", "the disk is full");
    return 70_000;
  };
  const stop = keepUp(rig.engine, {
    link: null,
    time: { read: () => rig.engine.deps.time.read(), tick, persist: () => undefined },
    log: { ...quiet, error: (fields) => void said.push(fields) },
    retention: KEEP_ALL,
    look: () => undefined,
    heard: () => turns++,
  });
  await rig.clock.advance(5_000);
  expect(said).toMatchObject([{ event: "upkeep.failed" }, { event: "upkeep.failed" }]);
  isFull = false;
  await rig.clock.advance(5_000);
  expect([turns, said.length, rig.journal().at(-1)]).toEqual([3, 2, "clock_jumped"]);
  stop();
});
