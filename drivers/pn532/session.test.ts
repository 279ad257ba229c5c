import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Attempt, DriverError } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import { COMMAND } from "./protocol.js";
import { Session } from "./session.js";

/** A chip that answers by script: what it says to the n-th frame that reaches it. */
class ScriptedChip {
  readonly heard: string[] = [];
  /** Hex for each frame, in order; the last one for all that follow. */
  script: string[];
  #say: (bytes: Uint8Array) => void = () => undefined;

  constructor(script: string[]) {
    this.script = script;
  }

  receive(bytes: Uint8Array): void {
    this.heard.push(toHex(bytes));
    const said = this.script.length > 1 ? this.script.shift() : this.script[0];
    this.say(said ?? "");
  }

  say(hex: string): void {
    if (hex !== "") this.#say(fromHex(hex));
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#say = listener;
    return () => (this.#say = () => undefined);
  }
}

const ACK = "0000ff00ff00";
const NACK = "0000ffff0000";
const WAKE_UP = "55550000000000000000000000000000";
const SAM = "0000ff03fdd414011700";
const SAM_DONE = "0000ff02fed5151600";
const FIRMWARE = "0000ff02fed4022a00";
const FIRMWARE_IS = "0000ff06fad50332010607e800";
const OTHER_CHIP = "0000ff06fad50333010607e700";
const CONFIGURED = "0000ff02fed533f800";
const FIELD_OFF = "0000ff04fcd4320100f900";
const SET = "0000ff02fed5131800";
const SYNTAX_ERROR = "0000ff01ff7f8100";
/** Diagnose with the first echo number, and its answer. */
const ECHO_1 = "0000ff07f9d40000000000012b00";
const ECHO_1_IS = "0000ff07f9d50100000000012900";

let clock: VirtualClock;
let session: Session;
let attempt: Attempt;
let line: MemoryLine;

function talkTo(chip: ScriptedChip): Session {
  line = new MemoryLine(chip);
  const log = { debug: () => undefined, warn: () => undefined };
  session = new Session({ line, clock, log });
  return session;
}

beforeEach(() => {
  clock = new VirtualClock();
  attempt = new Attempt(new AbortController().signal);
});
afterEach(async () => {
  await session.close();
  expect(clock.pending).toBe(0);
  expect(line.listenerCount).toBe(0);
});

const run = <T>(work: Promise<T>) => clock.until(work, { msMax: 10_000 });
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable("must fail"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(DriverError);
      return error as DriverError;
    },
  );
const failure = (work: Promise<unknown>) => run(errorOf(work));
const askFirmware = () => session.firmware(attempt);

describe("start", () => {
  const STARTED = [ACK + SAM_DONE, ACK + FIRMWARE_IS, ACK + SET, ACK + CONFIGURED];

  test("wakes the chip, asks what it is, sets it up and leaves the field off", async () => {
    const chip = new ScriptedChip([...STARTED]);
    expect(await run(talkTo(chip).start(attempt))).toEqual({ ic: 0x32, version: 1, revision: 6 });
    expect(chip.heard).toEqual([
      WAKE_UP + SAM,
      FIRMWARE,
      "0000ff03fdd412140600",
      "0000ff06fad43205ff0102f300",
      "0000ff06fad43202000b0ae300",
      FIELD_OFF,
    ]);
  });

  test("waits 1.5 s for the first acknowledgement, then wakes the chip again, and makes sure of it", async () => {
    const chip = new ScriptedChip(["", "", ACK + SAM_DONE, ACK + ECHO_1_IS, ...STARTED.slice(1)]);
    const began = clock.monotonic();
    await run(talkTo(chip).start(attempt));
    expect(chip.heard.slice(0, 4)).toEqual([WAKE_UP + SAM, WAKE_UP + SAM, WAKE_UP + SAM, ECHO_1]);
    expect(clock.monotonic() - began).toBe(1_500 + 200 + 10);
  });

  test("gives a silent port up after four tries", async () => {
    const chip = new ScriptedChip([""]);
    expect(await failure(talkTo(chip).start(attempt))).toMatchObject({
      code: "device.silent",
      effect: "none",
    });
    expect(chip.heard).toEqual([WAKE_UP + SAM, WAKE_UP + SAM, WAKE_UP + SAM, WAKE_UP + SAM, ACK]);
    expect(clock.monotonic()).toBe(1_500 + 3 * 200);
  });

  test.each([
    ["says something else", ["48656c6c6f0d0a"]],
    ["repeats what it hears", [WAKE_UP + SAM]],
    ["is another chip", [ACK + SAM_DONE, ACK + OTHER_CHIP]],
  ])("a device that %s is device.wrong", async (_, script) => {
    expect(await failure(talkTo(new ScriptedChip(script)).start(attempt))).toMatchObject({
      code: "device.wrong",
    });
  });
});

describe("a command", () => {
  test("that is not acknowledged is sent at most four times, and then stopped", async () => {
    const chip = new ScriptedChip([""]);
    talkTo(chip);
    // Not the first bytes any more, so the patience for those is over.
    chip.say(SAM_DONE);
    await clock.advance(0);
    expect(await failure(askFirmware())).toMatchObject({ code: "device.silent", effect: "none" });
    expect(chip.heard).toEqual([FIRMWARE, FIRMWARE, FIRMWARE, FIRMWARE, ACK]);
    expect(clock.monotonic()).toBe(4 * 200);
  });

  test("that is acknowledged and not answered is stopped and not sent again", async () => {
    const chip = new ScriptedChip([ACK]);
    talkTo(chip);
    expect(await failure(askFirmware())).toMatchObject({ code: "device.silent" });
    expect(chip.heard).toEqual([FIRMWARE, ACK]);
  });

  test.each([
    ["a wrong checksum", "0000ff06fad50332010607e900"],
    ["a wrong length", "0000ff07fad50332010607e800"],
    ["an end that is missing", "0000ff06fad50332"],
  ])("whose answer has %s is asked to be repeated, and not done again", async (_, damaged) => {
    const chip = new ScriptedChip([ACK + damaged, FIRMWARE_IS]);
    talkTo(chip);
    expect(await run(askFirmware())).toMatchObject({ ic: 0x32 });
    expect(chip.heard).toEqual([FIRMWARE, NACK]);
  });

  test("whose answers stay damaged is reply.malformed", async () => {
    const chip = new ScriptedChip([ACK + "0000ff06fad50332010607e900"]);
    talkTo(chip);
    expect(await failure(askFirmware())).toMatchObject({ code: "reply.malformed" });
    expect(chip.heard).toEqual([FIRMWARE, NACK, NACK, NACK, NACK, ACK]);
  });

  test("that the chip does not understand is device.refused", async () => {
    talkTo(new ScriptedChip([ACK + SYNTAX_ERROR]));
    expect(await failure(askFirmware())).toMatchObject({ code: "device.refused" });
  });

  test("gets no answer from an earlier one: first the chip must echo a fresh number", async () => {
    const chip = new ScriptedChip([ACK, ""]);
    talkTo(chip);
    await failure(askFirmware());
    // The late answer, then everything in order.
    chip.script = [FIRMWARE_IS.replace("0607e8", "0507e9") + ACK + ECHO_1_IS, ACK + FIRMWARE_IS];
    expect(await run(askFirmware())).toMatchObject({ revision: 6 });
    expect(chip.heard).toEqual([FIRMWARE, ACK, ECHO_1, FIRMWARE]);
  });

  test("tells unknown once it can have changed the card, and none before", async () => {
    const request = { code: COMMAND.inDataExchange, parameters: Uint8Array.of(1), changesCard: true };
    talkTo(new ScriptedChip([""]));
    const stopped = new Attempt(AbortSignal.abort());
    expect(await failure(session.ask(request, stopped))).toMatchObject({
      code: "call.cancelled",
      effect: "none",
    });
    expect(await failure(session.ask(request, attempt))).toMatchObject({
      code: "device.silent",
      effect: "unknown",
    });
  });
});

describe("ending", () => {
  test("a cancelled command is stopped at the chip", async () => {
    const operator = new AbortController();
    const chip = new ScriptedChip([ACK]);
    talkTo(chip);
    const asked = session.firmware(new Attempt(operator.signal));
    await clock.advance(0);
    operator.abort();
    expect(await failure(asked)).toMatchObject({ code: "call.cancelled", effect: "none" });
    expect(chip.heard).toEqual([FIRMWARE, ACK]);
  });

  test("calls at the same time wait for each other", async () => {
    const chip = new ScriptedChip([ACK + FIRMWARE_IS]);
    talkTo(chip);
    await run(Promise.all([askFirmware(), askFirmware(), askFirmware()]));
    expect(chip.heard).toEqual([FIRMWARE, FIRMWARE, FIRMWARE]);
  });

  test("close ends every call with device.lost and switches the field off", async () => {
    const chip = new ScriptedChip([ACK]);
    talkTo(chip);
    const calls = [askFirmware(), askFirmware(), session.pause(1_000, attempt)].map(errorOf);
    await clock.advance(0);
    await Promise.all([session.close(), session.close()]);
    for (const error of await Promise.all(calls)) expect(error.code).toBe("device.lost");
    await clock.advance(0);
    expect(chip.heard).toEqual([FIRMWARE, ACK + FIELD_OFF]);
    expect(await failure(askFirmware())).toMatchObject({ code: "device.lost" });
  });

  test("an unplug ends the call on the wire with device.lost", async () => {
    talkTo(new ScriptedChip([ACK]));
    const asked = errorOf(askFirmware());
    line.unplug();
    expect((await asked).code).toBe("device.lost");
  });
});
