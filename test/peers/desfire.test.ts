import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPlan, type WantedCard, writePlan } from "#src/cards/plan";
import type { LaidProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { DesfireCard } from "#src/sandbox/cards/desfire";
import { deliveredMemory } from "#src/sandbox/cards/desfire-memory";
import { ModelDesfire } from "#test/support/model-desfire";
import { EncoderOnPty } from "./encoder-on-pty.js";
import { promisedDesfire, type PromisedGuest } from "./promised-card.js";

/**
 * libfreefare, which others wrote, reads the DESFire cards that our driver made, and makes cards that our driver reads:
 * both by `docs/card-format.md` alone.
 */
const UID = "04112233445566";
const AID = "f52000";
const SENT = "0020f5";
const ZEROS = "00".repeat(16);
const guest: PromisedGuest = {
  master: "00112233445566778899aabbccddeeff",
  keyVersion: 3,
  issuer: "0badcafe",
  credential: "1122334455667788",
  sequence: 7,
  from: 0x6b02f560,
  to: 0x6b06bfb0,
  door: 101,
  zones: 3,
};
const keys: SiteKeys = {
  version: guest.keyVersion,
  issuer: new Secret(fromHex(guest.issuer)),
  cardMaster: new Secret(fromHex(guest.master)),
};
const wanted: WantedCard = {
  cardCredentialId: guest.credential,
  generation: guest.sequence,
  content: {
    format: "lockbridge48",
    entrances: [],
    validFrom: guest.from,
    validTo: guest.to,
    function: "guest",
    isOneTimeUse: false,
    door: guest.door,
    zones: guest.zones,
  },
};
const profile: LaidProfile = {
  key: "d",
  format: "lockbridge48",
  container: "desfire",
  application: "F52000",
};
const own = promisedDesfire(guest, UID, SENT);
const SETTINGS = "type 1 communication 3 rights 1220 size 48";

let encoder: EncoderOnPty;
let card: DesfireCard;
let program: string;

beforeEach(async () => {
  encoder = await new EncoderOnPty().open();
  card = new DesfireCard({ uid: fromHex(UID) });
  encoder.simulator.putCard(card);
  program = encoder.compile("desfire-card", ["freefare", "nfc"]);
});
afterEach(() => encoder.close());

const issue = () => encoder.withOurDriver((desk) => desk.encode(profile, keys, wanted));

/** What libfreefare read, a line each. */
async function ask(steps: string): Promise<string[]> {
  const { stdout } = await encoder.run(program, ...steps.trim().split(/\s+/));
  return stdout.trimEnd().split("\n");
}

test("the page's worked example follows from the page's text", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/card-format.md"), "utf8");
  for (const key of [own.card, own.master, own.read, own.write]) expect(page).toContain(`\`${key}\``);
});

test("libfreefare's own tool tells a new card, and one of ours by the version of its master key", async () => {
  const before = await encoder.run("mifare-desfire-info");
  expect(before).toMatchObject({ exitCode: 0 });
  expect(before.stdout).toMatch(/UID: +0x04112233445566/);
  expect(before.stdout).toContain("Master Key version: 0");
  expect(before.stdout).toContain("0x0f");
  await issue();
  const after = await encoder.run("mifare-desfire-info");
  expect(after).toMatchObject({ exitCode: 0 });
  expect(after.stdout).toContain(`Master Key version: ${guest.keyVersion}`);
  expect(after.stdout).toContain("0x0b");
});

test("libfreefare formats a card and puts a message on it that it reads again", async () => {
  const run = async (tool: string, ...words: readonly string[]) =>
    expect(await encoder.run(tool, ...words)).toMatchObject({ exitCode: 0 });
  await run("mifare-desfire-format", "-y");
  await run("mifare-desfire-create-ndef", "-y");
  await run("mifare-desfire-write-ndef", "-y");
  await run("mifare-desfire-read-ndef", "-y", "-o", "message");
  expect(readFileSync(encoder.file("message")).length).toBeGreaterThan(10);
});

test("what our driver wrote is what the page promises", async () => {
  await issue();
  expect(await ask(`ids select ${AID} aes 1 ${own.read} rights 1 read 1 30`)).toEqual([
    AID,
    SETTINGS,
    own.record,
  ]);
  // The other keys are what the page says, and do what it says.
  expect(await ask(`aes 0 ${own.card} ids`)).toEqual([AID]);
  expect(await ask(`select ${AID} aes 2 ${own.write} write 1 ${"5a".repeat(48)} commit`)).toEqual([""]);
  expect(await ask(`select ${AID} aes 0 ${own.master} change 0 aes ${ZEROS} 0 ${own.master}`)).toEqual([""]);
  expect(await ask(`select ${AID} aes 1 ${own.read} read 1 30`)).toEqual(["5a".repeat(48)]);
});

test("the card opens with its own keys only, and the read key does not write", async () => {
  await issue();
  const wrong = promisedDesfire(guest, "04112233445567", SENT);
  for (const opening of [`aes 0 ${ZEROS}`, `des 0 ${"00".repeat(8)}`, `aes 0 ${own.master}`])
    expect(await ask(opening)).toEqual(["refused ae"]);
  for (const key of [ZEROS, own.write, wrong.read])
    expect(await ask(`select ${AID} aes 1 ${key}`)).toEqual(["refused ae"]);
  expect(await ask(`select ${AID} aes 1 ${own.read} write 1 ${"00".repeat(48)}`)).toEqual([
    expect.stringMatching(/^refused/),
  ]);
  expect(await ask(`select ${AID} read 1 30`)).toEqual([expect.stringMatching(/^refused/)]);
  expect(await ask(`create 010203 0f 1`)).toEqual([expect.stringMatching(/^refused/)]);
  expect(await ask(`select ${AID} aes 1 ${own.read} read 1 30`)).toEqual([own.record]);
});

test("a card that libfreefare made as the page says is ours to our driver", async () => {
  const version = guest.keyVersion.toString(16);
  const made = await ask(`
    des 0 ${"00".repeat(8)} change 0 aes ${own.card} ${version} ${ZEROS} aes 0 ${own.card} settings 0b
    create ${AID} 0b 3 select ${AID} aes 0 ${ZEROS}
    change 1 aes ${own.read} ${version} ${ZEROS} change 2 aes ${own.write} ${version} ${ZEROS}
    change 0 aes ${own.master} ${version} ${ZEROS}
    aes 0 ${own.master} backup 1 1220 30 aes 2 ${own.write} write 1 ${own.record} commit`);
  expect(made).toEqual([""]);
  const byPage = card.memory;
  const state = await encoder.withOurDriver((desk) => desk.state(profile, [keys]));
  expect(state).toMatchObject({
    is: "ours",
    credentialId: guest.credential,
    generation: guest.sequence,
    keyVersion: guest.keyVersion,
    validFrom: guest.from,
    validTo: guest.to,
    door: guest.door,
    zones: guest.zones,
  });
  card = new DesfireCard({ uid: fromHex(UID) });
  encoder.simulator.takeCard();
  encoder.simulator.putCard(card);
  await issue();
  expect(card.memory).toEqual(byPage);
});

test("making a card takes no more commands than libfreefare needs for the same", async () => {
  const version = guest.keyVersion.toString(16);
  let theirs = 0;
  const transceive = card.transceive.bind(card);
  card.transceive = (frame) => {
    theirs += 1;
    return transceive(frame);
  };
  await ask(`
    des 0 ${"00".repeat(8)} change 0 aes ${own.card} ${version} ${ZEROS} aes 0 ${own.card} settings 0b
    create ${AID} 0b 3 select ${AID} aes 0 ${ZEROS}
    change 1 aes ${own.read} ${version} ${ZEROS} change 2 aes ${own.write} ${version} ${ZEROS}
    change 0 aes ${own.master} ${version} ${ZEROS}
    aes 0 ${own.master} backup 1 1220 30 aes 2 ${own.write} write 1 ${own.record} commit`);
  const model = new ModelDesfire();
  const seen = model.read(readPlan(profile, model.card, [keys]));
  const planned = writePlan(profile, model.card, [keys], seen, wanted);
  let ours = 0;
  const answer = model.chip.transceive.bind(model.chip);
  model.chip.transceive = (frame) => {
    ours += 1;
    return answer(frame);
  };
  model.powerCycle();
  if (planned.ok) for (const step of planned.plan.steps) model.apply(step);
  expect(theirs).toBeGreaterThan(20);
  expect(ours).toBeGreaterThan(20);
  expect(ours / theirs).toBeLessThanOrEqual(1);
});

test("after our driver has erased it, libfreefare finds a card as delivered", async () => {
  await issue();
  await encoder.withOurDriver((desk) => desk.erase(profile, keys));
  expect(card.memory).toEqual(deliveredMemory());
  expect(await ask(`des 0 ${"00".repeat(8)} ids create 010203 0f 1 ids`)).toEqual(["010203"]);
});
