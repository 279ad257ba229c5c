import { randomBytes, randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { credentialsGet } from "#src/api/schemas/credentials";
import { credentialsRevoke } from "#src/api/schemas/desk";
import { EXIT } from "#src/cli/exit-codes";
import { toHex } from "#src/lib/hex";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { isWrite } from "#test/heal/plug";
import { blank, type HealSite, startHealSite } from "#test/heal/site";
import { typed, type Typed } from "#test/support/typed";

/** `lockbridge encode --batch` at a real gateway: a PN532 on a pseudo-terminal, and a person with a pile of cards. */

let site: HealSite;
let credentials: string[];
beforeEach(async () => {
  site = await startHealSite(["desk"]);
  credentials = [await site.credential(), await site.credential(), await site.credential()];
});
afterEach(() => site.stop());

const csv = (ids: readonly string[]) =>
  `room,credential\r\n${ids.map((id) => `"101, sea side",${id}`).join("\r\n")}\r\n`;

/** `onSay` sees all that is said, piece by piece, and does what a person would. */
function batch(
  text: string,
  onSay: (said: string, interrupt: () => void) => void = () => undefined,
): Promise<Typed> {
  const listeners = new Set<() => void>();
  const onInterrupt = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return typed(
    ["encode", "--batch", "cards.csv", "--json", "--socket", site.socket],
    { onInterrupt, readText: () => text },
    (said) => onSay(said, () => [...listeners].forEach((listener) => listener())),
  );
}

const rowsOf = ({ out }: Typed) =>
  out
    .split("\n")
    .filter((line) => line.includes('"result":"') && line.includes('"line":'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("card after card; a finished card is waited for to go, and one that does not fit is set aside", async () => {
  const desk = site.desk("desk");
  const pile = [blank(), blank(), blank()];
  const [first, second, third] = pile.map(({ uid }) => toHex(uid));
  // No profile of this site is for an NTAG.
  desk.simulator.takeCard();
  desk.simulator.putCard(new NtagCard({ uid: Uint8Array.of(0x04, ...randomBytes(6)) }));
  const run = await batch(csv(credentials), (said) => {
    if (said.includes("Take this card away")) desk.put(pile.shift());
  });
  expect(run.code).toBe(EXIT.ok);
  expect(rowsOf(run)).toMatchObject([
    { line: 2, acs_credential_id: credentials[0], result: "written", uid: first },
    { line: 3, acs_credential_id: credentials[1], result: "written", uid: second },
    { line: 4, acs_credential_id: credentials[2], result: "written", uid: third },
  ]);
  expect(run.error).toContain("Set this card aside and put another one.");
  expect(run.error).toContain("3 written, 0 had their card, 0 failed, 0 not tried; 1 cards set aside.");
  for (const acs_credential_id of credentials) {
    const { acs_credential } = await site.client.call(credentialsGet, { acs_credential_id });
    expect(acs_credential.is_issued).toBe(true);
  }
});

test("broken off with Ctrl-C and given again, it goes on where it was", async () => {
  const desk = site.desk("desk");
  desk.put();
  const broken = await batch(csv(credentials), (said, interrupt) => {
    if (said.includes("Take this card away")) interrupt();
  });
  expect(broken.code).toBe(EXIT.cancelled);
  expect(broken.error).toContain("1 written, 0 had their card, 1 failed, 1 not tried");
  expect(broken.error).toContain("Give the same file again");

  desk.put();
  let isLast = false;
  const again = await batch(csv(credentials), (said) => {
    if (!said.includes("Take this card away")) return;
    expect(isLast).toBe(false);
    isLast = true;
    desk.put();
  });
  expect(again.code).toBe(EXIT.ok);
  expect(rowsOf(again)).toMatchObject([
    { result: "already_issued" },
    { result: "written" },
    { result: "written" },
  ]);
});

test("a card taken away in the middle is asked for again and settled, not written on another", async () => {
  const desk = site.desk("desk");
  const card = desk.put();
  const [only = ""] = credentials;
  let writes = 0;
  desk.plug.fate = (command) => {
    if (isWrite(command) && ++writes === 2) desk.simulator.takeCard();
    return "pass";
  };
  let isTorn = false;
  const run = await batch(csv([only]), (said) => {
    if (isTorn || !/in doubt/.test(said)) return;
    isTorn = true;
    desk.put(card);
  });
  expect(isTorn).toBe(true);
  expect(run.code).toBe(EXIT.ok);
  expect(rowsOf(run)).toMatchObject([{ result: "written", uid: toHex(card.uid) }]);
});

test("everything wrong with the list is said before the first card is written", async () => {
  const desk = site.desk("desk");
  desk.put();
  const [one = ""] = credentials;
  const unknown = randomUUID();
  const run = await batch(csv([one, one.toUpperCase(), "nobody", unknown]));
  expect(run.code).toBe(EXIT.refused);
  expect(run.out).toContain("line 5: ");
  expect(run.out).toContain(unknown);
  expect(run.out).toContain("line 3: the same credential as in line 2");
  expect(run.out).toContain('line 4: There is no credential \\"nobody\\"');
  expect(desk.plug.commands.length).toBeGreaterThan(0);
  expect(run.out).not.toContain("written");
});

test("broken off between two cards, it says what was done", async () => {
  const desk = site.desk("desk");
  desk.put();
  const run = await batch(csv(credentials), (said, interrupt) => {
    if (said.includes(" 1 of 3")) interrupt();
  });
  expect(run.code, run.error).toBe(EXIT.cancelled);
  expect(run.error).toContain("1 written, 0 had their card, 1 failed, 1 not tried");
});

test("a credential that is revoked in the meantime fails alone", async () => {
  const desk = site.desk("desk");
  desk.put();
  const [, second = ""] = credentials;
  let isRevoked = false;
  const run = await batch(csv(credentials), (said) => {
    if (said.includes("Take this card away")) desk.put();
    if (isRevoked || !said.includes(" 0 of 3")) return;
    isRevoked = true;
    void site.client.call(credentialsRevoke, { acs_credential_id: second });
  });
  expect(rowsOf(run).map(({ result }) => result)).toEqual(["written", "failed", "written"]);
  expect(run.code).toBe(EXIT.failed);
});

test.each([
  ["name,room\na,1\n", 'line 1: there is no column "credential"'],
  ["credential\n", "names no credential"],
  ["credential,room\n,101\n", 'line 2: the column "credential" is empty'],
  ['credential\n"a\n', "is not a CSV file"],
  ["credential,room\na\n", "is not a CSV file"],
  ["", 'there is no column "credential"'],
  ["c\0r\0e\0", 'cards.csv is not in UTF-8: save the table as "CSV UTF-8"'],
  ["credential\nJ\ufffdrgen\n", "cards.csv, line 2, is not in UTF-8"],
])("a list that is none: %j", async (text, why) => {
  const run = await batch(text);
  expect(run.code).toBe(EXIT.refused);
  expect(run.out).toContain(JSON.stringify(why).slice(1, -1));
});
