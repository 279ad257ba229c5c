import fc from "fast-check";
import { expect, test } from "vitest";
import type { ListQuery, Store } from "#src/engine/ports";
import { objectRow, tempStore } from "#test/support/temp-store";

/** Few instants, so that many rows share one and their order hangs on the id. */
const instant = fc.integer({ min: 0, max: 3 });
const id = fc.integer({ min: 0, max: 40 }).map((n) => `c${n}`);
const change = fc.oneof(
  fc.record({ does: fc.constant("create" as const), id, at: instant }),
  fc.record({ does: fc.constant("update" as const), id }),
  fc.record({ does: fc.constantFrom("remove" as const, "hide" as const), id }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Applies the change; returns whether the object was there throughout. */
function apply(store: Store, change: Change): void {
  const row = store.objects.get("acs_credential", change.id);
  if (change.does === "create") {
    if (row === undefined)
      store.objects.put(objectRow({ id: change.id, createdAt: change.at, systemId: "s1" }));
  } else if (row === undefined) {
    return;
  } else if (change.does === "update") {
    store.objects.put({ ...row, rev: row.rev + 1, dirty: !row.dirty, userId: "u1" });
  } else if (change.does === "hide") {
    store.objects.put({ ...row, gone: true });
  } else {
    store.objects.remove("acs_credential", change.id, 0, false);
  }
}

test("what exists while a list is paged through is shown exactly once, whatever else happens", () => {
  const store = tempStore();
  const kind = "acs_credential" as const;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ id, at: instant }), { selector: (row) => row.id, maxLength: 30 }),
      fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom<Partial<ListQuery>>({}, { systemId: "s1" }),
      (rows, changesBetweenPages, limit, filter) => {
        for (let n = 0; n <= 40; n++) store.objects.remove(kind, `c${n}`, 0, false);
        for (const row of rows)
          store.objects.put(objectRow({ id: row.id, createdAt: row.at, systemId: "s1" }));

        const stayed = new Set(rows.map((row) => row.id));
        const shown: string[] = [];
        let after: ListQuery["after"];
        const changes = changesBetweenPages[Symbol.iterator]();
        for (;;) {
          const page = store.objects.list(kind, { limit, ...filter, ...(after && { after }) });
          shown.push(...page.map((row) => row.id));
          const last = page.at(-1);
          if (last === undefined) break;
          after = { createdAt: last.createdAt, id: last.id };
          for (const one of changes.next().value ?? []) {
            if (one.does === "remove" || one.does === "hide") stayed.delete(one.id);
            apply(store, one);
          }
        }
        for (const one of stayed) expect(shown.filter((each) => each === one)).toEqual([one]);
      },
    ),
    { numRuns: 60 },
  );
});
