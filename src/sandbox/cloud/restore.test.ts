import { gunzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import type { CloudMessage, Hello } from "#src/cloud/wire";
import type { Observed } from "#src/domain/observed";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { CloudSite } from "#src/sandbox/cloud/site";
import { VirtualClock } from "#test/support/virtual-clock";
import { issuedObserved } from "#test/support/issued-observed";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const ID = "018f0000-0000-7000-8000-00000000000a";
const ENDS = "2027-01-01T00:00:00Z";

let clock: VirtualClock;
let site: CloudSite;
let seq = 0;

beforeEach(() => {
  clock = new VirtualClock(NOW);
  site = new CloudSite({ siteId: "s", gatewayId: "g", clock, commandLifeMs: 60_000, chunkBytes: 600 });
  seq = 0;
});

const credential = (change: JsonObject = {}): JsonObject => ({
  acs_credential_id: ID,
  acs_system_id: "sys",
  acs_user_id: null,
  access_method: "card",
  allowed_acs_entrance_ids: [],
  starts_at: null,
  ends_at: null,
  is_one_time_use: false,
  has_code: false,
  state: "active",
  created_at: "2026-11-22T10:00:00.000Z",
  ...change,
});
const put = (change: JsonObject = {}): void =>
  site.put({ kind: "acs_credential", id: ID, spec: credential(change), code: null });
const object = () => site.feed.get("acs_credential", ID);
const observed = (change: Partial<Observed> = {}): Observed => issuedObserved(NOW, change);

/** The next event of the journal, or one that is told again; answers the code it was refused with. */
function tell(event: JsonObject, at = ++seq): string | undefined {
  const numbered = { seq: at, prev: "", t: NOW, tq: "trusted", base_rev: 0, ...event };
  const batch = { type: "ev", jid: "j", events: [numbered], secrets: { pin: new Secret("4711") } } as const;
  return site.ledger.ingest({ ...batch, events: [...batch.events] }, clock.now()).refused[0]?.code;
}
const localChange = (change: JsonObject, base: JsonObject): JsonObject => ({
  k: "local_change",
  kind: "acs_credential",
  id: ID,
  data: { spec: credential(change), code_ref: null, ...base },
});
const orphaned = (change: JsonObject = {}, facts: Partial<Observed> = {}): JsonObject => ({
  k: "orphaned",
  kind: "acs_credential",
  id: ID,
  data: { spec: credential(change), code_ref: "pin", observed: observed(facts) },
});
const issued = (): JsonObject => ({
  k: "issued",
  id: ID,
  gen: 1,
  observed: observed(),
  data: { uid: "aa", encoder_id: "e" },
});

let greetings = 0;
function greet(change: Partial<Hello> = {}) {
  const [welcome] = site.receive(null, {
    type: "hello",
    gateway: "g",
    boot: 1,
    jid: "j",
    seq_last: seq,
    seq_acked: 0,
    epoch: null,
    rev: 0,
    caps: { kinds: [], enc: [] },
    sw: "1",
    time: { utc: 0, quality: "trusted", mono: 0 },
    nonce: `n${++greetings}`,
    transport: "test",
    ...change,
  });
  if (welcome?.type !== "welcome") throw new Error("no welcome");
  return welcome;
}
function pull(since: number, epoch = site.feed.epoch): CloudMessage | undefined {
  const { session } = greet({ epoch, rev: since });
  return site.receive(session, { type: "pull", req: "r", epoch, since })[0];
}

test("a restored cloud is as it was, tells a history of its own, and asks again for what it lost", () => {
  put();
  tell(localChange({ ends_at: ENDS }, { base_object_rev: 1, base_epoch: 1 }));
  const backup = site.backUp();
  site.delete("acs_credential", ID);
  tell(issued());
  const { session } = greet({ epoch: site.feed.epoch, rev: 3 });
  site.restore(backup);
  expect(object()).toMatchObject({ rev: 2, isGone: false, spec: { ends_at: ENDS }, observed: null });
  expect(site.isCurrent(session)).toBe(false);
  expect(greet({ epoch: { n: 1, id: "x" }, rev: 3 })).toMatchObject({
    epoch: { n: 2 },
    head: 2,
    want_from: 2,
  });
  site.restore(backup);
  expect(site.feed.epoch.n).toBe(3);
});

test("a command that a restored cloud forgot the end of is not ended before the gateway told it again", async () => {
  put();
  const { id } = site.command("scan", "enc", null, "app");
  const backup = site.backUp();
  const end: JsonObject = {
    k: "attempt_finished",
    id,
    data: { action_type: "SCAN_CREDENTIAL", status: "success", result: {}, error: null },
  };
  tell(end);
  site.restore(backup);
  await clock.advance(120_000);
  const { session } = greet({ epoch: { n: 1, id: "x" }, rev: 1 });
  expect(site.commands.get(id)?.status).toBe("pending");
  const again = { seq: 1, prev: "", t: NOW, tq: "trusted", base_rev: 0, ...end };
  site.receive(session, { type: "ev", jid: "j", events: [again], secrets: {} });
  site.expire();
  expect(site.commands.get(id)?.status).toBe("success");
});

test.each([
  ["a later rev of the same history", () => ({ epoch: site.feed.epoch, rev: 99 }), 2],
  ["its own number under another name", () => ({ epoch: { n: 1, id: "other" }, rev: 0 }), 2],
  ["a higher number", () => ({ epoch: { n: 7, id: "other" }, rev: 0 }), 8],
  ["an earlier rev of the same history", () => ({ epoch: site.feed.epoch, rev: 0 }), 1],
])("a gateway that has seen %s: the cloud's epoch is right", (_name, seen, n) => {
  put();
  expect(greet(seen()).epoch.n).toBe(n);
});

test("what the desk did before the restore is ruled on by what is left of the history that it knew", () => {
  put();
  const backup = site.backUp();
  put({ is_one_time_use: true });
  site.restore(backup);
  // The desk knew rev 2, which is lost: rev 1 is what is left of it, and nobody has changed the object since.
  tell(localChange({ ends_at: ENDS }, { base_object_rev: 2, base_epoch: 1 }));
  tell(localChange({ ends_at: ENDS, is_one_time_use: true }, { base_object_rev: 9, base_epoch: 1 }));
  expect(object()).toMatchObject({ verdict: "adopted", spec: { ends_at: ENDS, is_one_time_use: true } });
  put({ ends_at: null });
  tell(localChange({ ends_at: ENDS }, { base_object_rev: 9, base_epoch: 1 }));
  expect(object()).toMatchObject({ verdict: "refused", spec: { ends_at: null } });
});

test.each(["adopted", "refused"] as const)("an orphan waits for a person: %s", (verdict) => {
  tell(orphaned());
  expect(object()).toBeUndefined();
  expect(site.orphans.list()).toMatchObject([{ id: ID, observed: { liveCards: 1 } }]);
  tell({ ...issued(), observed: observed({ liveCards: 2 }) });
  expect(site.orphans.get("acs_credential", ID)?.observed?.liveCards).toBe(2);
  expect(site.ruleOnOrphan("acs_credential", ID, verdict)).toBe(true);
  expect(object()).toMatchObject({
    verdict,
    spec: { state: verdict === "adopted" ? "active" : "revoked" },
    observed: { liveCards: 2 },
  });
  expect(object()?.code?.reveal()).toBe("4711");
  expect(site.ruleOnOrphan("acs_credential", ID, verdict)).toBe(false);
  // Until the gateway has followed the ruling, it is not let go.
  site.delete("acs_credential", ID);
  expect(site.forget("acs_credential", ID)).toBe(false);
});

test("no person is asked about a denial, nor about what the cloud has, or let go itself", () => {
  tell(orphaned({ state: "revoked" }, { liveCards: 0 }));
  expect([site.orphans.list(), object()]).toEqual([[], undefined]);
  tell(orphaned({ state: "deleted" }));
  expect(object()).toMatchObject({
    verdict: "refused",
    spec: { state: "revoked" },
    observed: { liveCards: 1 },
  });
  put();
  tell(orphaned());
  expect([site.orphans.list(), object()?.spec["state"]]).toEqual([[], "active"]);
});

test("below the floor there is no page; ids of what was let go are kept, and a card brings the record back", () => {
  put();
  site.delete("acs_credential", ID);
  expect(site.forget("acs_credential", ID)).toBe(true);
  expect(pull(1)).toMatchObject({ type: "page" });
  site.raiseFloor();
  expect(site.feed.floor).toBe(3);
  expect(pull(1)).toMatchObject({ type: "gone", reason: "floor", req: "r", snapshot: { rev: 3, count: 0 } });
  expect(pull(3)).toMatchObject({ type: "page", items: [] });
  expect(object()).toBeUndefined();
  tell(orphaned());
  expect(object()).toMatchObject({ verdict: "refused", spec: { state: "revoked" } });
});

test("a change or a card of what was let go brings it back as revoked", () => {
  const letGo = (): void => {
    put();
    site.delete("acs_credential", ID);
    site.forget("acs_credential", ID);
    site.raiseFloor();
  };
  letGo();
  tell(issued());
  expect(object()).toMatchObject({ spec: { state: "revoked" }, observed: { liveCards: 1 } });
  site = new CloudSite({ siteId: "s", gatewayId: "g", clock });
  seq = 0;
  letGo();
  tell(localChange({}, { base_object_rev: 1 }));
  expect(object()).toMatchObject({ verdict: "refused", spec: { state: "revoked" } });
});

test("a snapshot holds every item in chunks that are asked for one by one; one that is not kept is offered anew", () => {
  for (let n = 0; n < 5; n++)
    site.put({
      kind: "acs_user",
      id: `u${n}`,
      spec: { acs_user_id: `u${n}`, acs_system_id: "s", full_name: "Ada", state: "active", created_at: ENDS },
      code: null,
    });
  const epoch = { n: 0, id: "older" };
  const gone = pull(0, epoch);
  if (gone?.type !== "gone") throw new Error("no snapshot");
  const { id, chunks, count } = gone.snapshot;
  expect([gone.reason, count]).toEqual(["epoch", 5]);
  const { session } = greet({ epoch, rev: 0 });
  const fetch = (n: number, snapshot = id) =>
    site.receive(session, { type: "fetch", req: "f", snapshot, n })[0];
  const lines = chunks.flatMap((_, n) => {
    const chunk = fetch(n);
    if (chunk?.type !== "chunk") throw new Error("no chunk");
    return gunzipSync(Buffer.from(chunk.data.reveal(), "base64")).toString().split("\n");
  });
  expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual([
    "u0",
    "u1",
    "u2",
    "u3",
    "u4",
  ]);
  expect(chunks.length).toBeGreaterThan(1);
  expect(fetch(chunks.length)).toMatchObject({ type: "gone", req: "f", snapshot: { id } });
  site.feed.history.bump(site.feed.head);
  expect(fetch(0, "of yesterday")).toMatchObject({ type: "gone", snapshot: { epoch: { n: 2 } } });
});
