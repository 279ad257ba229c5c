import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { objectRow, tempStore } from "#test/support/temp-store";
import { RowMemory } from "./row-memory.js";

const KIND = "acs_credential";

test("a row is kept until it is written or removed", () => {
  const memory = new RowMemory({ rollbacks: 0 });
  const row = objectRow({ id: "c1" });
  memory.keep(row);
  expect(memory.get(KIND, "c1")).toBe(row);
  expect(memory.get("acs_user", "c1")).toBeUndefined();
  memory.forget(KIND, "c1");
  expect(memory.get(KIND, "c1")).toBeUndefined();
});

test("what is handed out more than once cannot be changed", () => {
  const store = tempStore();
  store.objects.put(objectRow({ id: "c1", spec: { state: "active", doors: ["a"] } }));
  const row = store.objects.get(KIND, "c1");
  expect(() => (row?.spec["doors"] as string[]).push("b")).toThrow(TypeError);
  expect(store.objects.get(KIND, "c1")).toBe(row);
});

test("a row with a PIN is never kept", () => {
  const memory = new RowMemory({ rollbacks: 0 });
  memory.keep(objectRow({ id: "c1", code: new Secret("4711") }));
  expect(memory.get(KIND, "c1")).toBeUndefined();
});

test("what an undone transaction wrote is not remembered, be it alone or a member of a group", () => {
  const store = tempStore();
  const put = (searchText: string) => store.objects.put(objectRow({ id: "c1", searchText }));
  const text = () => store.objects.get(KIND, "c1")?.searchText;
  put("before");
  const failing = () =>
    store.transaction(() => {
      put("meanwhile");
      expect(text()).toBe("meanwhile");
      throw new Error("no");
    });
  expect(failing).toThrow("no");
  expect(text()).toBe("before");
  store.group(() => {
    expect(failing).toThrow("no");
    expect(text()).toBe("before");
  });
  expect(text()).toBe("before");
});

test("a list shows what was just written, and in its order", () => {
  const store = tempStore();
  const put = (id: string, createdAt: number, searchText = "") =>
    store.objects.put(objectRow({ id, createdAt, searchText }));
  const list = () => store.objects.list(KIND, { limit: 9 }).map(({ id, searchText }) => [id, searchText]);
  put("c1", 3);
  put("c2", 1);
  expect(list()).toEqual([
    ["c2", ""],
    ["c1", ""],
  ]);
  put("c2", 1, "again");
  put("c3", 2);
  store.objects.remove(KIND, "c1", 5, false);
  expect(list()).toEqual([
    ["c2", "again"],
    ["c3", ""],
  ]);
});

test("of very many rows those are kept that were asked for last", () => {
  const memory = new RowMemory({ rollbacks: 0 });
  memory.keep(objectRow({ id: "old" }));
  memory.keep(objectRow({ id: "used" }));
  for (let n = 0; n < 3_999; n += 1) {
    memory.get(KIND, "used");
    memory.keep(objectRow({ id: `c${n}` }));
  }
  expect(memory.get(KIND, "used")).toBeDefined();
  expect(memory.get(KIND, "old")).toBeUndefined();
  expect(memory.get(KIND, "c3998")).toBeDefined();
});
