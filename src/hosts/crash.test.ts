import { expect, test } from "vitest";
import { placesOf } from "./crash.js";

test("an error's name and places are told, and nothing of its text", () => {
  const error = new TypeError("PIN 4711\n    at 4711 (not a frame)\n    at 4711:1:1 and more\nrest");
  const [name, places] = placesOf(error);
  expect(name).toBe("TypeError");
  expect(places.length).toBeGreaterThan(0);
  expect(places.join("\n")).toContain("crash.test.ts:");
  expect(places.join("\n")).not.toContain("4711");
  expect(placesOf("4711")).toEqual(["string", []]);
});
