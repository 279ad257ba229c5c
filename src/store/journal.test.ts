import Database from "better-sqlite3";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JournalEvent } from "#src/domain/journal";
import { canonicalJson } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { tempStore } from "#test/support/temp-store";

const caughtUp = (rev: number): JournalEvent => ({
  k: "caught_up",
  t: 1_790_000_000_000,
  tq: "trusted",
  base_rev: rev,
  data: { rev },
});

const localChange = (code_ref: string | null, spec: Record<string, string | null> = {}): JournalEvent => ({
  k: "local_change",
  t: 1,
  tq: "trusted",
  base_rev: 1,
  id: "c1",
  kind: "acs_credential",
  data: { spec, code_ref, base_object_rev: 0 },
});

test("rows are numbered from 1 and each carries the hash of the bytes before it", () => {
  const { journal } = tempStore();
  expect(journal.lastSeq()).toBe(0);
  expect([1, 2, 3].map((rev) => journal.append(caughtUp(rev)))).toEqual([1, 2, 3]);
  expect(journal.lastSeq()).toBe(3);
  const rows = journal.read(1, 10);
  let prev = "0".repeat(64);
  for (const [index, row] of rows.entries()) {
    expect(row).toEqual({ seq: index + 1, event: caughtUp(index + 1), prev });
    prev = createHash("sha256")
      .update(canonicalJson({ ...row.event, prev }))
      .digest("hex");
  }
  expect(journal.read(2, 1).map((row) => row.seq)).toEqual([2]);
  expect(journal.read(4, 10)).toEqual([]);
  expect(journal.verifyChain()).toBeUndefined();
});

test("whatever is thrown in between, the numbers have no hole and the chain holds", () => {
  const store = tempStore();
  const boom = new Error("boom");
  let expected = 0;
  fc.assert(
    fc.property(fc.array(fc.record({ events: fc.nat(4), fails: fc.boolean() })), (transactions) => {
      for (const { events, fails } of transactions) {
        const work = () =>
          store.transaction(() => {
            for (let n = 0; n < events; n++) store.journal.append(caughtUp(n));
            if (fails) throw boom;
          });
        if (fails) expect(work).toThrow(boom);
        else work();
        expected += fails ? 0 : events;
        expect(store.journal.lastSeq()).toBe(expected);
      }
    }),
    { numRuns: 20 },
  );
  expect(store.journal.read(1, expected + 1).map((row) => row.seq)).toEqual(
    Array.from({ length: expected }, (_, index) => index + 1),
  );
  expect(store.journal.verifyChain()).toBeUndefined();
});

test("an event that its schema refuses is not stored, a field it does not know is left out", () => {
  const { journal } = tempStore();
  // A bug of a caller that the compiler did not see.
  const broken = { ...caughtUp(1), data: { rev: "one" } } as unknown as JournalEvent;
  expect(() => journal.append(broken)).toThrow();
  expect(journal.lastSeq()).toBe(0);
  const more = { ...caughtUp(1), pin: "48151623" };
  journal.append(more);
  expect(journal.read(1, 1)[0]?.event).toEqual(caughtUp(1));
});

test.each([
  [
    "changed",
    "UPDATE journal SET bytes = CAST(replace(bytes, '1790', '1791') AS BLOB) WHERE seq = 2",
    3,
    "unchained",
  ],
  ["made unreadable", "UPDATE journal SET bytes = x'00' WHERE seq = 2", 2, "unreadable"],
  ["taken out", "DELETE FROM journal WHERE seq = 2", 2, "missing"],
  ["taken out at the start", "DELETE FROM journal WHERE seq = 1", 1, "missing"],
])("a row that was %s is found", (_, sql, seq, problem) => {
  const store = tempStore();
  for (let rev = 1; rev <= 4; rev++) store.journal.append(caughtUp(rev));
  store.close();
  const database = new Database(store.path);
  expect(() => database.exec(sql)).toThrow(/never/);
  database.exec("DROP TRIGGER journal_is_never_changed; DROP TRIGGER journal_is_never_shortened");
  database.exec(sql);
  database.close();
  expect(tempStore({ path: store.path }).journal.verifyChain()).toEqual({ seq, problem });
});

test("a PIN waits beside the event that names it, until that event is acknowledged", () => {
  const store = tempStore();
  const append = (code: string) =>
    store.transaction(() => {
      const ref = store.journal.keepSecret(new Secret(code));
      store.journal.append(localChange(ref));
      return ref;
    });
  const [first, second] = [append("111111"), append("222222")];
  expect(first).not.toBe(second);
  expect(store.journal.secret(first)?.reveal()).toBe("111111");
  store.journal.dropSecretsUpTo(1);
  expect(store.journal.secret(first)).toBeUndefined();
  expect(store.journal.secret(second)?.reveal()).toBe("222222");

  store.journal.append(localChange(second));
  store.journal.dropSecretsUpTo(2);
  expect(store.journal.secret(second)?.reveal()).toBe("222222");
  store.journal.dropSecretsUpTo(3);
  expect(store.journal.secret(second)).toBeUndefined();
});

test("a PIN is never in a journal row, never named without being kept, never kept without a name", () => {
  const store = tempStore();
  const { journal } = store;
  expect(() => journal.append(localChange(null, { code: "48151623" }))).toThrow(/holds a PIN/);
  expect(() => journal.append(localChange("unknown"))).toThrow(/not kept/);
  expect(() => journal.keepSecret(new Secret("1"))).toThrow(/transaction/);
  expect(journal.lastSeq()).toBe(0);
  journal.append(localChange(null, { code: null }));

  const forgotten = store.transaction(() => journal.keepSecret(new Secret("48151623")));
  store.close();
  expect(tempStore({ path: store.path }).journal.secret(forgotten)).toBeUndefined();
});
