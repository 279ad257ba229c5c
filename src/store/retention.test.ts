import { expect, test } from "vitest";
import type { Retention, Store } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { objectRow, tempStore } from "#test/support/temp-store";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-22T14:00:00Z");
const KEEP: Retention = {
  eventsMs: 90 * DAY,
  eventsMax: 1_000,
  attemptsMs: 30 * DAY,
  auditMs: 400 * DAY,
  auditMax: 1_000,
  tombstonesMs: 400 * DAY,
};

function addEvent(store: Store, id: string, days: number): void {
  const at = new Date(NOW - days * DAY).toISOString();
  store.events.append({
    event_id: id,
    event_type: "acs_user.created",
    workspace_id: "w",
    created_at: at,
    occurred_at: at,
  });
}

function addAttempt(store: Store, id: string, days: number, isEnded = true): void {
  const at = NOW - days * DAY;
  store.attempts.create({
    id,
    actionType: "SCAN_CREDENTIAL",
    status: "pending",
    result: null,
    error: null,
    credentialId: null,
    encoderId: null,
    isCommand: true,
    createdAt: at,
    finishedAt: null,
  });
  if (isEnded) store.attempts.finish(id, { status: "success", result: {}, error: null }, at);
}

function pruneAll(store: Store, retention = KEEP, certain = NOW): number {
  let total = 0;
  for (let gone = store.prune(retention, certain); gone > 0; gone = store.prune(retention, certain)) {
    total += gone;
  }
  return total;
}

const eventIds = (store: Store) => store.events.list({ limit: 9_999 }).map(({ event_id: id }) => id);

test("what is older than it need be goes, and nothing else", () => {
  const store = tempStore();
  for (const [id, days] of [
    ["old", 91],
    ["young", 89],
    ["new", 0],
  ] as const)
    addEvent(store, id, days);
  for (const [id, days] of [
    ["a-old", 31],
    ["a-young", 29],
  ] as const)
    addAttempt(store, id, days);
  addAttempt(store, "a-open", 300, false);
  for (const days of [401, 399, 0]) {
    store.audit.append({ at: NOW - days * DAY, who: "x", origin: null, what: String(days), target: null });
  }
  for (const [id, days] of [
    ["t-old", 401],
    ["t-young", 399],
  ] as const) {
    store.objects.put(objectRow({ id }));
    store.objects.remove("acs_credential", id, NOW - days * DAY, true);
  }
  expect(pruneAll(store)).toBe(4);
  expect(eventIds(store)).toEqual(["young", "new"]);
  expect(store.attempts.list({ limit: 9 }).map(({ id }) => id)).toEqual(["a-open", "a-young"]);
  expect(store.audit.list({ limit: 9 }).map(({ what }) => what)).toEqual(["0", "399"]);
  expect(store.objects.tombstone("acs_credential", "t-old")).toBeUndefined();
  expect(store.objects.tombstone("acs_credential", "t-young")).toMatchObject({ revoked: true });
  expect(pruneAll(store)).toBe(0);
});

test("an event that a receiver waits for stays until it was delivered", () => {
  const store = tempStore();
  const secret = new Secret("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0");
  store.webhooks.add({ id: "w", url: "https://a.example/", eventTypes: null, secret, createdAt: 1 });
  addEvent(store, "awaited", 500);
  addEvent(store, "new", 0);
  pruneAll(store);
  expect(eventIds(store)).toEqual(["awaited", "new"]);
  store.webhooks.done(store.webhooks.firstInOrder("w")!.seq);
  pruneAll(store);
  expect(eventIds(store)).toEqual(["new"]);
});

test("more than so many go whatever their age, the oldest first, a hundred at a time", () => {
  const store = tempStore();
  store.transaction(() => {
    for (let n = 1; n <= 1_250; n += 1) {
      addEvent(store, `e${n}`, 0);
      store.audit.append({ at: NOW, who: "x", origin: null, what: String(n), target: null });
    }
  });
  expect(store.prune(KEEP, 0)).toBe(200);
  expect(pruneAll(store, KEEP, 0)).toBe(300);
  expect(eventIds(store)[0]).toBe("e251");
  expect(eventIds(store)).toHaveLength(1_000);
  expect(store.audit.list({ limit: 2_000 })).toHaveLength(1_000);
});

test("numbers go on: a reader of the stream that was up to date misses nothing, whatever went meanwhile", () => {
  const store = tempStore();
  for (const id of ["e1", "e2", "e3"]) addEvent(store, id, 500);
  const seen = store.events.lastSeq();
  const audited = store.audit.lastSeq();
  pruneAll(store);
  expect(eventIds(store)).toEqual(["e3"]);
  expect(store.events.lastSeq()).toBe(seen);
  expect(store.audit.lastSeq()).toBe(audited);
  addEvent(store, "e4", 0);
  expect(store.events.after(seen, 9).map(({ event }) => event.event_id)).toEqual(["e4"]);
  expect(store.events.seqOf("e1")).toBeUndefined();
});

test("a walk through the pages of attempts goes on where it was, though its last row is gone", () => {
  const store = tempStore();
  for (let n = 0; n < 6; n += 1) addAttempt(store, `a${n}`, 40 - n * 3);
  const [first] = store.attempts.list({ limit: 1 });
  pruneAll(store);
  expect(store.attempts.get(first!.id)).toBeUndefined();
  const rest = store.attempts.list({ limit: 9, after: { createdAt: first!.createdAt, id: first!.id } });
  expect(rest.map(({ id }) => id)).toEqual(["a4", "a5"]);
});

test("as long as nobody knows the time, nothing goes by its age; the journal stays whatever its age", () => {
  const store = tempStore();
  addEvent(store, "old", 5_000);
  addEvent(store, "new", 0);
  addAttempt(store, "a-old", 5_000);
  store.journal.append({ k: "caught_up", t: 1, tq: "trusted", base_rev: 1, data: { rev: 1 } });
  expect(pruneAll(store, KEEP, 0)).toBe(0);
  expect(pruneAll(store)).toBe(2);
  expect(store.journal.lastSeq()).toBe(1);
  expect(store.journal.verifyChain()).toBeUndefined();
});
