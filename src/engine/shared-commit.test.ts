import { expect, test } from "vitest";
import { SharedCommit } from "./shared-commit.js";

test("what would keep other work waiting too long goes into the next group", async () => {
  let now = 0;
  const groups: string[][] = [];
  const commits = new SharedCommit({
    group: (work) => {
      groups.push([]);
      work();
    },
    soon: setImmediate,
    clock: { monotonic: () => now },
  });
  const slow = (name: string) =>
    commits.run(() => {
      now += 5;
      groups.at(-1)?.push(name);
      return name;
    });
  await expect(Promise.all(["a", "b", "c"].map(slow))).resolves.toEqual(["a", "b", "c"]);
  expect(groups).toEqual([["a", "b"], ["c"]]);
});

test("work that takes long by itself still has its turn", async () => {
  let now = 0;
  const commits = new SharedCommit({
    group: (work) => work(),
    soon: setImmediate,
    clock: { monotonic: () => (now += 100) },
  });
  await expect(commits.run(() => 1)).resolves.toBe(1);
});
