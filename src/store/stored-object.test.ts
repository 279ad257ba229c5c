import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { SELECTED, storedObject } from "./stored-object.js";

const WHOLE = {
  kind: "acs_user",
  id: "u1",
  epoch: 1,
  rev: 2,
  spec: '{"state":"active"}',
  code_sealed: null,
  record: null,
  card_credential_id: null,
  dirty: 0,
  blocked: null,
  provisional: null,
  gone: 1,
  created_at: 3,
  system_id: null,
  user_id: null,
  search_text: "ann",
};
const columns = SELECTED.split(", ").map((column) => column.replace("objects.", ""));
const read = (row: Readonly<Record<string, unknown>>) =>
  storedObject(
    columns.map((column) => row[column]),
    {
      code: () => new Secret("4711"),
      record: () => {
        throw new Error("none is asked for");
      },
    },
  );

test("a row reads as what it says", () => {
  expect(read(WHOLE)).toEqual({
    kind: "acs_user",
    id: "u1",
    epoch: 1,
    rev: 2,
    spec: { state: "active" },
    code: null,
    record: null,
    cardCredentialId: null,
    dirty: false,
    blocked: null,
    provisional: null,
    gone: true,
    createdAt: 3,
    systemId: null,
    userId: null,
    searchText: "ann",
  });
  expect(read({ ...WHOLE, code_sealed: new Uint8Array(1) }).code?.reveal()).toBe("4711");
});

test.each([
  ["kind", "acs_door"],
  ["kind", null],
  ["id", 1],
  ["epoch", "1"],
  ["rev", null],
  ["spec", "[]"],
  ["spec", "null"],
  ["spec", "{"],
  ["spec", null],
  ["code_sealed", "text"],
  ["record", 1],
  ["card_credential_id", 7],
  ["dirty", 2],
  ["blocked", 0],
  ["provisional", "1"],
  ["gone", null],
  ["created_at", "3"],
  ["system_id", 1],
  ["user_id", 1],
  ["search_text", null],
])("a row whose %s is %j is refused", (column, value) => {
  expect(() => read({ ...WHOLE, [column]: value })).toThrow();
});
