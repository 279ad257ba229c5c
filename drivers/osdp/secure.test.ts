import { beforeEach, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { calm, KEY, OLD_KEY, OsdpLine } from "#test/support/osdp-line";

/** The secure channel: which key, who gets one, what breaks a session, and never in clear. */

let line: OsdpLine;
const reader = () => line.simulator.at(5);
const config = (unit: object = {}) => ({ units: { door: { address: 5, ...unit } } });
const bytes = (hex: string) => fromHex(hex);
const SCBK_D_CHALLENGE = /^ff53051300[0-9a-f]{2}03110076/;

beforeEach(() => {
  line = new OsdpLine();
});

describe("keys", () => {
  test("a reader in install mode is given its own key, and uses it from then on", async () => {
    line.simulator.add({ address: 5 });
    await line.open(config({ key: KEY, install: true }));
    expect(reader().key && toHex(reader().key!)).toBe(KEY);
    expect(reader().handshakes).toBe(2);
    expect(line.events("osdp.key_installed")).toHaveLength(1);
    await line.run(line.door().grant(1_000, calm()));
    expect(reader().pulses).toHaveLength(1);
  });

  test("without permission nobody uses the key that everybody knows, nor speaks in clear", async () => {
    line.simulator.add({ address: 5 });
    const error = await line.failure(line.begin(config({ key: KEY })));
    expect(error).toMatchObject({ code: "device.wrong", effect: "none" });
    expect(error.message).toContain("install: true");
    expect(line.sent.filter((hex) => SCBK_D_CHALLENGE.test(hex))).toEqual([]);
    expect(reader().done).not.toContain(0x68);
  });

  test("where there is no key at all, that is said", async () => {
    line.siteKeys = [];
    line.simulator.add({ address: 5 });
    expect((await line.failure(line.begin(config({ install: true })))).message).toContain("make site keys");
    reader().key = Buffer.from(bytes(KEY));
    expect((await line.failure(line.begin(config()))).message).toContain("make site keys");
  });

  test("the site is asked for the keys of the reader that calls itself so, wherever it hangs", async () => {
    line.simulator.add({ address: 5, key: bytes(KEY), serial: 0x01020304 });
    line.siteKeys = [KEY];
    await line.open(config());
    expect(line.askedFor).toEqual(["00068e0704030201"]);
  });

  test("the site's newest key first; a reader that has an older one is given the newest", async () => {
    line.simulator.add({ address: 5, key: bytes(OLD_KEY), wantsSecurity: true });
    line.siteKeys = [KEY, OLD_KEY];
    await line.open(config());
    expect(reader().key && toHex(reader().key!)).toBe(KEY);
    await line.run(line.device.close());
    await line.open(config());
    expect(reader().handshakes).toBe(3);
  });

  test.each(["loses the answer", "loses the command"] as const)(
    "the wire %s to KEYSET: whichever key it has then, it is found and ends with the newest",
    async (how) => {
      line.simulator.add({ address: 5, key: bytes(OLD_KEY), wantsSecurity: true });
      line.siteKeys = [KEY, OLD_KEY];
      const first = line.begin(config());
      first.catch(() => undefined);
      // KEYSET is the first command with encrypted data: type 17 and 18 bytes in two blocks.
      const isKeySet = () => line.sent.at(-1)?.startsWith("ff53052e00") === true;
      for (let turn = 0; turn < 200 && !isKeySet(); turn++) {
        await line.clock.advance(1);
        if (how === "loses the command") reader().faults.refusals = [{ command: 0x75, error: 9 }];
      }
      reader().faults.isSilent = true;
      await line.failure(first).catch(() => undefined);
      reader().faults.isSilent = false;
      reader().faults.refusals = [];
      line.line.faults.noise = new Uint8Array();
      await line.open(config());
      expect(reader().key && toHex(reader().key!)).toBe(KEY);
    },
  );

  test("some acknowledge their new key in clear", async () => {
    line.simulator.add({ address: 5 }).faults.clearKeysetAck = true;
    await line.open(config({ key: KEY, install: true }));
    expect(reader().handshakes).toBe(2);
  });

  test.each([
    ["that has none", null, "not with this key"],
    ["that has an older one", OLD_KEY, "still has the old one"],
  ])("a reader %s, and only says that it took its new key, is found out", async (_, has, words) => {
    line.simulator.add({ address: 5, key: has === null ? null : bytes(has) }).faults.keepsOldKey = true;
    line.siteKeys = [KEY, OLD_KEY];
    const error = await line.failure(line.begin(config({ install: true })));
    expect(error).toMatchObject({ code: "device.wrong" });
    expect(error.message).toMatch(new RegExp(`and has not: .*${words}`));
  });

  test("a reader that refuses its new key is said to, and keeps what it had", async () => {
    line.simulator.add({ address: 5 }).faults.refusals.push({ command: 0x75, error: 9 });
    const error = await line.failure(line.begin(config({ key: KEY, install: true })));
    expect(error.message).toContain("did not take its new key");
    expect(reader().key).toBeNull();
  });

  test("a wrong key: said at once, and asked again after 10 s, 20 s, 40 s", async () => {
    line.simulator.add({ address: 5, key: bytes(OLD_KEY), wantsSecurity: true });
    line.simulator.add({ address: 6, key: bytes(KEY), wantsSecurity: true });
    await line.open({ units: { door: { address: 5, key: KEY }, other: { address: 6, key: KEY } } });
    expect(line.unitKeys).toEqual(["other"]);
    expect(line.events("osdp.problem")).toMatchObject([{ unit: "door", problem: "key" }]);
    const challenges = () => line.sent.filter((hex) => /^ff53051300..031101/.test(hex)).length;
    const before = challenges();
    const seen: number[] = [];
    for (const afterMs of [9_000, 2_000, 18_000, 4_000, 34_000, 8_000]) {
      await line.clock.advance(afterMs);
      seen.push(challenges() - before);
    }
    expect(seen).toEqual([0, 1, 1, 2, 2, 3]);
    expect(line.events("osdp.problem")).toHaveLength(1);
    reader().key = Buffer.from(bytes(KEY));
    await line.clock.advance(90_000);
    expect(line.unitKeys).toEqual(["door", "other"]);
  });
});

describe("a reader that is not what it says", () => {
  test("one that names another kind of key than was asked for is refused", async () => {
    line.simulator.add({ address: 5, key: bytes(KEY) }).faults.namesWrongKey = true;
    const error = await line.failure(line.begin(config({ key: KEY })));
    expect(error.message).toContain("another kind of key");
  });

  test("one whose first MAC is wrong is refused, whatever its status byte says", async () => {
    line.simulator.add({ address: 5, key: bytes(KEY) }).faults.wrongInitialMac = true;
    expect((await line.failure(line.begin(config({ key: KEY })))).message).toContain("first MAC is wrong");
  });

  test.each([
    ["another number", 815, [0x00, 0x06, 0x8e]],
    ["another maker with the same number", 4_711, [0x00, 0x75, 0x32]],
  ])("an exchanged one with the same key works, and is warned of: %s", async (_, serial, vendor) => {
    line.simulator.add({ address: 5, key: bytes(KEY), wantsSecurity: true });
    line.simulator.add({ address: 6, key: bytes(KEY), wantsSecurity: true });
    await line.open({ units: { door: { address: 5, key: KEY }, other: { address: 6, key: KEY } } });
    reader().faults.isSilent = true;
    await line.clock.advance(20_000);
    reader().restart();
    reader().serial = serial;
    reader().vendor = vendor;
    reader().faults.isSilent = false;
    await line.clock.advance(31_000);
    expect(line.events("osdp.exchanged")).toMatchObject([{ unit: "door", serial, before: 4711 }]);
    expect(line.unitKeys).toEqual(["door", "other"]);
    expect(line.device.troubles).toMatchObject([{ unit: "door", code: null }]);
    expect(line.device.troubles?.[0]?.message).toContain("another reader than before");
  });
});

describe("a session", () => {
  beforeEach(async () => {
    line.simulator.add({ address: 5, key: bytes(KEY), wantsSecurity: true });
    await line.open(config({ key: KEY }));
  });

  const typed = async (keys: string) => {
    const heard = line.listen();
    reader().pressKeys(`${keys}#`);
    await line.clock.advance(3_000);
    return heard;
  };

  test("keys in clear inside a session are never taken: whoever sends them is not the reader", async () => {
    const heard = line.listen();
    reader().faults.forgedKeys = 3;
    await line.clock.advance(3_000);
    expect(heard).toEqual([]);
    expect(await typed("12")).toEqual(["12"]);
    expect(reader().handshakes).toBeGreaterThan(1);
  });

  test("an opening that is acknowledged in clear is not believed, and not done again", async () => {
    reader().faults.clearAcks = 1;
    expect((await line.failure(line.door().grant(5_000, calm()))).effect).toBe("unknown");
    await line.clock.advance(1_000);
    expect([reader().pulses.length, reader().handshakes]).toEqual([1, 2]);
  });

  test("a wrong MAC: nothing of it is taken, and the session is made anew at once", async () => {
    reader().faults.wrongMacs = 1;
    reader().pressKeys("99#");
    const heard = line.listen();
    // Not asked for again: a reader out of step says the same again.
    await line.clock.advance(300);
    expect(heard).toEqual([]);
    expect(reader().handshakes).toBe(2);
    expect(line.unitKeys).toEqual(["door"]);
    expect(await typed("12")).toEqual(["12"]);
  });

  test("a recorded answer that is played again is never taken", async () => {
    const heard = await typed("4711");
    reader().faults.replays = 6;
    await line.clock.advance(60_000);
    expect(heard).toEqual(["4711"]);
    expect(reader().faults.replays).toBe(0);
    expect(await typed("12")).toEqual(["12"]);
  });

  test("a copy of the last answer before the true one does not disturb", async () => {
    line.line.faults.repeatsPrevious = true;
    expect(await typed("4711")).toEqual(["4711"]);
    expect(reader().handshakes).toBe(1);
  });

  test("a session lost without a reason is made anew, unnoticed", async () => {
    reader().loseSession();
    await line.clock.advance(500);
    expect(reader().handshakes).toBe(2);
    expect(line.unitKeys).toEqual(["door"]);
    expect(line.events("osdp.problem")).toEqual([]);
    // It is the same reader, and is not asked again who it is.
    expect(reader().done.filter((code) => code === 0x61)).toHaveLength(1);
  });

  test("a key that is right no more is told at once, not when the reader counts as gone", async () => {
    reader().key = Buffer.from(bytes(OLD_KEY));
    reader().loseSession();
    await line.clock.advance(1_000);
    expect(line.events("osdp.problem")).toMatchObject([{ unit: "door", problem: "key" }]);
  });

  test("a reader that was switched off and on is secured again within a second", async () => {
    reader().restart();
    await line.clock.advance(1_000);
    expect(reader().handshakes).toBe(2);
    expect(await typed("12")).toEqual(["12"]);
  });

  test("after the gateway stood still for 9 s the session is dead, and made anew", async () => {
    await line.clock.leap(9_000);
    await line.clock.advance(1_000);
    expect(reader().handshakes).toBe(2);
    expect(await typed("12")).toEqual(["12"]);
  });

  test("status with the command's type and in clear behind its MAC, as libosdp 3.2.0 sends it", async () => {
    reader().faults.statusUnencrypted = true;
    reader().openCover();
    await line.clock.advance(500);
    expect(line.events("osdp.local_status")).toHaveLength(1);
    expect(reader().handshakes).toBe(1);
  });

  test("the type of encrypted data without any", async () => {
    reader().faults.emptyEncrypted = true;
    await line.clock.advance(500);
    expect(reader().handshakes).toBe(1);
    expect(await typed("12")).toEqual(["12"]);
  });

  test("a door is told to open over a session that just died: it opens once", async () => {
    reader().loseSession();
    await line.run(line.door().grant(5_000, calm()));
    expect(reader().pulses).toHaveLength(1);
  });

  test("a session that breaks before every command: refused, and surely not opened", async () => {
    // Its handshakes work, and what they made is gone at once.
    line.simulator.onSend(() => {
      if (reader().handshakes > 1) reader().loseSession();
    });
    reader().loseSession();
    const error = await line.failure(line.door().grant(5_000, calm()));
    expect([error.effect, reader().pulses]).toEqual(["none", []]);
  });

  test("a sign of life with a wrong MAC is asked for again", async () => {
    reader().faults.wrongMacs = 1;
    await line.run(line.device.ping(calm()));
    expect(reader().handshakes).toBe(2);
  });

  test("the answer to an opening has a wrong MAC: in doubt, and not opened again", async () => {
    reader().faults.wrongMacs = 1;
    const error = await line.failure(line.door().grant(5_000, calm()));
    expect(error.effect).toBe("unknown");
    await line.clock.advance(5_000);
    expect(reader().pulses).toHaveLength(1);
  });
});

describe("in clear", () => {
  beforeEach(() => {
    line.simulator.add({ address: 5 });
  });

  test("with permission a reader is spoken to in clear, without a challenge", async () => {
    await line.open(config({ secure: false }));
    const heard = line.listen();
    reader().pressKeys("12#");
    await line.clock.advance(500);
    await line.run(line.door().grant(1_000, calm()));
    expect([heard, reader().pulses.length, reader().done.includes(0x76)]).toEqual([["12"], 1, false]);
  });

  test("a reader that was switched off and on is spoken to from the beginning", async () => {
    await line.open(config({ secure: false }));
    const heard = line.listen();
    reader().restart();
    await line.clock.advance(1_000);
    reader().pressKeys("12#");
    await line.clock.advance(500);
    expect(heard).toEqual(["12"]);
  });

  test("a reader that wants security is not opened in clear", async () => {
    reader().wantsSecurity = true;
    expect(await line.failure(line.begin(config({ secure: false })))).toMatchObject({
      code: "device.wrong",
      message: expect.stringContaining("refuses to be spoken to in clear: take secure: false away") as string,
    });
    expect(reader().pulses).toEqual([]);
  });

  test("a reader that still has a session is spoken to from the beginning", async () => {
    reader().key = Buffer.from(bytes(KEY));
    await line.open(config({ key: KEY }));
    await line.clock.advance(500);
    await line.run(line.device.close());
    await line.open(config({ secure: false }));
    expect(line.unitKeys).toEqual(["door"]);
  });
});
