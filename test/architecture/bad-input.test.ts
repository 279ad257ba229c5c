import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drivers } from "#drivers/index";
import { cases } from "#test/conformance/cases";
import type { DriverRig } from "#test/conformance/rig";

const root = join(import.meta.dirname, "../..");

function testsIn(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => readFileSync(join(root, folder, file), "utf8"))
    .join("\n");
}

test("docs/bad-input.md names only cases and tests that there are", () => {
  const page = readFileSync(join(root, "docs/bad-input.md"), "utf8");
  const named = [...page.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  const ids = named.filter((name) => /^[A-Z]\d\d$/.test(name));
  expect(ids.length).toBeGreaterThan(30);
  expect(ids.filter((id) => !cases.some((known) => known.id === id))).toEqual([]);
  const own = named.flatMap((name) => {
    const [, folder, title] = /^((?:drivers|src|test)\/\w+): (.+)$/.exec(name) ?? [];
    return folder === undefined || title === undefined ? [] : [{ folder, title }];
  });
  expect(own.length).toBeGreaterThan(20);
  const missing = own.filter(({ folder, title }) => !testsIn(folder).includes(title));
  expect(missing).toEqual([]);
});

/** The reference driver is exempt from nothing; what a lock on radio is held to stands elsewhere. */
const NOT_ON_THE_PAGE = ["reference", "zwave"];

test("docs/bad-input.md tells every exemption, and no other", async () => {
  const page = readFileSync(join(root, "docs/bad-input.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| ((?:`[A-Z]\d\d`(?:, )?)+) \|/gm)];
  const told = rows.flatMap(([, driver = "", ids = ""]) =>
    [...ids.matchAll(/[A-Z]\d\d/g)].map(([id]) => `${driver} ${id}`),
  );
  const exempt: string[] = [];
  for (const id of Object.keys(drivers).filter((it) => !NOT_ON_THE_PAGE.includes(it))) {
    const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };
    expect(rig.exempt).toHaveProperty("T15");
    exempt.push(...Object.keys(rig.exempt).flatMap((it) => (it === "T15" ? [] : [`${id} ${it}`])));
  }
  expect(told.sort()).toEqual(exempt.sort());
});
