import Database from "better-sqlite3";
import { randomBytes } from "node:crypto";
import { existsSync, openSync, closeSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { Secret } from "#src/lib/secret";
import { objectRow, tempDir, tempStore, testSealingKey } from "#test/support/temp-store";
import { STORE_VERSION } from "./migrations.js";
import { openStore, storeSize } from "./store.js";
import type { StoreErrorCode } from "./store-error.js";

const refused = (code: StoreErrorCode) => expect.objectContaining({ name: "StoreError", code }) as Error;

/** Opens the file behind the store's back, as damage or another program would. */
function tamper<T>(path: string, work: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function closedStore(rows = 0): string {
  const store = tempStore();
  for (let n = 0; n < rows; n++)
    store.objects.put(objectRow({ id: `c${n}`, searchText: "guest of room 101 ".repeat(20) }));
  store.close();
  return store.path;
}

test("a new store is one private file, opened again with the same journal", () => {
  const first = tempStore();
  expect(statSync(first.path).mode & 0o777).toBe(0o600);
  expect(statSync(`${first.path}-wal`).mode & 0o777).toBe(0o600);
  first.objects.put(objectRow());
  expect(storeSize(first.path).logBytes).toBeGreaterThan(0);
  first.close();
  expect(storeSize(first.path)).toEqual({ databaseBytes: statSync(first.path).size, logBytes: 0 });

  const again = tempStore({ path: first.path });
  expect(again.journal.jid).toBe(first.journal.jid);
  expect(again.journal.jid).not.toBe(tempStore().journal.jid);
  expect(again.objects.get("acs_credential", objectRow().id)).toEqual(objectRow());
});

test("a file that others could read is made private again", () => {
  const path = closedStore();
  writeFileSync(path, readFileSync(path), { mode: 0o644 });
  tempStore({ path });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("only one opener at a time", () => {
  const first = tempStore();
  expect(() => tempStore({ path: first.path })).toThrow(refused("locked"));
  first.meta.set("still", "mine");
  first.close();
  expect(tempStore({ path: first.path }).meta.get("still")).toBe("mine");
});

test("a wrong key is refused and changes nothing", () => {
  const path = closedStore();
  const before = readFileSync(path);
  const sealingKey = new Secret(new Uint8Array(32));
  expect(() => tempStore({ path, sealingKey })).toThrow(refused("wrong_key"));
  expect(() => tempStore({ path, sealingKey })).toThrow(/does not belong to the store/);
  expect(readFileSync(path).equals(before)).toBe(true);
  tempStore({ path });
});

test("a store of a newer release is refused and not changed", () => {
  const path = closedStore();
  tamper(path, (database) => database.pragma(`user_version = ${STORE_VERSION + 1}`));
  expect(() => tempStore({ path })).toThrow(refused("newer_version"));
  expect(tamper(path, (database) => database.pragma("user_version", { simple: true }))).toBe(
    STORE_VERSION + 1,
  );
});

test("a file of another program is refused and not changed", () => {
  const path = join(tempDir(), "store.db");
  tamper(path, (database) => database.exec("CREATE TABLE notes (text)"));
  expect(() => tempStore({ path })).toThrow(refused("damaged"));
  expect(
    tamper(path, (database) => database.prepare("SELECT name FROM sqlite_schema").pluck().all()),
  ).toEqual(["notes"]);
  writeFileSync(path, "this is not a database at all, but it is long enough to be looked at".repeat(20));
  expect(() => tempStore({ path })).toThrow(refused("damaged"));
});

test("a damaged page is found at start", () => {
  const path = closedStore(200);
  const { size } = statSync(path);
  const file = openSync(path, "r+");
  for (let at = 8192; at < size; at += 4096) writeSync(file, randomBytes(64), 0, 64, at);
  closeSync(file);
  const onFatal = vi.fn();
  expect(() => tempStore({ path, onFatal })).toThrow(refused("damaged"));
  expect(onFatal).not.toHaveBeenCalled();
});

test("a store without its directory is refused with what to do", () => {
  const path = join(tempDir(), "missing", "store.db");
  expect(() => tempStore({ path })).toThrow(refused("io"));
  expect(() => tempStore({ path })).toThrow(/directory exists/);
  expect(existsSync(path)).toBe(false);
});

test("a transaction is all or nothing, joined ones included", () => {
  const store = tempStore();
  store.meta.set("a", 0);
  const boom = new Error("boom");
  const put = (name: string) => store.meta.set(name, 1);
  expect(() =>
    store.transaction(() => {
      put("a");
      store.transaction(() => put("b"));
      throw boom;
    }),
  ).toThrow(boom);
  expect([store.meta.get("a"), store.meta.get("b")]).toEqual([0, undefined]);

  const swallowed = () =>
    store.transaction(() => {
      put("a");
      try {
        store.transaction(() => {
          throw boom;
        });
      } catch {
        // The outer work goes on as if nothing had happened.
      }
    });
  expect(swallowed).toThrow(boom);
  expect(store.meta.get("a")).toBe(0);

  expect(store.transaction(() => store.transaction(() => (put("a"), "done")))).toBe("done");
  expect(store.meta.get("a")).toBe(1);
});

test("work that awaits is refused and rolled back", () => {
  const store = tempStore();
  const work = async () => {
    store.meta.set("a", 1);
    await Promise.resolve();
  };
  expect(() => store.transaction(work)).toThrow(/must not await/);
  expect(store.meta.get("a")).toBeUndefined();
  store.meta.set("a", 2);
  expect(store.meta.get("a")).toBe(2);
});

test("a failed statement of ours spoils nothing else", () => {
  const store = tempStore();
  const token = { id: "t1", name: "desk", role: "viewer", sha256: "ab", createdAt: 1 } as const;
  store.transaction(() => {
    store.tokens.add(token);
    expect(() => store.tokens.add(token)).toThrow(/UNIQUE/);
    store.meta.set("a", 1);
  });
  expect(store.tokens.list()).toEqual([{ id: "t1", name: "desk", role: "viewer", createdAt: 1 }]);
  expect(store.meta.get("a")).toBe(1);
});

test("openStore needs a key of 32 bytes", () => {
  const options = { path: join(tempDir(), "s.db"), random: randomBytes, onFatal: () => undefined };
  expect(() => openStore({ ...options, sealingKey: new Secret(new Uint8Array(16)) })).toThrow(
    /32 bytes, not 16/,
  );
  expect(() => openStore({ ...options, sealingKey: testSealingKey }).close()).not.toThrow();
});
