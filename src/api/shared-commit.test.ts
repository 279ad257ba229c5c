import { expect, onTestFinished, test, vi } from "vitest";
import { SharedCommit } from "#src/engine/shared-commit";
import { gatewayAudit } from "#src/gateway-live";
import { StoreError } from "#src/store/store-error";
import { EngineRig, SITE } from "#test/support/engine-rig";
import { silentLog } from "#test/support/memory-gateway";
import { gatewayModel } from "./gateway-model.js";
import { createApi } from "./server.js";

function api() {
  const rig = new EngineRig();
  const { clock, engine, store } = rig;
  const group = vi.fn((work: () => void) => engine.group(work));
  const app = createApi({
    model: gatewayModel(engine, { isSandbox: false }),
    audit: gatewayAudit(engine),
    sharedCommit: new SharedCommit({ group, soon: setImmediate, clock }),
    random: (size) => new Uint8Array(size),
    log: silentLog,
    clock,
    auth: "local socket",
    isReady: () => true,
    isStorageFull: (error) => error instanceof StoreError && error.code === "disk_full",
  });
  onTestFinished(() => app.close());
  const post = (path: string, body: object) => app.inject({ method: "POST", url: path, payload: body });
  const create = (name: string) => post("/acs/users/create", { acs_system_id: SITE.system, full_name: name });
  const users = () =>
    store.objects
      .list("acs_user", { limit: 100 })
      .map(({ spec }) => spec["full_name"])
      .sort();
  return { rig, store, engine, group, post, create, users };
}

test("changes that come in together share one commit, each with its own answer and its own entry", async () => {
  const { group, create, users, store } = api();
  const answers = await Promise.all(["Ada", "Bela", "Caro"].map(create));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  const names = answers.map(
    (answer) => answer.json<{ acs_user: { full_name: string } }>().acs_user.full_name,
  );
  expect(names).toEqual(["Ada", "Bela", "Caro"]);
  expect(users()).toEqual(["Ada", "Bela", "Caro"]);
  expect(group).toHaveBeenCalledTimes(1);
  expect(store.audit.list({ limit: 10 }).map(({ what }) => what)).toEqual(Array(3).fill("created acs_user"));
  expect(store.journal.verifyChain()).toBeUndefined();
});

test("one that fails is refused alone", async () => {
  const { create, post, users, group, store } = api();
  const missing = { acs_user_id: SITE.user, full_name: "Nobody" };
  const answers = await Promise.all([create("Ada"), post("/acs/users/update", missing), create("Caro")]);
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 404, 200]);
  expect(users()).toEqual(["Ada", "Caro"]);
  expect(group).toHaveBeenCalledTimes(1);
  expect(store.journal.verifyChain()).toBeUndefined();
});

test("one that breaks half-way leaves nothing behind, and the journal goes on without a hole", async () => {
  const { create, users, store } = api();
  const append = store.audit.append.bind(store.audit);
  let entries = 0;
  // The last thing that a change writes.
  vi.spyOn(store.audit, "append").mockImplementation((entry) => {
    entries += 1;
    if (entries === 2) throw new Error("no");
    append(entry);
  });
  const answers = await Promise.all(["Ada", "Bela", "Caro"].map(create));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 500, 200]);
  expect(users()).toEqual(["Ada", "Caro"]);
  expect(store.journal.verifyChain()).toBeUndefined();
});

test("nobody is answered, and nobody else is told, before the commit; when it fails, all are refused", async () => {
  const { engine, group, create, users, store } = api();
  const told: string[] = [];
  engine.onJournal(() => told.push("journal"));
  group.mockImplementationOnce((work) =>
    engine.group(() => {
      work();
      expect(told).toEqual([]);
      throw new StoreError("disk_full", "The disk is full.");
    }),
  );
  const answers = await Promise.all(["Ada", "Bela"].map(create));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 503]);
  expect(told).toEqual([]);
  expect(users()).toEqual([]);
  expect((await create("Caro")).statusCode).toBe(200);
  expect(told.length).toBeGreaterThan(0);
  expect(users()).toEqual(["Caro"]);
  expect(store.journal.verifyChain()).toBeUndefined();
});
