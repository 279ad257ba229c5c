import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { ObjectRow, Store } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { credentialRecord, objectRow, tempStore } from "#test/support/temp-store";

const ids = (rows: readonly ObjectRow[]) => rows.map((row) => row.id);
const card = (uid: string | null) => ({
  generation: 1,
  uid,
  certainty: "written" as const,
  validUntil: null,
});

function putAll(store: Store, rows: readonly Partial<ObjectRow>[]): void {
  for (const row of rows) store.objects.put(objectRow(row));
}

test("a row comes back as it was put, the PIN as a secret", () => {
  const { objects } = tempStore();
  const row = objectRow({
    spec: { acs_credential_id: "c1", state: "active", extra: { nested: [1, "two", null] } },
    code: new Secret("4711"),
    record: credentialRecord({ cards: [card("04a1b2c3"), card(null)], generation: 2 }),
    cardCredentialId: "0011223344556677",
    dirty: true,
    blocked: "missing:u1",
    provisional: 7,
    systemId: "s1",
    userId: "u1",
    searchText: "ann 101",
  });
  objects.put(row);
  const read = objects.get("acs_credential", row.id);
  expect(read).toEqual(row);
  expect(read?.code?.reveal()).toBe("4711");
  expect(objects.get("acs_user", row.id)).toBeUndefined();

  const changed = { ...row, rev: 2, code: null, record: null, gone: true, dirty: false, blocked: null };
  objects.put(changed);
  expect(objects.get("acs_credential", row.id)).toEqual(changed);
});

test("a document with a PIN in it is refused", () => {
  const { objects } = tempStore();
  for (const kind of ["acs_credential", "access_code"] as const) {
    const put = () => objects.put(objectRow({ kind, spec: { state: "active", code: "48151623" } }));
    expect(put).toThrow(/holds a PIN/);
    expect(put).not.toThrow(/48151623/);
  }
  objects.put(objectRow({ spec: { state: "active", code: null } }));
});

test("lists are in order of creation, narrowed by every filter", () => {
  const store = tempStore();
  putAll(store, [
    { id: "b", createdAt: 2, systemId: "s1", userId: "u1", searchText: "ann 101 4711" },
    { id: "a", createdAt: 2, systemId: "s1", userId: "u2", searchText: "bob 102", code: new Secret("4711") },
    { id: "z", createdAt: 1, systemId: "s2", userId: "u1", searchText: "100% o'hara" },
    { id: "gone", createdAt: 1, systemId: "s1", userId: "u1", searchText: "ann", gone: true },
    { id: "user", kind: "acs_user", createdAt: 1 },
  ]);
  const list = (query: Partial<Parameters<Store["objects"]["list"]>[1]>) =>
    ids(store.objects.list("acs_credential", { limit: 10, ...query }));
  expect(list({})).toEqual(["z", "a", "b"]);
  expect(list({ limit: 2 })).toEqual(["z", "a"]);
  expect(list({ after: { createdAt: 2, id: "a" } })).toEqual(["b"]);
  expect(list({ after: { createdAt: 1, id: "z" } })).toEqual(["a", "b"]);
  expect(list({ createdBefore: 2 })).toEqual(["z"]);
  expect(list({ systemId: "s1" })).toEqual(["a", "b"]);
  expect(list({ userId: "u1" })).toEqual(["z", "b"]);
  expect(list({ systemId: "s1", userId: "u1" })).toEqual(["b"]);
  expect(list({ search: "ANN" })).toEqual(["b"]);
  expect(list({ search: "%" })).toEqual(["z"]);
  expect(list({ search: "o'h" })).toEqual(["z"]);
  expect(list({ code: new Secret("4711") })).toEqual(["a"]);
  expect(list({ code: new Secret("471") })).toEqual([]);
  expect(list({ search: "4711", code: new Secret("4711") })).toEqual(["a", "b"]);
  expect(list({ search: "4711", code: new Secret("4711"), userId: "u1" })).toEqual(["b"]);
  expect(store.objects.count("acs_credential")).toBe(3);
  expect(store.objects.count("access_code")).toBe(0);
});

test("dirty rows come denials first, then as the feed ordered them", () => {
  const store = tempStore();
  const state = (value: string) => ({ state: value });
  putAll(store, [
    { id: "late", dirty: true, rev: 9 },
    { id: "early", dirty: true, rev: 3 },
    { id: "next-epoch", dirty: true, epoch: 2, rev: 1 },
    { id: "clean", dirty: false, rev: 1, spec: state("revoked") },
    { id: "deleted", dirty: true, rev: 12, spec: state("deleted") },
    { id: "revoked", dirty: true, rev: 11, spec: state("revoked") },
    { id: "forgotten", dirty: true, rev: 13, spec: state("forgotten") },
    { id: "suspended", dirty: true, rev: 8, spec: state("suspended") },
  ]);
  expect(ids(store.objects.dirty(100))).toEqual([
    "revoked",
    "deleted",
    "forgotten",
    "early",
    "suspended",
    "late",
    "next-epoch",
  ]);
  expect(ids(store.objects.dirty(1))).toEqual(["revoked"]);
});

test("blocked rows are found by the beginning of their reason", () => {
  const store = tempStore();
  putAll(store, [
    { id: "a", blocked: "missing:u1" },
    { id: "b", blocked: "missing:u2" },
    { id: "c", blocked: "missing_%" },
    { id: "d", blocked: "invalid" },
    { id: "e" },
  ]);
  expect(ids(store.objects.blocked("missing:", 10))).toEqual(["a", "b"]);
  expect(ids(store.objects.blocked("missing:u1", 10))).toEqual(["a"]);
  expect(ids(store.objects.blocked("missing_%", 10))).toEqual(["c"]);
  expect(ids(store.objects.blocked("", 10))).toEqual(["d", "a", "b", "c"]);
  expect(ids(store.objects.blocked("", 1))).toEqual(["d"]);
});

test("open jobs and live cards follow the record, for gone objects too", () => {
  const store = tempStore();
  const job = { id: "j1", encoderId: "e1", intent: null };
  const put = (id: string, context: Parameters<typeof credentialRecord>[0], gone = false) =>
    store.objects.put(objectRow({ id, gone, record: credentialRecord(context) }));
  put("a", { job, cards: [card("04aa"), card("04aa"), card("04bb"), card(null)] });
  put("b", { cards: [card("04aa")] }, true);
  expect(ids(store.objects.withOpenJob())).toEqual(["a"]);
  expect(ids(store.objects.byCardUid("04aa"))).toEqual(["a", "b"]);
  expect(ids(store.objects.byCardUid("04bb"))).toEqual(["a"]);

  put("a", { cards: [card("04cc")] });
  expect(store.objects.withOpenJob()).toEqual([]);
  expect(ids(store.objects.byCardUid("04aa"))).toEqual(["b"]);
  expect(ids(store.objects.byCardUid("04cc"))).toEqual(["a"]);
});

test("a card's own credential id names one object", () => {
  const store = tempStore();
  putAll(store, [{ id: "a", cardCredentialId: "00112233" }, { id: "b" }, { id: "c" }]);
  expect(store.objects.byCardCredentialId("00112233")?.id).toBe("a");
  expect(store.objects.byCardCredentialId("ffffffff")).toBeUndefined();
  expect(() => store.objects.put(objectRow({ id: "b", cardCredentialId: "00112233" }))).toThrow(/UNIQUE/);
});

test("a removed row leaves a tombstone that stays revoked, and no wake-up or card", () => {
  const store = tempStore();
  store.objects.put(objectRow({ id: "a", record: credentialRecord({ cards: [card("04aa")] }) }));
  store.wakeups.set("acs_credential", "a", 5);
  store.objects.remove("acs_credential", "a", 100, true);
  expect(store.objects.get("acs_credential", "a")).toBeUndefined();
  expect(store.objects.byCardUid("04aa")).toEqual([]);
  expect(store.wakeups.next()).toBeNull();
  expect(store.objects.tombstone("acs_credential", "a")).toEqual({ at: 100, revoked: true });
  store.objects.remove("acs_credential", "a", 200, false);
  expect(store.objects.tombstone("acs_credential", "a")).toEqual({ at: 200, revoked: true });
  expect(store.objects.tombstone("acs_user", "a")).toBeUndefined();
});

test("a record that could not be read back is not stored", () => {
  const { objects } = tempStore();
  for (const record of [credentialRecord({ since: Number.NaN }), credentialRecord({}, "no_such_state")])
    expect(() => objects.put(objectRow({ record }))).toThrow();
  expect(objects.get("acs_credential", objectRow().id)).toBeUndefined();
});

test.each([
  [
    "a record of a newer release",
    `UPDATE objects SET record = '{"version":99}'`,
    /install the newer release/,
  ],
  ["a record that is no JSON", "UPDATE objects SET record = '{'", /a column does not fit/],
  ["a PIN of another object", "UPDATE objects SET id = 'other'", /does not open/],
])("a row with %s is refused by name, its neighbours are not", (_, sql, message) => {
  const store = tempStore();
  store.objects.put(objectRow({ id: "odd", code: new Secret("48151623"), record: credentialRecord() }));
  store.close();
  const database = new Database(store.path);
  database.exec(sql);
  database.close();

  const { objects } = tempStore({ path: store.path });
  objects.put(objectRow({ id: "fine" }));
  const read = () => [objects.get("acs_credential", "odd"), objects.get("acs_credential", "other")];
  expect(read).toThrow(expect.objectContaining({ name: "StoreError", code: "damaged" }));
  expect(read).toThrow(message);
  expect(read).toThrow(/acs_credential (odd|other)/);
  expect(objects.get("acs_credential", "fine")?.id).toBe("fine");
});
