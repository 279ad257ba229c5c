import { beforeEach, describe, expect, test } from "vitest";
import { calm, KEY, OsdpLine } from "#test/support/osdp-line";
import driver from "./index.js";

/** One reader in use: what it is asked, what it tells, what it shows. */

let line: OsdpLine;
const reader = () => line.simulator.at(5);
const config = { units: { door: { address: 5, key: KEY } } };

beforeEach(() => {
  line = new OsdpLine();
  line.simulator.add({ address: 5, key: Buffer.from(KEY, "hex"), wantsSecurity: true });
});

describe("opening", () => {
  test("asks who it is, secures the line, and knows its state", async () => {
    const device = await line.open(config);
    expect(device.identity).toEqual({ model: "OSDP reader 00068e-7.2", firmware: "1.4.9", serial: "4711" });
    expect(device.units.map(({ key, ...can }) => [key, ...Object.keys(can)])).toEqual([
      ["door", "cardReader", "keypadLock", "signals"],
    ]);
    expect(reader().handshakes).toBe(1);
    expect(reader().done.slice(0, 9)).toEqual([0x60, 0x61, 0x62, 0x76, 0x77, 0x7b, 0x64, 0x65, 0x66]);
  });

  test("a reader that answers ID only after a POLL", async () => {
    reader().faults.wantsPollFirst = true;
    await line.open(config);
    expect(line.unitKeys).toEqual(["door"]);
  });

  test("a reader that takes no CRC is spoken to with checksums", async () => {
    reader().faults.isDeafToCrc = true;
    await line.open(config);
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toHaveLength(1);
  });

  test("a reader that answers checksums with CRC is understood", async () => {
    reader().faults.alwaysCrc = true;
    await line.open(config);
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toHaveLength(1);
  });

  test.each([0, 2, 7])("%i marks before its answers change nothing", async (marks) => {
    reader().faults.marks = marks;
    await line.open(config);
    const heard = line.listen();
    reader().pressKeys("1234#");
    await line.clock.advance(1_000);
    expect(heard).toEqual(["1234"]);
  });

  test("an adapter that echoes changes nothing", async () => {
    line.simulator.echoes = true;
    await line.open(config);
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toHaveLength(1);
  });

  test("no answer and no byte: silent, with what to look at", async () => {
    reader().faults.isSilent = true;
    const error = await line.failure(line.begin(config));
    expect(error).toMatchObject({ code: "device.silent", effect: "none" });
    expect(error.message).toContain("A and B swapped");
  });

  test("bytes, but no answer: another speed, another protocol or two at one address", async () => {
    reader().faults.wrongChecks = 1_000;
    const error = await line.failure(line.begin(config));
    expect(error).toMatchObject({ code: "device.wrong", effect: "none" });
    expect(error.message).toMatch(/9600 baud, two readers at one address/);
  });

  test("two readers at one address spoil each other's answers, and are told apart from none", async () => {
    line.simulator.add({ address: 5, key: Buffer.from(KEY, "hex"), serial: 9_999 });
    expect(await line.failure(line.begin(config))).toMatchObject({ code: "device.wrong" });
  });
});

describe("what it tells", () => {
  test.each([1, 4, 8])("keys that come %i at a time are one entry", async (atOnce) => {
    await line.open(config);
    const heard = line.listen();
    reader().pressKeys("12345678#", atOnce);
    await line.clock.advance(1_000);
    expect(heard).toEqual(["12345678"]);
  });

  test("a key press whose answer is lost comes again, once", async () => {
    await line.open(config);
    const heard = line.listen();
    reader().pressKeys("12#");
    reader().faults.wrongChecks = 1;
    await line.clock.advance(2_000);
    expect(heard).toEqual(["12"]);
    expect(reader().handshakes).toBe(1);
  });

  test("a pause ends an entry without #", async () => {
    await line.open({ units: { door: { address: 5, key: KEY, entry_pause_s: 3 } } });
    const heard = line.listen();
    reader().pressKeys("12");
    await line.clock.advance(2_900);
    expect(heard).toEqual([]);
    await line.clock.advance(500);
    expect(heard).toEqual(["12"]);
  });

  test("cards reach the door and the card reader", async () => {
    await line.open(config);
    const heard = line.listen();
    const seen: number[] = [];
    line.device.units[0]?.cardReader?.onCard(({ bitCount }) => seen.push(bitCount));
    reader().holdCard(Buffer.from("80a1b2c0", "hex"), 26);
    await line.clock.advance(500);
    expect([heard, seen]).toEqual([["80a1b2c0/26"], [26]]);
  });

  test("a reply that means nothing here is a sign of life", async () => {
    await line.open(config);
    const heard = line.listen();
    for (const code of [0x51, 0x90, 0x4b, 0xb1]) reader().saySomething(code, Buffer.from("00068e01", "hex"));
    reader().pressKeys("7#");
    await line.clock.advance(1_000);
    expect(heard).toEqual(["7"]);
    expect(reader().handshakes).toBe(1);
    expect(line.events("osdp.other_reply").map(({ reply }) => reply)).toEqual([0x51, 0x90, 0x4b, 0xb1]);
  });

  test("an opened cover is told, and warned of once", async () => {
    await line.open(config);
    let tampered = 0;
    line.door().onTamper?.(() => (tampered += 1));
    reader().openCover();
    await line.clock.advance(1_000);
    expect([tampered, line.events("osdp.local_status").length]).toEqual([1, 1]);
  });

  test("an entry is in no log", async () => {
    await line.open(config);
    line.listen();
    reader().pressKeys("86421357#");
    reader().saySomething(0x53, Buffer.from([0, 9, ...Buffer.from("86421357")]));
    await line.clock.advance(1_000);
    expect(JSON.stringify(line.logged)).not.toMatch(/86421357|3836343231333537/);
    expect(JSON.stringify(line.logged)).not.toContain(KEY);
  });
});

describe("what it does", () => {
  test("opens for as long as it is told, and shows it", async () => {
    await line.open({ units: { door: { address: 5, key: KEY, output: 1 } } });
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toEqual([{ output: 1, tenths: 50 }]);
    await line.clock.advance(500);
    expect(reader().shown).toEqual(["green", "1 beeps"]);
  });

  test("takes the state of its outputs for an answer to an opening", async () => {
    reader().faults.answersOutWithState = true;
    await line.open(config);
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toHaveLength(1);
    expect(reader().handshakes).toBe(1);
  });

  test("denies with a red light and three beeps", async () => {
    await line.open(config);
    await line.run(line.door().deny("expired", calm()));
    expect([reader().shown, reader().pulses]).toEqual([["red", "3 beeps"], []]);
  });

  test("what it has no light and no buzzer for is left out", async () => {
    reader().hasLight = false;
    reader().hasBuzzer = false;
    await line.open(config);
    expect(line.device.units[0]?.signals).toBeUndefined();
    await line.run(line.door().deny("expired", calm()));
    expect(reader().shown).toEqual([]);
  });

  test("a light that it refuses is no failure", async () => {
    await line.open(config);
    reader().faults.refusals.push({ command: 0x69, error: 3 });
    await line.run(line.door().deny("expired", calm()));
    expect(reader().shown).toEqual(["3 beeps"]);
  });

  test("a door that it will not open is refused, and known not to be open", async () => {
    await line.open({ units: { door: { address: 5, key: KEY, output: 9 } } });
    expect(await line.failure(line.door().grant(5_000, calm()))).toMatchObject({
      code: "device.refused",
      effect: "none",
    });
  });

  test("longer than an output counts is refused before anything is sent", async () => {
    await line.open(config);
    const before = line.sent.length;
    expect(await line.failure(line.door().grant(6_553_600, calm()))).toMatchObject({
      code: "device.refused",
    });
    expect(line.sent).toHaveLength(before);
  });
});

describe("polling", () => {
  test("twenty times a second, and at once while there is more to tell", async () => {
    await line.open(config);
    await line.clock.advance(100);
    const before = line.sent.length;
    await line.clock.advance(1_000);
    expect(line.sent.length - before).toBe(20);
    reader().pressKeys("1234", 1);
    const asked = line.sent.length;
    await line.clock.advance(60);
    expect(line.sent.length - asked).toBeGreaterThanOrEqual(5);
  });

  test("a sign of life is one poll of fifteen bytes, mark and all, and changes nothing", async () => {
    await line.open(config);
    const before = line.sent.length;
    await line.run(line.device.ping(calm()));
    expect(line.sent.slice(before).map((hex) => hex.length / 2)).toEqual([15]);
    expect([reader().pulses, reader().shown]).toEqual([[], []]);
  });

  test("the same numbers never twice: 1, 2, 3, 1 …", async () => {
    await line.open(config);
    await line.clock.advance(2_000);
    expect(reader().handshakes).toBe(1);
    const sequences = line.sent.slice(-6).map((hex) => parseInt(hex.slice(10, 12), 16) & 3);
    for (const [index, sequence] of sequences.slice(1).entries())
      expect(sequence).toBe(((sequences[index] ?? 0) % 3) + 1);
  });
});

describe("configuration", () => {
  test.each([
    ["no reader", { units: {} }, /at least one/],
    [
      "two readers at one address",
      { units: { a: { address: 1 }, b: { address: 1 } } },
      /a has the same address/,
    ],
    ["the address of everybody", { units: { a: { address: 127 } } }, /126/],
    ["a short key", { units: { a: { address: 1, key: "00ff" } } }, /32 hex digits/],
    ["a speed that OSDP has not", { baud_rate: 4_800, units: { a: { address: 1 } } }, /baud_rate|expected/],
    [
      "installing a key in clear",
      { units: { a: { address: 1, secure: false, install: true } } },
      /installed only/,
    ],
  ])("%s is refused", (_, wrong, message) => {
    const parsed = driver.config.safeParse(wrong);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(message);
  });

  test("what is wrong with a key does not show the key", () => {
    const parsed = driver.config.safeParse({ units: { a: { address: 1, key: `${KEY}00` } } });
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error)).not.toContain(KEY);
  });
});
