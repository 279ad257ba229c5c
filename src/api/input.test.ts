import { expect, test } from "vitest";
import fc from "fast-check";
import { z } from "zod";
import { inputOf, queryOf } from "./input.js";

const schema = z.object({
  name: z.string().optional(),
  limit: z.int().default(5),
  is_open: z.boolean().optional(),
  note: z.string().nullable().optional(),
  ids: z.array(z.string()).optional(),
  between: z.tuple([z.string(), z.string()]).optional(),
  schedule: z.object({ starts_at: z.string(), limit: z.int() }).optional(),
});
const read = (query: string, body = {}) => ({ ...inputOf(schema, { query, body, path: {} }) });

test.each<[string, object]>([
  ["", {}],
  ["name=a%20b", { name: "a b" }],
  ["limit=7", { limit: 7 }],
  ["limit=-1.5", { limit: -1.5 }],
  ["limit=0x10", { limit: "0x10" }],
  ["limit=1e3", { limit: "1e3" }],
  ["limit=seven", { limit: "seven" }],
  ["limit=1&limit=2", { limit: ["1", "2"] }],
  ["is_open=true", { is_open: true }],
  ["is_open=false", { is_open: false }],
  ["is_open=1", { is_open: "1" }],
  ["name=true", { name: "true" }],
  ["name=12", { name: "12" }],
  ["note=", { note: null }],
  ["ids=a", { ids: ["a"] }],
  ["ids=a&ids=b", { ids: ["a", "b"] }],
  ["ids=a,b", { ids: ["a", "b"] }],
  ["ids[]=a&ids[]=b", { ids: ["a", "b"] }],
  ["ids%5B%5D=a", { ids: ["a"] }],
  ["ids=", { ids: [] }],
  ["_strict=true&ids=a,b", { ids: ["a,b"] }],
  ["_strict=true&ids=a", { ids: ["a"] }],
  ["between=a&between=b", { between: ["a", "b"] }],
  ["schedule.starts_at=x&schedule.limit=3", { schedule: { starts_at: "x", limit: 3 } }],
  ["unknown=1&unknown=2", { unknown: ["1", "2"] }],
  ["__proto__=x&__proto__.y=z", {}],
  ["_strict=true", {}],
])("query %j", (query, expected) => {
  expect(JSON.parse(JSON.stringify(read(query)))).toEqual(expected);
});

test("the body wins, and its values are not reinterpreted", () => {
  expect(read("name=query&limit=1", { limit: "2" })).toEqual({ name: "query", limit: "2" });
});

test("a part of the path wins over both", () => {
  const input = inputOf(schema, { query: "name=query", body: { name: "body" }, path: { name: "path" } });
  expect(input["name"]).toBe("path");
});

test("any query reads as something and touches no prototype", () => {
  const names = fc.constantFrom(
    "__proto__",
    "constructor",
    "ids[]",
    "ids",
    "schedule.limit",
    "schedule",
    "a",
  );
  const pairs = fc.array(fc.tuple(fc.oneof(names, fc.string()), fc.string()));
  fc.assert(
    fc.property(pairs, (entries) => {
      const input = inputOf(schema, { query: new URLSearchParams(entries).toString(), body: {}, path: {} });
      expect(Object.getPrototypeOf(input)).toBeNull();
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    }),
  );
  fc.assert(fc.property(fc.string(), (query) => void read(query)));
});

test("the query is what follows the first question mark", () => {
  expect(queryOf("/a")).toBe("");
  expect(queryOf("/a?b=c?d")).toBe("b=c?d");
});
