import { beforeEach, describe, expect, test } from "vitest";
import { fromHex } from "#src/lib/hex";
import { calm, KEY, OsdpLine } from "#test/support/osdp-line";

/** BUSY, every NAK, silence, and what the wire does to frames. */

let line: OsdpLine;
const reader = () => line.simulator.at(5);

beforeEach(async () => {
  line = new OsdpLine();
  line.simulator.add({ address: 5, key: fromHex(KEY), wantsSecurity: true });
  await line.open({ units: { door: { address: 5, key: KEY } } });
});

describe("a busy reader", () => {
  test("is asked again with the same bytes, and does it once", async () => {
    reader().faults.busyAnswers = 3;
    const before = line.sent.length;
    await line.run(line.door().grant(5_000, calm()));
    const [first, ...more] = line.sent.slice(before, before + 4);
    expect(new Set([first, ...more]).size).toBe(1);
    expect(reader().pulses).toHaveLength(1);
    expect(reader().handshakes).toBe(1);
  });

  test("that stays busy did nothing, and works again later", async () => {
    reader().faults.busyAnswers = 1_000;
    expect(await line.failure(line.door().grant(5_000, calm()))).toMatchObject({
      code: "device.busy",
      effect: "none",
    });
    reader().faults.busyAnswers = 0;
    await line.run(line.door().grant(5_000, calm()));
    expect([reader().pulses.length, reader().handshakes]).toEqual([1, 1]);
  });
});

test("a reader that is busy with its polls for longer keeps its session", async () => {
  reader().faults.busyAnswers = 50;
  await line.clock.advance(5_000);
  expect([reader().faults.busyAnswers, reader().handshakes]).toEqual([0, 1]);
});

describe("NAK", () => {
  const OUT = 0x68;
  const grant = () => line.door().grant(5_000, calm());
  /** In the last command? */
  const usesCrc = () => (parseInt(line.sent.at(-1)?.slice(10, 12) ?? "", 16) & 4) !== 0;

  test.each([
    [2, "wrong length"],
    [3, "does not know the command"],
    [7, "biometrics"],
    [8, "biometric format"],
    [9, "cannot do"],
    [0x80, "reason 128"],
  ])("%i: refused, nothing done, in words", async (error, words) => {
    reader().faults.refusals.push({ command: OUT, error });
    const failure = await line.failure(grant());
    expect(failure).toMatchObject({ code: "device.refused", effect: "none" });
    expect(failure.message).toContain(words);
    expect(reader().pulses).toEqual([]);
    expect(reader().handshakes).toBe(1);
  });

  test("1: once more without CRC, and for good", async () => {
    reader().faults.refusals.push({ command: OUT, error: 1 });
    await line.run(grant());
    expect(reader().pulses).toHaveLength(1);
    await line.clock.advance(500);
    expect(usesCrc()).toBe(false);
    reader().faults.refusals.push({ command: OUT, error: 1 });
    expect(await line.failure(grant())).toMatchObject({ code: "device.refused", effect: "none" });
  });

  test("1 to a poll: without CRC from then on, in the same session, and after an absence too", async () => {
    expect(usesCrc()).toBe(true);
    reader().faults.refusals.push({ command: 0x60, error: 1 });
    await line.clock.advance(1_000);
    expect([usesCrc(), reader().handshakes]).toEqual([false, 1]);
    reader().faults.isSilent = true;
    await line.clock.advance(20_000);
    reader().faults.isSilent = false;
    await line.clock.advance(31_000);
    expect([line.unitKeys, usesCrc()]).toEqual([["door"], false]);
  });

  test("1 to a challenge: a new one without CRC, at number 0", async () => {
    reader().faults.refusals.push({ command: 0x76, error: 1 });
    reader().loseSession();
    await line.clock.advance(500);
    expect([usesCrc(), reader().handshakes]).toEqual([false, 2]);
  });

  test.each([4, 6])("%i: surely not done, so it is done after beginning anew", async (error) => {
    reader().faults.refusals.push({ command: OUT, error });
    await line.run(grant());
    expect(reader().pulses).toHaveLength(1);
    expect(reader().handshakes).toBe(2);
    reader().faults.refusals.push({ command: OUT, error }, { command: OUT, error });
    expect(await line.failure(grant())).toMatchObject({ code: "device.refused", effect: "none" });
  });

  test.each([4, 5, 6, 9])("%i to a poll: the session is made anew", async (error) => {
    reader().faults.refusals.push({ command: 0x60, error });
    await line.clock.advance(1_000);
    expect(reader().handshakes).toBe(2);
    expect(line.unitKeys).toEqual(["door"]);
  });

  test.each([5, 6])("%i to a challenge is asked again, and heals", async (error) => {
    reader().faults.refusals.push({ command: 0x76, error });
    reader().loseSession();
    await line.clock.advance(11_000);
    expect(reader().handshakes).toBe(2);
    expect(line.unitKeys).toEqual(["door"]);
  });
});

describe("sequence numbers", () => {
  test("an answer under a wrong number is none; the true one is asked for again", async () => {
    const heard = line.listen();
    reader().faults.wrongSequences = 1;
    reader().pressKeys("12#");
    await line.clock.advance(2_000);
    expect(heard).toEqual(["12"]);
  });

  test("a lost answer is asked for with the same bytes, and the door opens once", async () => {
    reader().faults.wrongChecks = 1;
    const before = line.sent.length;
    await line.run(line.door().grant(5_000, calm()));
    expect(line.sent[before + 1]).toBe(line.sent[before]);
    expect(reader().pulses).toHaveLength(1);
  });

  test("a reader that cannot repeat its answer: begun anew, at 0, and in doubt what it did", async () => {
    reader().faults.cannotRepeat = true;
    reader().faults.wrongChecks = 1;
    const error = await line.failure(line.door().grant(5_000, calm()));
    expect(error).toMatchObject({ code: "device.silent", effect: "unknown" });
    // No other command under the number that is in doubt.
    const next = line.sent.length;
    await line.clock.advance(1_000);
    expect(parseInt(line.sent[next]?.slice(10, 12) ?? "", 16) & 3).toBe(0);
    expect(reader().handshakes).toBe(2);
    expect(reader().pulses).toHaveLength(1);
  });

  test("every new handshake begins at 0", async () => {
    for (let turn = 0; turn < 5; turn++) {
      reader().loseSession();
      await line.clock.advance(777);
    }
    const challenges = line.sent.filter((hex) => /^ff53051300..0311/.test(hex));
    expect(challenges.length).toBeGreaterThanOrEqual(6);
    for (const hex of challenges) expect(parseInt(hex.slice(10, 12), 16) & 3).toBe(0);
  });
});

describe("the wire", () => {
  test("half an answer, then nothing: asked again, and the half is not kept", async () => {
    const heard = line.listen();
    reader().pressKeys("12#");
    line.line.cutAt({ side: "to_host", afterBytes: 1_000_000, how: "swallowed" });
    line.simulator.say(Buffer.from("ff5385a00005", "hex"));
    await line.clock.advance(2_000);
    expect(heard).toEqual(["12"]);
  });

  test("noise that looks like the beginning of a long answer costs no key", async () => {
    const heard = line.listen();
    line.line.faults.noise = Buffer.from("5385a00505", "hex");
    reader().pressKeys("12#");
    const before = line.sent.length;
    await line.clock.advance(2_000);
    expect(heard).toEqual(["12"]);
    // The answer was found behind the noise, and not asked for again.
    const sent = line.sent.slice(before);
    expect(sent.filter((hex, index) => hex === sent[index - 1])).toEqual([]);
    expect(reader().handshakes).toBe(1);
  });

  test("nine keys over a wire that spoils three answers a second: each once, in order", async () => {
    const heard = line.listen();
    reader().pressKeys("123456789#", 1);
    for (let turn = 0; turn < 60; turn++) {
      reader().faults.wrongChecks = 1;
      await line.clock.advance(300);
    }
    expect(heard).toEqual(["123456789"]);
  });
});
