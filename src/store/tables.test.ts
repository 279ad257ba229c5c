import { expect, test } from "vitest";
import type { ActionAttempt, SeamEvent } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { tempStore } from "#test/support/temp-store";

function attempt(changes: Partial<ActionAttempt> = {}): ActionAttempt {
  return {
    id: "a1",
    actionType: "ENCODE_CREDENTIAL",
    status: "pending",
    result: null,
    error: null,
    credentialId: "c1",
    encoderId: "e1",
    isCommand: false,
    createdAt: 1,
    finishedAt: null,
    ...changes,
  };
}

test("an attempt ends once and never changes after", () => {
  const { attempts } = tempStore();
  attempts.create(attempt());
  expect(attempts.pending()).toEqual([attempt()]);
  expect(() => attempts.create(attempt({ status: "success" }))).toThrow(/UNIQUE/);
  const success = { status: "success" as const, result: { card: "04aa", tries: [1, 2] }, error: null };
  expect(attempts.finish("a1", success, 9)).toBe(true);
  const finished = attempt({ ...success, finishedAt: 9 });
  expect(attempts.get("a1")).toEqual(finished);

  const failure = { status: "error" as const, result: null, error: { type: "late", message: "too late" } };
  expect(attempts.finish("a1", failure, 10)).toBe(false);
  expect(attempts.finish("a1", success, 11)).toBe(false);
  expect(attempts.finish("unknown", failure, 10)).toBe(false);
  expect(() => attempts.finish("a1", { ...success, status: "pending" }, 12)).toThrow(
    /cannot be finished as pending/,
  );
  expect(attempts.get("a1")).toEqual(finished);
  expect(attempts.pending()).toEqual([]);

  attempts.create(attempt({ id: "a2", isCommand: true, credentialId: null, encoderId: null }));
  expect(attempts.finish("a2", failure, 12)).toBe(true);
  expect(attempts.get("a2")).toMatchObject({
    ...failure,
    isCommand: true,
    credentialId: null,
    finishedAt: 12,
  });
});

test("attempts are listed in order of creation, by page and by id", () => {
  const { attempts } = tempStore();
  for (const [id, createdAt] of [
    ["c", 1],
    ["b", 2],
    ["a", 2],
    ["d", 3],
  ] as const)
    attempts.create(attempt({ id, createdAt }));
  const list = (query: Parameters<typeof attempts.list>[0]) => attempts.list(query).map((each) => each.id);
  expect(list({ limit: 10 })).toEqual(["c", "a", "b", "d"]);
  expect(list({ limit: 2 })).toEqual(["c", "a"]);
  expect(list({ limit: 2, after: { createdAt: 2, id: "a" } })).toEqual(["b", "d"]);
  expect(list({ limit: 10, ids: ["d", "c", "x"] })).toEqual(["c", "d"]);
  expect(list({ limit: 10, ids: [] })).toEqual([]);
  expect(list({ limit: 10, ids: ["c", "d"], after: { createdAt: 1, id: "c" } })).toEqual(["d"]);
});

function seamEvent(event_id: string, second: number, extra: Record<string, string> = {}): SeamEvent {
  const at = new Date(second * 1000).toISOString();
  return {
    event_id,
    event_type: "acs_credential.issued",
    workspace_id: "w",
    created_at: at,
    occurred_at: at,
    ...extra,
  };
}

test("events are found by time, type, id and any property", () => {
  const { events } = tempStore();
  const all = [
    seamEvent("e1", 1, {
      acs_credential_id: "c1",
      acs_system_id: "s1",
      event_type: "acs_credential.deleted",
    }),
    seamEvent("e2", 3, { acs_credential_id: "c1", device_id: "d1" }),
    seamEvent("e3", 2, { acs_credential_id: "c2", acs_user_id: "u1", odd: 'it\'s "odd"' }),
    seamEvent("e0", 3, { access_code_id: "k1", acs_encoder_id: "n1", acs_entrance_id: "r1" }),
  ];
  for (const event of all) events.append(event);
  const list = (query: Partial<Parameters<typeof events.list>[0]>) =>
    events.list({ limit: 10, ...query }).map((event) => event.event_id);
  expect(list({})).toEqual(["e1", "e3", "e2", "e0"]);
  expect(list({ limit: 2 })).toEqual(["e1", "e3"]);
  expect(list({ since: 1000 })).toEqual(["e3", "e2", "e0"]);
  expect(list({ since: 1000, before: 3000 })).toEqual(["e3"]);
  expect(list({ ids: ["e2", "e1", "x"] })).toEqual(["e1", "e2"]);
  expect(list({ types: ["acs_credential.deleted", "other"] })).toEqual(["e1"]);
  expect(list({ types: [] })).toEqual([]);
  expect(list({ where: { acs_credential_id: "c1" } })).toEqual(["e1", "e2"]);
  expect(list({ where: { acs_credential_id: "c1", acs_system_id: "s1" } })).toEqual(["e1"]);
  expect(list({ where: { acs_user_id: "u1" } })).toEqual(["e3"]);
  expect(list({ where: { acs_encoder_id: "n1", acs_entrance_id: "r1", access_code_id: "k1" } })).toEqual([
    "e0",
  ]);
  expect(list({ where: { device_id: "d1" } })).toEqual(["e2"]);
  expect(list({ where: { odd: 'it\'s "odd"' } })).toEqual(["e3"]);
  expect(list({ where: { [`odd") OR 1 = 1 --`]: "x" } })).toEqual([]);
  expect(events.get("e3")).toEqual(all[2]);
  expect(events.get("x")).toBeUndefined();
  expect(() => events.append(seamEvent("e1", 5))).toThrow(/UNIQUE/);
  expect(() => events.append({ ...seamEvent("e9", 5), occurred_at: "noon" })).toThrow(/occurred_at/);
});

test("key sets come newest first and are never replaced", () => {
  const { keySets } = tempStore();
  const set = (version: number, fill: number) => ({
    version,
    issuer: new Secret(new Uint8Array(4).fill(fill)),
    cardMaster: new Secret(new Uint8Array(16).fill(fill)),
    createdAt: version,
  });
  keySets.add(set(1, 0xaa));
  keySets.add(set(2, 0xbb));
  const revealed = keySets
    .list()
    .map(({ version, issuer, cardMaster }) => [version, issuer.reveal()[3], cardMaster.reveal()[15]]);
  expect(revealed).toEqual([
    [2, 0xbb, 0xbb],
    [1, 0xaa, 0xaa],
  ]);
  expect(() => keySets.add(set(2, 0xcc))).toThrow(/UNIQUE/);
  expect(() => keySets.add({ ...set(3, 1), issuer: new Secret(new Uint8Array(5)) })).toThrow(
    /issuer of 4 bytes/,
  );
  expect(() => keySets.add({ ...set(3, 1), cardMaster: new Secret(new Uint8Array(15)) })).toThrow(/16/);
});

test("tokens are found by their hash until they are removed", () => {
  const { tokens } = tempStore();
  const token = { id: "t1", name: "desk", role: "technician", sha256: "ab", createdAt: 1 } as const;
  tokens.add(token);
  expect(tokens.bySha256("ab")).toEqual({ id: "t1", name: "desk", role: "technician" });
  expect(tokens.bySha256("cd")).toBeUndefined();
  expect(tokens.remove("t1")).toBe(true);
  expect(tokens.remove("t1")).toBe(false);
  expect(tokens.bySha256("ab")).toBeUndefined();
});

test("the quarantine keeps the newest item of an object, in the feed's order", () => {
  const { quarantine } = tempStore();
  const item = (id: string, epoch: number, rev: number, text: string) => ({
    epoch,
    rev,
    kind: "acs_credential",
    id,
    raw: Uint8Array.from(Buffer.from(text)),
    code: "schema",
  });
  quarantine.put(item("b", 1, 5, "b5"));
  quarantine.put(item("a", 2, 1, "a1 of the next epoch"));
  quarantine.put(item("a", 1, 9, "older"));
  quarantine.put(item("b", 1, 6, "b6"));
  expect(quarantine.list(10)).toEqual([item("b", 1, 6, "b6"), item("a", 2, 1, "a1 of the next epoch")]);
  expect(quarantine.list(1)).toHaveLength(1);
  quarantine.remove("acs_credential", "b");
  quarantine.remove("acs_user", "a");
  expect(quarantine.list(10).map((each) => each.id)).toEqual(["a"]);
});

test("an object has one wake-up, found when it is due", () => {
  const { wakeups } = tempStore();
  expect(wakeups.next()).toBeNull();
  wakeups.set("acs_credential", "a", 30);
  wakeups.set("acs_credential", "b", 20);
  wakeups.set("access_code", "a", 10);
  wakeups.set("acs_credential", "a", 15);
  expect(wakeups.next()).toBe(10);
  expect(wakeups.due(9, 10)).toEqual([]);
  expect(wakeups.due(15, 10)).toEqual([
    { kind: "access_code", id: "a" },
    { kind: "acs_credential", id: "a" },
  ]);
  expect(wakeups.due(100, 1)).toEqual([{ kind: "access_code", id: "a" }]);
  wakeups.set("access_code", "a", null);
  expect(wakeups.next()).toBe(15);
});

test("meta keeps JSON by name", () => {
  const { meta } = tempStore();
  expect(meta.get("cursor")).toBeUndefined();
  meta.set("cursor", { epoch: { n: 1, id: "e" }, rev: 7 });
  meta.set("empty", null);
  expect(meta.get("cursor")).toEqual({ epoch: { n: 1, id: "e" }, rev: 7 });
  expect(meta.get("empty")).toBeNull();
  meta.set("cursor", 8);
  expect(meta.get("cursor")).toBe(8);
});
