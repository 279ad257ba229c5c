import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tempDir } from "#test/support/temp-store";
import { Connection } from "./connection.js";
import { assertDurable, makeDurable } from "./durability.js";

function connect(): Connection {
  const connection = new Connection({
    path: join(tempDir(), "s.db"),
    onFatal: (error) => {
      throw error;
    },
  });
  onTestFinished(() => connection.close());
  return connection;
}

test("every commit waits for the disk, also after the first write", () => {
  const connection = connect();
  makeDurable(connection);
  connection.script("CREATE TABLE t (x)");
  expect(connection.pragma("journal_mode")).toBe("wal");
  expect(connection.pragma("synchronous")).toBe(2);
  expect(connection.pragma("foreign_keys")).toBe(1);
  expect(connection.pragma("secure_delete")).toBe(1);
  expect(() => assertDurable(connection)).not.toThrow();
});

test("left to itself SQLite stops waiting at the first write, and that is refused", () => {
  const connection = connect();
  connection.pragma("journal_mode = WAL");
  connection.script("CREATE TABLE t (x)");
  expect(() => assertDurable(connection)).toThrow(/does not sync every commit/);
});
