import { expect, test } from "vitest";
import { Remembered } from "./remembered.js";

test("what is asked for stays, what nobody asks for goes, and there are never more than said", () => {
  const remembered = new Remembered<number>(10);
  remembered.set("old", 1);
  remembered.set("used", 2);
  for (let n = 0; n < 100; n += 1) {
    expect(remembered.get("used")).toBe(2);
    remembered.set(`n${n}`, n);
  }
  expect(remembered.get("old")).toBeUndefined();
  const left = Array.from({ length: 100 }, (_, n) => remembered.get(`n${n}`)).filter((n) => n !== undefined);
  expect(left.at(-1)).toBe(99);
  expect(left.length).toBeGreaterThanOrEqual(3);
  expect(left.length).toBeLessThanOrEqual(9);
});

test("a newer value takes the place of an older one, and what is deleted is gone from both generations", () => {
  const remembered = new Remembered<number>(4);
  remembered.set("a", 1);
  remembered.set("b", 1);
  remembered.set("c", 1);
  remembered.set("a", 2);
  expect(remembered.get("a")).toBe(2);
  remembered.delete("a");
  expect(remembered.get("a")).toBeUndefined();
  remembered.clear();
  expect(remembered.get("b")).toBeUndefined();
});
