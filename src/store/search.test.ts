import fc from "fast-check";
import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { objectRow, tempStore } from "#test/support/temp-store";

const found = (store: ReturnType<typeof tempStore>, search: string, limit = 9_999) =>
  store.objects.list("acs_user", { search, limit }).map(({ id }) => id);

function put(store: ReturnType<typeof tempStore>, id: string, searchText: string, createdAt = 1): void {
  store.objects.put(objectRow({ kind: "acs_user", id, spec: { state: "active" }, searchText, createdAt }));
}

/** As many objects of another kind as it takes for everything before to go into the index. */
function fillIndex(store: ReturnType<typeof tempStore>): void {
  for (let n = 0; n < 64; n += 1) store.objects.put(objectRow({ id: `filler${n}`, searchText: `${n}` }));
}

test.each(["waiting", "in the index"])(
  "whatever the texts, %s, exactly those are found that hold what is asked for",
  (place) => {
    const letters = fc.constantFrom(
      "a",
      "b",
      "A",
      '"',
      " ",
      "*",
      "é",
      "İ",
      "ß",
      "漢",
      "🙂",
      "\u0000",
      "\u0002",
      "%",
      "'",
    );
    const text = fc.string({ unit: letters, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(text, { maxLength: 12 }),
        fc.array(text, { minLength: 1, maxLength: 6 }),
        (texts, asked) => {
          const store = tempStore();
          texts.forEach((held, n) => put(store, `u${n}`, held.toLowerCase(), n));
          if (place === "in the index") fillIndex(store);
          for (const search of asked) {
            const wanted = texts.flatMap((held, n) =>
              held.toLowerCase().includes(search.toLowerCase()) ? [`u${n}`] : [],
            );
            expect(found(store, search)).toEqual(wanted);
          }
          store.close();
        },
      ),
      { numRuns: 25 },
    );
  },
);

test.each([
  ["waiting", "waiting"],
  ["in the index", "waiting"],
  ["in the index", "in the index"],
])(
  "what was %s and is changed is found by its new text, %s; what is gone by none; other kinds never",
  (before, after) => {
    const store = tempStore();
    put(store, "u1", "ann from acs_user");
    put(store, "u2", "ann");
    put(store, "u3", "ann too");
    if (before === "in the index") fillIndex(store);
    put(store, "u1", "bob");
    store.objects.put(objectRow({ id: "c1", searchText: "ann bob" }));
    store.objects.remove("acs_user", "u3", 5, false);
    if (after === "in the index") fillIndex(store);
    expect(found(store, "ann")).toEqual(["u2"]);
    expect(found(store, "bob")).toEqual(["u1"]);
    expect(found(store, "acs_user")).toEqual([]);
    store.objects.remove("acs_user", "u2", 5, false);
    expect(found(store, "ann")).toEqual([]);
    put(store, "u2", "ann again");
    expect(found(store, "ann")).toEqual(["u2"]);
  },
);

test("a PIN is found beside the text", () => {
  const store = tempStore();
  store.objects.put(objectRow({ id: "c1", searchText: "room 4711", createdAt: 2 }));
  store.objects.put(objectRow({ id: "c2", searchText: "else", createdAt: 1, code: new Secret("4711") }));
  const both = store.objects.list("acs_credential", { search: "4711", code: new Secret("4711"), limit: 9 });
  expect(both.map(({ id }) => id)).toEqual(["c2", "c1"]);
});

/** `rare` is held by few enough to be asked for alone, `seldom` by too many for that. */
function textOf(n: number): string {
  return ["common", ...(n % 100 === 0 ? ["rare"] : []), ...(n % 20 === 3 ? ["seldom"] : [])].join(" ");
}

test("pages walk through everything that is found, be it rare or held by thousands", () => {
  const store = tempStore();
  store.transaction(() => {
    for (let n = 0; n < 4_000; n += 1) {
      put(store, `u${String(n).padStart(5, "0")}`, textOf(n), n % 7);
    }
  });
  for (const [search, count] of [
    ["common", 4_000],
    ["rare", 40],
    ["seldom", 200],
    ["common seldom", 200],
    ["co", 4_000],
    ["nobody", 0],
  ] as const) {
    const seen: string[] = [];
    let after: { createdAt: number; id: string } | undefined;
    for (;;) {
      const page = store.objects.list("acs_user", { search, limit: 300, ...(after && { after }) });
      seen.push(...page.map(({ id }) => id));
      const last = page.at(-1);
      if (last === undefined) break;
      after = { createdAt: last.createdAt, id: last.id };
    }
    expect([search, seen.length, new Set(seen).size]).toEqual([search, count, count]);
  }
});
