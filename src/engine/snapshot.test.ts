import { expect, test } from "vitest";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import type { CloudDocument } from "./feed.js";
import { EngineRig, SITE } from "#test/support/engine-rig";

const id = (n: number): string => `eeeeeeee-0000-4000-8000-00000000000${n}`;
const SAME = { n: 1, id: "e" };
const NEXT = { n: 2, id: "restored" };
const CHUNK = { sha256: "0".repeat(64), bytes: 1 };

function credential(n: number, changes: JsonObject = {}): JsonObject {
  return {
    acs_credential_id: id(n),
    acs_system_id: SITE.system,
    acs_user_id: null,
    access_method: "card",
    allowed_acs_entrance_ids: [SITE.room101],
    starts_at: null,
    ends_at: "2026-11-30T11:00:00.000Z",
    is_one_time_use: false,
    has_code: false,
    state: "active",
    created_at: "2026-11-22T10:00:00.000Z",
    ...changes,
  };
}

const user = (changes: JsonObject = {}): JsonObject => ({
  acs_user_id: SITE.user,
  acs_system_id: SITE.system,
  full_name: "Ada",
  state: "active",
  created_at: "2026-11-22T10:00:00.000Z",
  ...changes,
});

const online = (): Promise<EngineRig> => new EngineRig({ offline: { ms: 3_600_000, keys: 9 } }).ready();

interface Taken {
  readonly epoch?: { readonly n: number; readonly id: string };
  readonly rev?: number;
  /** Events of the journal that the cloud had taken in; all by default. */
  readonly ingested?: number;
  readonly specs?: readonly JsonObject[];
  readonly isBlind?: boolean;
}

/** A snapshot of one chunk, up to where what it lacks is dealt with. */
function begin(
  rig: EngineRig,
  { epoch = NEXT, rev = 50, ingested, specs = [], isBlind = false }: Taken,
): void {
  const { snapshot, deps } = rig.engine;
  snapshot.begin({
    id: "s",
    epoch,
    rev,
    ingested: ingested ?? deps.store.journal.lastSeq(),
    chunks: [CHUNK],
  });
  const items = specs.map((spec): CloudDocument => {
    const kind = "full_name" in spec ? "acs_user" : "acs_credential";
    const named = spec[`${kind}_id`];
    return { kind, id: typeof named === "string" ? named : "", epoch: epoch.n, rev, spec, code: null };
  });
  snapshot.store({ items, blocked: [], isBlind, endsChunk: true });
}

function finish(rig: EngineRig): void {
  while (rig.engine.snapshot.progress() !== null) rig.engine.snapshot.sweep();
  rig.engine.stepDirty();
}

function takeIn(rig: EngineRig, taken: Taken): void {
  begin(rig, taken);
  finish(rig);
}

const cursor = (rig: EngineRig) => rig.store.meta.get("cursor");
const change = (rig: EngineRig, n: number, changes: JsonObject, code: string | null = null) =>
  rig.engine.localChange(
    {
      kind: "acs_credential",
      id: id(n),
      spec: credential(n, changes),
      code: code === null ? null : new Secret(code),
    },
    {},
    "changed",
  );
const events = (rig: EngineRig, k: string) =>
  rig.store.journal.read(1, 1_000).flatMap(({ event }) => (event.k === k ? [event] : []));

test("items are stored as if they came in a page; the cursor is the snapshot's when what it lacks is dealt with", async () => {
  const rig = await online();
  rig.feedCredential(id(1));
  begin(rig, { specs: [credential(1, { ends_at: null }), credential(2)] });
  expect(cursor(rig)).toMatchObject({ epoch: SAME, rev: 1 });
  expect(rig.row(id(1))).toMatchObject({ epoch: 2, rev: 50, dirty: true, spec: { ends_at: null } });
  finish(rig);
  expect(cursor(rig)).toEqual({ epoch: NEXT, rev: 50 });
  expect(rig.state(id(2))).toBe("waiting_to_be_issued");
  expect(rig.store.snapshotItems.compare(null, 9).map(({ isNamed }) => isNamed)).toEqual([false, false]);
});

test("within one history, what the snapshot lacks is forgotten: revoked, and its id remembered", async () => {
  const rig = await online();
  rig.feedCredential(id(1));
  rig.feedCredential(id(2));
  rig.put();
  await rig.job("encode", id(2));
  takeIn(rig, { epoch: SAME });
  expect(rig.store.objects.get("acs_credential", id(1))).toBeUndefined();
  expect(rig.store.objects.tombstone("acs_credential", id(1))).toMatchObject({ revoked: true });
  // Its card is out there: the record stays until that is dead.
  expect(rig.row(id(2))).toMatchObject({ spec: { state: "forgotten" }, record: { state: "invalidating" } });
});

test("what a new history lacks is an orphan: told once, and no card is made for it until the cloud rules", async () => {
  const rig = await online();
  rig.feedUser();
  rig.feedCredential(id(1), { has_code: true });
  rig.store.objects.put({ ...rig.row(id(1)), code: new Secret("4711") });
  takeIn(rig, { specs: [user()] });
  expect(rig.row(id(1))).toMatchObject({ blocked: "orphaned", epoch: 2, rev: 0 });
  expect(events(rig, "orphaned")).toMatchObject([
    { kind: "acs_credential", id: id(1), data: { spec: { has_code: true }, observed: { generation: 0 } } },
  ]);
  const [told] = events(rig, "orphaned");
  const ref = told?.k === "orphaned" ? told.data.code_ref : null;
  expect(rig.store.journal.secret(ref ?? "")?.reveal()).toBe("4711");
  rig.put();
  expect((await rig.job("encode", id(1))).error?.message).toMatch(/the cloud lost it/);
  // Stepping it for another reason does not make it the cloud's.
  rig.store.objects.put({ ...rig.row(id(1)), dirty: true });
  rig.engine.stepDirty();
  expect(rig.row(id(1)).blocked).toBe("orphaned");
  // Another snapshot that lacks it asks no second time.
  takeIn(rig, { epoch: { n: 3, id: "again" }, specs: [user()] });
  expect(events(rig, "orphaned")).toHaveLength(1);

  const verdict = {
    kind: "acs_credential",
    id: id(1),
    epoch: 3,
    rev: 51,
    spec: credential(1),
    code: null,
  } as const;
  const at = { epoch: { n: 3, id: "again" }, rev: 51 };
  rig.engine.storePage([{ ...verdict, verdict: "adopted" }], [], at, 0);
  expect(rig.row(id(1)).blocked).toBeNull();
  expect((await rig.job("encode", id(1))).status).toBe("success");
});

test("an orphan that the desk revokes is denied like everything else", async () => {
  const rig = await online();
  rig.feedCredential(id(1));
  takeIn(rig, {});
  change(rig, 1, { state: "revoked" });
  expect(rig.row(id(1))).toMatchObject({ blocked: null, record: { state: "invalidated" } });
});

test.each([
  ["same", SAME],
  ["new", NEXT],
])("%s history: what the desk did since stays, what the cloud knew and lacks goes", async (_name, epoch) => {
  const rig = await online();
  change(rig, 1, {});
  const known = rig.store.journal.lastSeq();
  change(rig, 2, {});
  takeIn(rig, { epoch, ingested: known });
  expect(rig.store.objects.get("acs_credential", id(1))).toBeUndefined();
  expect(rig.row(id(2))).toMatchObject({ record: { state: "waiting_to_be_issued" }, blocked: null });
});

test("a denial is no orphan, stays, and is told; a later call for it as active is answered", async () => {
  const rig = await online();
  rig.feedCredential(id(1));
  rig.feedCredential(id(1), { state: "revoked" });
  rig.feedUser({ state: "deleted" });
  takeIn(rig, {});
  expect(rig.row(id(1))).toMatchObject({ blocked: null, record: { state: "invalidated" } });
  expect(events(rig, "orphaned").map((event) => event.k === "orphaned" && event.kind)).toEqual([
    "acs_credential",
    "acs_user",
  ]);
  takeIn(rig, { epoch: { n: 3, id: "again" }, specs: [credential(1, { state: "suspended" }), user()] });
  expect(rig.state(id(1))).toBe("invalidated");
  expect(rig.store.objects.get("acs_user", SITE.user)?.spec["state"]).toBe("deleted");
  expect(events(rig, "revocation_reasserted")).toMatchObject([{ kind: "acs_user" }, { id: id(1) }]);
});

test("a snapshot with an item that does not say whose it is sweeps nothing", async () => {
  const rig = await online();
  rig.feedCredential(id(1));
  takeIn(rig, { epoch: SAME, isBlind: true });
  expect(rig.state(id(1))).toBe("waiting_to_be_issued");
  expect(cursor(rig)).toEqual({ epoch: SAME, rev: 50 });
});

test("a crash between parts, and in the sweep, goes on where it was; another snapshot begins anew", async () => {
  const rig = await online();
  for (let n = 1; n <= 3; n++) rig.feedCredential(id(n));
  for (let n = 0; n < 150; n++)
    rig.store.objects.put({ ...rig.row(id(3)), id: `ffffffff-${n}`, cardCredentialId: null });
  begin(rig, { specs: [credential(1)] });
  rig.crash();
  expect(rig.engine.snapshot.progress()).toMatchObject({ id: "s", rev: 50, next: 1 });
  rig.engine.snapshot.sweep();
  expect(rig.row(id(2)).blocked).toBe("orphaned");
  expect(rig.row("ffffffff-99").blocked).toBeNull();
  rig.crash();
  finish(rig);
  expect(rig.row(id(1)).blocked).toBeNull();
  expect(rig.row("ffffffff-99").blocked).toBe("orphaned");
  expect(events(rig, "orphaned")).toHaveLength(152);

  begin(rig, { epoch: { n: 3, id: "again" }, specs: [credential(1)] });
  rig.engine.snapshot.begin({ id: "t", epoch: { n: 4, id: "x" }, rev: 9, ingested: 0, chunks: [] });
  expect(rig.engine.snapshot.progress()).toMatchObject({ id: "t", next: 0 });
  expect(rig.store.snapshotItems.compare(null, 500).some(({ isNamed }) => isNamed)).toBe(false);
});
