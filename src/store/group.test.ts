import Database from "better-sqlite3";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { tempDir } from "#test/support/temp-store";
import { Connection } from "./connection.js";
import { makeDurable } from "./durability.js";

const diskFull = expect.objectContaining({ name: "StoreError", code: "disk_full" }) as Error;
const big = new Uint8Array(40_000);

function connect() {
  const connection = new Connection({ path: join(tempDir(), "s.db"), onFatal: vi.fn() });
  onTestFinished(() => connection.close());
  makeDurable(connection);
  connection.script("CREATE TABLE t (x)");
  const insert = (x: number | Uint8Array) => connection.run("INSERT INTO t VALUES (?)", [x]);
  const add = (x: number | Uint8Array) => connection.transaction(() => insert(x));
  const rows = () => connection.all("SELECT x FROM t ORDER BY x").map((row) => (row as { x: number }).x);
  return { connection, add, insert, rows };
}

/** What another process would find on disk now, after a crash of this one. */
function rowsOnDisk(path: string): number {
  const copy = join(tempDir(), "copy.db");
  for (const part of ["", "-wal"]) copyFileSync(`${path}${part}`, `${copy}${part}`);
  const database = new Database(copy);
  try {
    return (database.prepare("SELECT count(*) AS n FROM t").get() as { n: number }).n;
  } finally {
    database.close();
  }
}

test("transactions of a group are stored together, and none before its end", () => {
  const { connection, add, rows } = connect();
  const before = connection.group(() => {
    add(1);
    add(2);
    return rowsOnDisk(connection.path);
  });
  expect(before).toBe(0);
  expect(rowsOnDisk(connection.path)).toBe(2);
  expect(rows()).toEqual([1, 2]);
});

test("a member that fails is undone alone, and what was remembered of the file is doubted", () => {
  const { connection, add, insert, rows } = connect();
  const before = connection.rollbacks;
  connection.group(() => {
    add(1);
    const failing = () =>
      connection.transaction(() => {
        insert(2);
        throw new Error("no");
      });
    expect(failing).toThrow("no");
    expect(rows()).toEqual([1]);
    add(3);
  });
  expect(rows()).toEqual([1, 3]);
  expect(connection.rollbacks).toBe(before + 1);
});

test("a group that throws leaves nothing, and the next one works", () => {
  const { connection, add, rows } = connect();
  const failing = () =>
    connection.group(() => {
      add(1);
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  expect(rows()).toEqual([]);
  connection.group(() => add(2));
  expect(rows()).toEqual([2]);
});

test("when the disk is full, no member is stored, though each was caught by itself", () => {
  const { connection, add, rows } = connect();
  add(1);
  connection.pragma("max_page_count = 5");
  const group = () =>
    connection.group(() => {
      add(2);
      expect(() => add(big)).toThrow(diskFull);
      // Nothing may be written outside of the group that SQLite gave up.
      expect(() => add(3)).toThrow(diskFull);
    });
  expect(group).toThrow(diskFull);
  expect(rows()).toEqual([1]);
  connection.pragma("max_page_count = 1000");
  connection.group(() => add(4));
  expect(rows()).toEqual([1, 4]);
});

test("a group neither awaits nor begins inside of a transaction or another group", async () => {
  const { connection, rows } = connect();
  expect(() => connection.group(() => Promise.reject(new Error("later")))).toThrow(/must not await/);
  expect(() => connection.transaction(() => connection.group(() => 1))).toThrow(/outside of transactions/);
  expect(() => connection.group(() => connection.group(() => 1))).toThrow(/outside of transactions/);
  await Promise.resolve();
  expect(rows()).toEqual([]);
});
