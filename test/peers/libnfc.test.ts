import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WantedCard } from "#src/cards/plan";
import type { LaidProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { EncoderOnPty } from "./encoder-on-pty.js";
import {
  type PromisedGuest,
  promisedPages,
  promisedPassword,
  promisedSector,
  promisedSectorKeys,
} from "./promised-card.js";

/**
 * Programs that others wrote judge us. Debian's libnfc and libfreefare tools take our simulated PN532 for a real one,
 * so it may judge our driver; and what our driver has put on a card they read as `docs/card-format.md` promises it,
 * worked out from that page alone.
 */
const guest: PromisedGuest = {
  master: "00112233445566778899aabbccddeeff",
  keyVersion: 1,
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

let encoder: EncoderOnPty;

beforeEach(async () => {
  encoder = await new EncoderOnPty().open();
});
afterEach(() => encoder.close());

test("the page's worked example follows from the page's text", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/card-format.md"), "utf8");
  const { a, b } = promisedSectorKeys(guest, "deadbeef", 1);
  expect(page).toContain(`A \`${a}\`, B \`${b}\``);
  const { pwd, pack } = promisedPassword(guest, "04a1b2c3d4e5f6");
  expect(page).toContain(`PWD \`${pwd}\`, PACK \`${pack}\``);
});

describe("MIFARE Classic", () => {
  const UID = "deadbeef";
  const SECTOR = 15;
  const profile: LaidProfile = { key: "c", format: "lockbridge48", container: "classic", sector: SECTOR };
  const promised = promisedSector(guest, UID, SECTOR);
  const own = promisedSectorKeys(guest, UID, SECTOR);
  /** The sector as it reads with either key: the trailer shows none of them. */
  const shown = [...promised.slice(0, 3), `${"0".repeat(12)}78778869${"0".repeat(12)}`];
  let card: MifareClassicCard;
  /** The whole card as delivered, keys and all. */
  let delivered: Buffer;
  /** The same with the record in its sector. */
  let issued: Buffer;
  let sectorProgram: string;

  beforeEach(() => {
    card = new MifareClassicCard({ uid: fromHex(UID) });
    delivered = Buffer.from(card.memory);
    issued = Buffer.concat([
      delivered.subarray(0, SECTOR * 64),
      Buffer.from(promised.join(""), "hex"),
      delivered.subarray((SECTOR + 1) * 64),
    ]);
    encoder.simulator.putCard(card);
    sectorProgram = encoder.compile("classic-sector", ["freefare", "nfc"]);
  });

  const issue = () => encoder.withOurDriver((desk) => desk.encode(profile, keys, wanted));

  /** The whole card by nfc-mfclassic with key A of every sector; null when it could not read all of it. */
  async function dumpWith(keyFile: Buffer): Promise<Buffer | null> {
    writeFileSync(encoder.file("keys.mfd"), keyFile);
    const { stdout } = await encoder.run("nfc-mfclassic", "r", "a", "u", "dump.mfd", "keys.mfd");
    return stdout.includes("64 of 64 blocks read") ? readFileSync(encoder.file("dump.mfd")) : null;
  }

  /** Our sector by libfreefare: its blocks, or how the program ended. */
  async function sectorWith(slot: "A" | "B", key: string, ...write: readonly string[]) {
    const { exitCode, stdout } = await encoder.run(sectorProgram, String(SECTOR), slot, key, ...write);
    return exitCode === 0 ? stdout.trim().split("\n") : exitCode;
  }

  test("libnfc finds our chip and reads a new card to the last block", async () => {
    const { stdout } = await encoder.run("nfc-list");
    expect(stdout).toContain("UID (NFCID1): de  ad  be  ef");
    expect(stdout).toContain("SAK (SEL_RES): 08");
    expect(await dumpWith(delivered)).toEqual(delivered);
  });

  test("libfreefare formats, writes and reads a card on our chip", async () => {
    const message = Buffer.from("d1010e5503656e2e6578616d706c652e", "hex");
    writeFileSync(encoder.file("message"), message);
    const format = await encoder.run("mifare-classic-format", "-y");
    expect(format.exitCode).toBe(0);
    const write = await encoder.run("mifare-classic-write-ndef", "-y", "-i", "message");
    expect(write.exitCode).toBe(0);
    const read = await encoder.run("mifare-classic-read-ndef", "-y", "-o", "read-back");
    expect(read.exitCode).toBe(0);
    expect(readFileSync(encoder.file("read-back"))).toEqual(message);
  });

  test("what our driver wrote is what the page promises, and nothing else on the card has changed", async () => {
    await issue();
    expect(await dumpWith(issued)).toEqual(issued);
    expect(await sectorWith("A", own.a)).toEqual(shown);
    expect(await sectorWith("B", own.b)).toEqual(shown);
  });

  test("the card opens with its own keys only, and key A does not write", async () => {
    await issue();
    const cannotOpen = 2;
    const isRefused = 3;
    expect(await sectorWith("A", "ffffffffffff")).toBe(cannotOpen);
    expect(await sectorWith("A", own.b)).toBe(cannotOpen);
    expect(await sectorWith("A", promisedSectorKeys(guest, "deadbeee", SECTOR).a)).toBe(cannotOpen);
    expect(await dumpWith(delivered)).toBeNull();
    const block = String(SECTOR * 4);
    expect(await sectorWith("A", own.a, block, "5a".repeat(16))).toBe(isRefused);
    expect(Buffer.from(card.memory)).toEqual(issued);
    expect(await sectorWith("B", own.b, block, "5a".repeat(16))).toEqual(
      expect.arrayContaining(["5a".repeat(16)]),
    );
  });

  test("one wrong bit in the record or in a key does not go unseen", async () => {
    await issue();
    for (const at of [SECTOR * 64 + 20, SECTOR * 64 + 47, SECTOR * 64 + 48]) {
      card.memory[at] = (card.memory[at] ?? 0) ^ 0x01;
      expect(await dumpWith(issued)).not.toEqual(issued);
      card.memory[at] = (card.memory[at] ?? 0) ^ 0x01;
    }
    expect(await dumpWith(issued)).toEqual(issued);
  });

  test("a card that libfreefare wrote as the page says is ours to our driver", async () => {
    const blocks = promised.flatMap((block, index) => [String(SECTOR * 4 + index), block]);
    expect(await sectorWith("A", "ffffffffffff", ...blocks)).toEqual(shown);
    expect(Buffer.from(card.memory)).toEqual(issued);
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
  });

  test("after our driver has erased it, libnfc reads a card as delivered", async () => {
    await issue();
    await encoder.withOurDriver((desk) => desk.erase(profile, keys));
    expect(await dumpWith(delivered)).toEqual(delivered);
  });
});

describe.each([
  ["ntag213", 45],
  ["ntag215", 135],
  ["ntag216", 231],
] as const)("%s", (kind, pageCount) => {
  const UID = "04a1b2c3d4e5f6";
  const PAGE = 8;
  const profile: LaidProfile = { key: "n", format: "lockbridge48", container: "ntag", page: PAGE };
  const promised = promisedPages(guest, UID);
  const own = promisedPassword(guest, UID);
  const cfg0 = pageCount - 4;
  let card: NtagCard;

  beforeEach(() => {
    card = new NtagCard({ uid: fromHex(UID), kind });
    encoder.simulator.putCard(card);
  });

  const issue = () => encoder.withOurDriver((desk) => desk.encode(profile, keys, wanted));

  /** Every page by nfc-mfultralight, in hex; null when it could not read them all. */
  async function dump(...words: readonly string[]): Promise<string[] | null> {
    const { stdout } = await encoder.run("nfc-mfultralight", "r", "dump.mfd", ...words);
    if (!stdout.includes(`${pageCount} of ${pageCount} pages read (0 pages failed)`)) return null;
    return readFileSync(encoder.file("dump.mfd")).toString("hex").match(/.{8}/g);
  }

  test("what our driver wrote is what the page promises, and nothing else on the tag has changed", async () => {
    const before = (await dump()) ?? [];
    expect(before).toHaveLength(pageCount);
    await issue();
    const after = [...before];
    after.splice(PAGE, promised.length, ...promised);
    // No mirror, protected from the record's first page on; reading wants the password too, tries are not counted.
    after[cfg0] = `${before[cfg0]?.slice(0, 6) ?? ""}${PAGE.toString(16).padStart(2, "0")}`;
    after[cfg0 + 1] = `80${before[cfg0 + 1]?.slice(2) ?? ""}`;
    // Both read as zeros; the tool puts the password in that it sent and the acknowledge that the tag gave.
    after.splice(cfg0 + 2, 2, own.pwd, `${own.pack}0000`);
    expect(await dump("--pw", own.pwd)).toEqual(after);
    const wrongBit = 4 * PAGE + 21;
    card.memory[wrongBit] = (card.memory[wrongBit] ?? 0) ^ 0x80;
    expect(await dump("--pw", own.pwd)).not.toEqual(after);
  });

  test("the tag hides its record from who has no password or a wrong one", async () => {
    await issue();
    const frames = encoder.compile("card-frames", ["nfc"]);
    const answers = async (...words: readonly string[]) =>
      (await encoder.run(frames, ...words)).stdout.trimEnd().split("\n");
    const readRecord = `30${PAGE.toString(16).padStart(2, "0")}`;
    const refused = "-";
    expect(await answers(readRecord)).toEqual([refused]);
    expect(await answers("1bffffffff", readRecord)).toEqual([refused, refused]);
    const opened = await answers(`1b${own.pwd}`, readRecord);
    expect(opened).toEqual([own.pack, promised.slice(0, 4).join("")]);
    expect(await dump()).toBeNull();
  });

  test("a tag that libnfc wrote as the page says is ours to our driver", async () => {
    const frames = encoder.compile("card-frames", ["nfc"]);
    const write = (page: number, hex: string) => `a2${page.toString(16).padStart(2, "0")}${hex}`;
    const { stdout } = await encoder.run(
      frames,
      write(cfg0 + 2, own.pwd),
      write(cfg0 + 3, `${own.pack}0000`),
      ...promised.map((hex, index) => write(PAGE + index, hex)),
      write(cfg0 + 1, "80050000"),
      write(cfg0, `040000${PAGE.toString(16).padStart(2, "0")}`),
    );
    expect(stdout).toBe("0a\n".repeat(4 + promised.length));
    const state = await encoder.withOurDriver((desk) => desk.state(profile, [keys]));
    expect(state).toMatchObject({ is: "ours", credentialId: guest.credential, door: guest.door });
  });
});
