import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { tempDir } from "#test/support/temp-store";
import { Connection } from "./connection.js";
import { makeDurable } from "./durability.js";

function connect() {
  const onFatal = vi.fn();
  const connection = new Connection({ path: join(tempDir(), "s.db"), onFatal });
  onTestFinished(() => connection.close());
  makeDurable(connection);
  connection.script("CREATE TABLE t (x)");
  const rows = () => connection.all("SELECT x FROM t").length;
  return { connection, onFatal, rows };
}

function overwriteAfterFirstPage(path: string): void {
  const bytes = readFileSync(path).fill(0xa5, 4096);
  expect(bytes.length).toBeGreaterThan(4096);
  writeFileSync(path, bytes);
}

const big = new Uint8Array(40_000);
const diskFull = expect.objectContaining({ name: "StoreError", code: "disk_full" }) as Error;

test("a full disk refuses the change, keeps what was recorded, and serves again when there is room", () => {
  const { connection, onFatal, rows } = connect();
  connection.run("INSERT INTO t VALUES (1)");
  connection.pragma("max_page_count = 5");
  const change = () =>
    connection.transaction(() => {
      connection.run("INSERT INTO t VALUES (2)");
      connection.run("INSERT INTO t VALUES (?)", [big]);
    });
  expect(change).toThrow(diskFull);
  expect(change).toThrow(/Free some space/);
  expect(rows()).toBe(1);
  expect(onFatal).not.toHaveBeenCalled();
  connection.pragma("max_page_count = 1000");
  change();
  expect(rows()).toBe(3);
});

test("work that swallows a full disk is still rolled back whole, and nothing slips out of it", () => {
  const { connection, rows } = connect();
  connection.pragma("max_page_count = 5");
  const change = () =>
    connection.transaction(() => {
      connection.run("INSERT INTO t VALUES (2)");
      expect(() => connection.run("INSERT INTO t VALUES (?)", [big])).toThrow(diskFull);
      expect(() => connection.run("INSERT INTO t VALUES (3)")).toThrow(diskFull);
    });
  expect(change).toThrow(diskFull);
  expect(rows()).toBe(0);
});

test("damage found while running is fatal once, and every later call says so", () => {
  const { connection, onFatal } = connect();
  for (let n = 0; n < 100; n++) connection.run("INSERT INTO t VALUES (?)", [n]);
  connection.pragma("wal_checkpoint(TRUNCATE)");
  connection.pragma("shrink_memory");
  overwriteAfterFirstPage(connection.path);
  const damage = expect.objectContaining({ name: "StoreError", code: "damaged" }) as Error;
  expect(() => connection.all("SELECT x FROM t")).toThrow(damage);
  expect(onFatal).toHaveBeenCalledExactlyOnceWith(damage);
  expect(() => connection.get("SELECT 1")).toThrow(damage);
  expect(() => connection.transaction(() => 1)).toThrow(damage);
  expect(() => connection.close()).not.toThrow();
  expect(onFatal).toHaveBeenCalledTimes(1);
});

test("an error of ours is passed on as it is", () => {
  const { connection, onFatal } = connect();
  expect(() => connection.run("INSERT INTO nowhere VALUES (1)")).toThrow(/no such table/);
  expect(onFatal).not.toHaveBeenCalled();
});

test("no statement of the store is compiled anew for its LIMIT", () => {
  const here = new URL(".", import.meta.url);
  const sources = readdirSync(here).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const texts = sources.map((name) => readFileSync(new URL(name, here), "utf8")).join("\n");
  // As Connection's comments say why.
  expect(texts.match(/LIMIT [?@]\w*(?! \+ 0)(?!\w)/g)).toBeNull();
  expect(texts.match(/LIMIT [?@]\w* \+ 0/g)?.length).toBeGreaterThan(10);
});
