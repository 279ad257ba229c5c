import { beforeEach, expect, test } from "vitest";
import type { Hello, PageOut } from "#src/cloud/wire";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { cloudModel } from "#src/sandbox/cloud/model";
import { CloudSite } from "#src/sandbox/cloud/site";
import { VirtualClock } from "#test/support/virtual-clock";
import { issuedObserved } from "#test/support/issued-observed";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const BY = { name: "app", role: "admin", seesPins: true } as const;
const ID = "018f0000-0000-7000-8000-00000000000a";

let clock: VirtualClock;
let site: CloudSite;
let seq = 0;

beforeEach(() => {
  clock = new VirtualClock(NOW);
  site = new CloudSite({
    siteId: "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10",
    gatewayId: "g",
    clock,
    commandLifeMs: 60_000,
  });
  seq = 0;
});

const head = { t: NOW, tq: "trusted", base_rev: 0 };
/** The next event of the journal; returns the code it was refused with. */
function tell(event: JsonObject, secrets: Record<string, Secret<string>> = {}): string | undefined {
  const numbered = { seq: ++seq, prev: "", ...head, ...event };
  return site.ledger.ingest({ type: "ev", jid: "j", events: [numbered], secrets }, clock.now()).refused[0]
    ?.code;
}

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
const put = (change: JsonObject = {}) =>
  site.put({ kind: "acs_credential", id: ID, spec: credential(change), code: null });
const object = () => site.feed.get("acs_credential", ID);
const localChange = (spec: JsonObject, base: number, ref: string | null = null): JsonObject => ({
  k: "local_change",
  kind: "acs_credential",
  id: ID,
  data: { spec, code_ref: ref, base_object_rev: base },
});
const observed = (change: Partial<Observed> = {}): Observed => issuedObserved(NOW, change);
const fact = (k: string, change: Partial<Observed> = {}, data: JsonObject = { uid: "aa", encoder_id: "e" }) =>
  ({ k, id: ID, gen: 1, observed: observed(change), data }) as unknown as JsonObject;
const eventTypes = () => site.events.list({ where: {}, limit: 99 }).map(({ event_type: type }) => type);

const inventory: Inventory = {
  workspaceId: "w",
  connectedAccountId: "ca",
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [{ id: "sys", key: "main", name: "Main", externalType: null, cardProfiles: [] }],
  entrances: [{ id: "ent", key: "101", name: "101", systemId: "sys", door: 101, zone: null, keypad: null }],
  encoders: [{ id: "enc", key: "desk", name: "Desk", systemId: "sys", unit: "desk/main" }],
  locks: [],
};
const tellInventory = (value: Inventory) =>
  tell({ k: "inventory", data: { hash: fingerprintOf(value), inventory: value as unknown as JsonObject } });

test.each([
  { name: "new object", cloud: null, local: {}, base: 0, verdict: "adopted", state: "active", ends: null },
  {
    name: "unchanged since",
    cloud: {},
    local: { ends_at: "2027-01-01T00:00:00Z" },
    base: 1,
    verdict: "adopted",
    state: "active",
    ends: "2027-01-01T00:00:00Z",
  },
  {
    name: "changed meanwhile",
    cloud: {},
    local: { ends_at: "2027-01-01T00:00:00Z" },
    base: 0,
    verdict: "refused",
    state: "active",
    ends: null,
  },
  {
    name: "revoked by the cloud",
    cloud: { state: "revoked" },
    local: { ends_at: "2027-01-01T00:00:00Z" },
    base: 1,
    verdict: "refused",
    state: "revoked",
    ends: null,
  },
  {
    name: "revoked at the desk, changed in the cloud",
    cloud: {},
    local: { state: "revoked" },
    base: 7,
    verdict: "adopted",
    state: "revoked",
    ends: null,
  },
  {
    name: "deleted at the desk, revoked in the cloud",
    cloud: { state: "revoked" },
    local: { state: "deleted" },
    base: 0,
    verdict: "adopted",
    state: "deleted",
    ends: null,
  },
  {
    name: "revoked at the desk, deleted in the cloud",
    cloud: { state: "deleted" },
    local: { state: "revoked" },
    base: 0,
    verdict: "adopted",
    state: "deleted",
    ends: null,
  },
])("a change at the desk is ruled on: $name", ({ cloud, local, base, verdict, state, ends }) => {
  if (cloud !== null) put(cloud);
  const before = site.feed.head;
  expect(tell(localChange(credential(local), base))).toBeUndefined();
  expect(object()).toMatchObject({ verdict, rev: before + 1, spec: { state, ends_at: ends } });
});

test("a second change of the desk, made before it heard of the first ruling, is adopted too", () => {
  tell(localChange(credential(), 0));
  tell(localChange(credential({ ends_at: "2027-01-01T00:00:00Z" }), 0));
  expect(object()).toMatchObject({ verdict: "adopted", rev: 2, spec: { ends_at: "2027-01-01T00:00:00Z" } });
  put({ ends_at: "2028-01-01T00:00:00Z" });
  tell(localChange(credential({ ends_at: "2029-01-01T00:00:00Z" }), 0));
  expect(object()).toMatchObject({ verdict: "refused", rev: 4, spec: { ends_at: "2028-01-01T00:00:00Z" } });
});

test("a PIN made at the desk comes beside the event, and stays when a later change does not send it", () => {
  tell(localChange(credential({ has_code: true }), 0, "ref"), { ref: new Secret("4711") });
  expect(object()?.code?.reveal()).toBe("4711");
  tell(localChange(credential({ has_code: true, is_one_time_use: true }), 1));
  expect(object()?.code?.reveal()).toBe("4711");
  expect(JSON.stringify(site.ledger.events("j"))).not.toContain("4711");
});

test("facts are told once, in Seam's words, and shown on the object", () => {
  put();
  tell(fact("issued"));
  tell(fact("reissued"));
  const again = { seq, prev: "", ...head, ...fact("reissued") };
  site.ledger.ingest({ type: "ev", jid: "j", events: [again], secrets: {} }, clock.now());
  tell(fact("invalidated", { isSynced: false, liveCards: 0 }, { why: null }));
  tell({ k: "deleted", kind: "acs_credential", id: ID, data: { observed: null } });
  tell({ k: "deleted", kind: "acs_credential", id: ID, data: { observed: null } });
  expect(eventTypes()).toEqual(
    ["issued", "reissued", "invalidated", "deleted"].map((type) => `acs_credential.${type}`),
  );
  expect(object()).toMatchObject({ isGone: true, observed: { liveCards: 0 } });
});

test("a card credential leaves the API with its deletion, and its cards are told of later", () => {
  put();
  tell(fact("issued"));
  const model = cloudModel(site);
  model.credentials.delete(ID, BY);
  expect(() => model.credentials.get(ID, BY)).toThrow("There is no acs_credential");
  expect(site.forget("acs_credential", ID)).toBe(false);
  tell(fact("invalidated", { liveCards: 0 }, { why: null }));
  tell({ k: "deleted", kind: "acs_credential", id: ID, data: { observed: null } });
  expect(eventTypes().sort()).toEqual([
    "acs_credential.deleted",
    "acs_credential.invalidated",
    "acs_credential.issued",
  ]);
  expect(site.forget("acs_credential", ID)).toBe(true);
  const items = site.feed.page(0).items;
  expect(items).toMatchObject([{ op: "forget", spec: { state: "forgotten" } }]);
});

test("a card that turns up for a forgotten credential brings the record back, revoked", () => {
  put();
  site.delete("acs_credential", ID);
  site.forget("acs_credential", ID);
  tell(fact("in_doubt", { state: "in_doubt", liveCards: 1 }, { uid: "aa" }));
  expect(object()).toMatchObject({
    isForgotten: false,
    isGone: false,
    spec: { state: "revoked" },
    observed: { liveCards: 1 },
  });
});

test("a revocation that the gateway insists on becomes the cloud's", () => {
  put();
  tell(fact("revocation_reasserted", { state: "invalidated" }, {}));
  expect(object()?.spec["state"]).toBe("revoked");
});

test("an event of no use goes to the dead letters and holds nothing up; a hole does", () => {
  expect(tell({ k: "firework" })).toBe("event.malformed");
  expect(tell(fact("issued"))).toBe("object.unknown");
  expect(tell(localChange({ acs_credential_id: "another" }, 0))).toBe("spec.invalid");
  seq += 1;
  tell(fact("issued"));
  expect(site.ledger.ingested("j")).toBe(3);
});

test("the inventory makes systems, entrances and encoders, and tells what came and went", () => {
  tellInventory(inventory);
  const model = cloudModel(site);
  expect(model.workspace.get()).toMatchObject({ name: "Harbour Hotel" });
  expect(model.encoders.get("enc")).toMatchObject({
    display_name: "Desk",
    created_at: "2026-11-22T14:00:00.000Z",
  });
  tellInventory({ ...inventory, encoders: [] });
  expect(eventTypes()).toEqual([
    "acs_system.added",
    "acs_entrance.added",
    "acs_encoder.added",
    "acs_encoder.removed",
  ]);
  expect(() => model.encoders.get("enc")).toThrow("There is no acs_encoder");
});

test("an attempt ends in time whoever looks, and its end never changes", async () => {
  put();
  const { id } = site.command("encode", "enc", ID, "app");
  await clock.advance(60_000);
  const model = cloudModel(site);
  expect(model.attempts.get(id)).toMatchObject({
    status: "error",
    error: { type: "action_attempt_expired" },
  });
  tell({
    k: "attempt_finished",
    id,
    data: { action_type: "ENCODE_CREDENTIAL", status: "success", result: {}, error: null },
  });
  expect(model.attempts.get(id)).toMatchObject({ status: "error" });
});

const hello: Hello = {
  type: "hello",
  gateway: "g",
  boot: 1,
  jid: "j",
  seq_last: 0,
  seq_acked: 0,
  epoch: null,
  rev: 0,
  caps: { kinds: [], enc: [] },
  sw: "1",
  time: { utc: 0, quality: "trusted", mono: 0 },
  nonce: "n1",
  transport: "test",
};
function greet(nonce: string): string {
  const [answer] = site.receive(null, { ...hello, nonce });
  return answer?.type === "welcome" ? answer.session : "";
}

test("commands are offered once a session, again in the next with what is left of their life, never after", async () => {
  put();
  tell(fact("issued", { generation: 3 }));
  const { id } = site.command("encode", "enc", ID, "app");
  const first = greet("n1");
  const commands = (session: string) => site.takeNews(session).filter(({ type }) => type === "cmd");
  expect(commands(first)).toMatchObject([
    { cmd: id, session: first, life_ms: 60_000, expect_gen: 3, needs_rev: 1 },
  ]);
  expect(commands(first)).toEqual([]);
  await clock.advance(25_000);
  const second = greet("n2");
  expect(commands(first)).toEqual([]);
  expect(commands(second)).toMatchObject([{ cmd: id, session: second, life_ms: 35_000 }]);
  await clock.advance(35_000);
  expect(commands(greet("n3"))).toEqual([]);
});

test("a hello that comes twice begins one session", () => {
  expect(greet("same")).toBe(greet("same"));
  expect(greet("other")).not.toBe(greet("same"));
});

test("pages are complete in their range, and an object is in the feed once, at its newest", () => {
  for (let number = 0; number < 150; number++) {
    const id = `u${number % 120}`;
    const spec = {
      acs_user_id: id,
      acs_system_id: "s",
      full_name: "A",
      state: "active",
      created_at: "2026-11-22T10:00:00Z",
    };
    site.put({ kind: "acs_user", id, spec, code: null });
  }
  const pages: PageOut[] = [];
  for (let since = 0; since < site.feed.head; since = pages.at(-1)?.to ?? Infinity)
    pages.push(site.feed.page(since));
  expect(pages.map(({ from, to, items }) => [from, to, items.length])).toEqual([
    [0, 130, 100],
    [130, 150, 20],
  ]);
  expect(new Set(pages.flatMap(({ items }) => items.map(({ id }) => id))).size).toBe(120);
});

test.each([
  ["of another epoch", { epoch: { n: 9, id: "other" }, since: 0 }, "epoch"],
  ["from beyond the head", { epoch: null, since: 5 }, "damaged"],
])("a pull %s is answered with gone", (_name, { epoch, since }, reason) => {
  const session = greet("n1");
  const pull = { type: "pull", req: "r", epoch: epoch ?? site.feed.epoch, since } as const;
  expect(site.receive(session, pull)).toMatchObject([{ type: "gone", reason }]);
});
