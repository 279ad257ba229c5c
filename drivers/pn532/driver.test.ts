import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type CardSeen,
  type CardWriter,
  type ClassicKey,
  type Device,
  DriverError,
  type NtagPassword,
  type ReadPlan,
  type WritePlan,
} from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { type LineOnPty, lineOnPty } from "#test/support/line-on-pty";
import driver from "./index.js";
import { Pn532Simulator } from "./simulator.js";

/** The whole way: the driver, a real serial port, the kernel's line, and the simulated chip at its far end. */

const secret = (hex: string) => new Secret(fromHex(hex));
const KEY_A = "a0a1a2a3a4a5";
const KEY_B = "b0b1b2b3b4b5";
const transport: ClassicKey = { name: "transport", slot: "A", key: secret("ffffffffffff") };
const oursA: ClassicKey = { name: "ours-A", slot: "A", key: secret(KEY_A) };
const oursB: ClassicKey = { name: "ours-B", slot: "B", key: secret(KEY_B) };
const ours: NtagPassword = { name: "ours", pwd: secret("490f93db"), pack: secret("8992") };
const theirs: NtagPassword = { name: "theirs", pwd: secret("11223344"), pack: secret("5566") };

const RECORD = [
  "4f4301010badcafe1122334455667788",
  "000701086b02f5606b06bfb000650000",
  "00031a0000ca0a7377222006439c5d23",
];
const ZERO = "00".repeat(16);
const ISSUED = `${KEY_A}78778869${KEY_B}`;
const DELIVERED = "ffffffffffffff078069ffffffffffff";

const block = (number: number, hex: string, key: ClassicKey) => ({ block: number, data: secret(hex), key });
const page = (number: number, hex: string) => ({ do: "write" as const, page: number, data: secret(hex) });

const family = {
  classic: {
    put: () => new MifareClassicCard({ uid: fromHex("deadbeef") }),
    other: () => new MifareClassicCard({ uid: fromHex("cafebabe") }),
    /** Select, authenticate. */
    commandsBeforeWrite: 2,
    encode: {
      container: "classic",
      sector: 1,
      steps: [...RECORD.map((hex, i) => block(4 + i, hex, transport)), block(7, ISSUED, transport)],
    },
    erase: {
      container: "classic",
      sector: 1,
      steps: [
        block(6, ZERO, oursB),
        block(5, ZERO, oursB),
        block(4, ZERO, oursB),
        block(7, DELIVERED, oursB),
      ],
    },
    read: { container: "classic", sector: 1, blocks: [4, 5, 6, 7], keys: [oursB, oursA, transport] },
  },
  ntag: {
    put: () => new NtagCard({ uid: fromHex("04a1b2c3d4e5f6") }),
    other: () => new NtagCard({ uid: fromHex("04ffffffffffff") }),
    /** Select. */
    commandsBeforeWrite: 1,
    encode: {
      container: "ntag",
      steps: [
        ...RECORD.flatMap((hex, i) =>
          [0, 1, 2, 3].map((j) => page(4 + i * 4 + j, hex.slice(j * 8, j * 8 + 8))),
        ),
        page(0x2b, "490f93db"),
        page(0x2c, "89920000"),
        page(0x2a, "80050000"),
        page(0x29, "04000004"),
        { do: "reselect" },
        { do: "authenticate", password: ours },
      ],
    },
    erase: {
      container: "ntag",
      steps: [
        { do: "authenticate", password: ours },
        ...Array.from({ length: 12 }, (_, i) => page(15 - i, "00000000")),
        page(0x29, "040000ff"),
        page(0x2a, "00050000"),
        page(0x2b, "ffffffff"),
        page(0x2c, "00000000"),
      ],
    },
    read: {
      container: "ntag",
      ranges: [
        { first: 2, last: 2 },
        { first: 4, last: 15 },
        { first: 0x28, last: 0x2a },
      ],
      passwords: [theirs, ours],
    },
  },
} as const satisfies Record<string, Family>;

interface Family {
  readonly put: () => MifareClassicCard | NtagCard;
  readonly other: () => MifareClassicCard | NtagCard;
  /** Commands before the first write command. */
  readonly commandsBeforeWrite: number;
  readonly encode: WritePlan;
  readonly erase: WritePlan;
  readonly read: ReadPlan;
}

const families: readonly (readonly [string, Family])[] = Object.entries(family);

/** Knows the timers that are running. */
class WatchedClock implements Clock {
  readonly running = new Set<object>();
  now = () => realClock.now();
  monotonic = () => realClock.monotonic();
  startTimer(ms: number, fire: () => void): () => void {
    const timer = {};
    this.running.add(timer);
    const cancel = realClock.startTimer(ms, () => {
      this.running.delete(timer);
      fire();
    });
    return () => {
      this.running.delete(timer);
      cancel();
    };
  }
}

let port: LineOnPty;
let simulator: Pn532Simulator;
let clock: WatchedClock;
let device: Device;
let writer: CardWriter;

const calm = () => ({ signal: new AbortController().signal });
const openDevice = () =>
  driver.open({}, { line: port.line, clock, log: { debug: () => undefined, warn: () => undefined } }, calm());

beforeEach(async () => {
  simulator = new Pn532Simulator();
  port = await lineOnPty(simulator, driver);
  clock = new WatchedClock();
  device = await openDevice();
  const { cardWriter } = device.units[0] ?? {};
  if (cardWriter === undefined) throw new Error("the device has no card writer");
  writer = cardWriter;
});

afterEach(async () => {
  await device.close();
  await device.close();
  expect(clock.running.size).toBe(0);
  await port.close();
});

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable("must fail"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(DriverError);
      return error as DriverError;
    },
  );

/** What was read, in hex. */
async function shown(card: CardSeen, plan: ReadPlan) {
  const read = await writer.read(card, plan, calm());
  const cells =
    read.container === "classic"
      ? [...read.blocks.values()]
      : read.container === "ntag"
        ? [...read.pages.values()]
        : [read.file?.data ?? new Uint8Array()];
  return { opened: read.opened, hex: cells.map(toHex).join("") };
}

const memoryOf = (card: MifareClassicCard | NtagCard) => toHex(card.memory);

test("says what it is", async () => {
  expect(device.identity).toEqual({ model: "NXP PN532", firmware: "1.6" });
  expect(device.units.map(({ key }) => key)).toEqual(["main"]);
  await device.ping(calm());
});

describe.each(families)("%s", (_, { put, other, commandsBeforeWrite, encode, erase, read }) => {
  test("encodes, reads back, erases, and leaves nothing behind", async () => {
    const blank = put();
    simulator.putCard(blank);
    const before = memoryOf(blank);
    const card = await writer.present(calm());
    const first = await shown(card, read);
    expect(["transport", "free"]).toContain(first.opened);
    await writer.write(card, encode, calm());
    const second = await shown(card, read);
    expect(["ours-B", "ours"]).toContain(second.opened);
    expect(second.hex).toContain(RECORD.join(""));
    await writer.write(card, erase, calm());
    // An NTAG is delivered with an empty NDEF message; erasing leaves zeros in its place.
    expect(memoryOf(blank).replace("0300fe00", "00000000")).toBe(before.replace("0300fe00", "00000000"));
    expect((await shown(card, read)).opened).toBe(first.opened);
    await writer.release();
  });

  test.each(["bytes", "glued", "frames"] as const)(
    "changes nothing in how it reads when the line sends %s",
    async (chunking) => {
      simulator.faults.chunking = chunking;
      simulator.faults.noise = fromHex("00ff55ff0012");
      simulator.putCard(put());
      const card = await writer.present(calm());
      await writer.write(card, encode, calm());
      expect((await shown(card, read)).hex).toContain(RECORD.join(""));
    },
  );

  test("a card that leaves at any command of a write is card.absent, and unknown from the first write on", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    for (const when of ["before", "after"] as const) {
      for (let n = 1, isThrough = false; !isThrough; n++) {
        simulator.takeCard();
        const victim = put();
        simulator.putCard(victim);
        const untouched = memoryOf(victim);
        simulator.faults.cardsLeave = { atCommand: simulator.commands + n, when };
        const outcome = await writer.write(card, encode, calm()).catch((error: unknown) => error);
        isThrough = outcome === undefined;
        if (isThrough) expect(n).toBeGreaterThanOrEqual(encode.steps.length);
        else {
          const reached = when === "before" ? n : n + 1;
          const effect = reached <= commandsBeforeWrite ? "none" : "unknown";
          expect({ n, outcome }).toMatchObject({ n, outcome: { code: "card.absent", effect } });
          if (effect === "none") expect(memoryOf(victim)).toBe(untouched);
        }
        simulator.faults.cardsLeave = null;
      }
    }
  });

  test("a card that leaves at any command of a read is card.absent, without effect", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    for (let n = 1, isThrough = false; !isThrough; n++) {
      simulator.takeCard();
      simulator.putCard(put());
      simulator.faults.cardsLeave = { atCommand: simulator.commands + n, when: "before" };
      const outcome = await writer.read(card, read, calm()).catch((error: unknown) => error);
      isThrough = !(outcome instanceof DriverError);
      if (!isThrough)
        expect({ n, outcome }).toMatchObject({ n, outcome: { code: "card.absent", effect: "none" } });
      else expect(n).toBeGreaterThan(3);
      simulator.faults.cardsLeave = null;
    }
  });

  test("another card than the one that was seen is neither read nor written", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    simulator.takeCard();
    const stranger = other();
    simulator.putCard(stranger);
    const untouched = memoryOf(stranger);
    const swapped = { code: "card.swapped", effect: "none" };
    expect(await failure(writer.read(card, read, calm()))).toMatchObject(swapped);
    expect(await failure(writer.write(card, encode, calm()))).toMatchObject(swapped);
    expect(memoryOf(stranger)).toBe(untouched);
  });

  test("writes the card that was seen though another lies beside it", async () => {
    const mine = put();
    simulator.putCard(mine);
    const card = await writer.present(calm());
    const stranger = other();
    const untouched = memoryOf(stranger);
    simulator.putCard(stranger);
    await writer.write(card, encode, calm());
    expect((await shown(card, read)).hex).toContain(RECORD.join(""));
    expect(memoryOf(stranger)).toBe(untouched);
  });

  test("two cards are card.several, one is enough again", async () => {
    simulator.putCard(put());
    simulator.putCard(other());
    expect(await failure(writer.present(calm()))).toMatchObject({ code: "card.several", effect: "none" });
    simulator.takeCard();
    const alone = put();
    simulator.putCard(alone);
    expect((await writer.present(calm())).uid).toBe(toHex(alone.uid));
  });

  test("one disturbance on the air is tried again, at every command", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    for (let n = 1; n <= encode.steps.length + 2; n++) {
      simulator.takeCard();
      const victim = put();
      simulator.putCard(victim);
      simulator.faults.statusOf = { [simulator.commands + n]: 0x02 };
      await writer.write(card, encode, calm());
      simulator.faults.statusOf = {};
      expect(memoryOf(victim)).toContain(RECORD[0]);
    }
    simulator.takeCard();
    simulator.putCard(put());
    for (let n = 1; n <= 8; n++) {
      simulator.faults.statusOf = { [simulator.commands + n]: 0x05 };
      expect(["transport", "free"]).toContain((await shown(card, read)).opened);
    }
  });

  test("a chip in trouble, or a lasting disturbance, is said as what it is", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    const always = (status: number) =>
      Object.fromEntries(Array.from({ length: 40 }, (_, n) => [simulator.commands + n, status]));
    simulator.faults.statusOf = always(0x0d);
    expect(await failure(writer.read(card, read, calm()))).toMatchObject({
      code: "device.refused",
      effect: "none",
    });
    simulator.faults.statusOf = always(0x02);
    expect(await failure(writer.read(card, read, calm()))).toMatchObject({
      code: "card.absent",
      effect: "none",
    });
    simulator.faults.statusOf = always(0x02);
    const write = await failure(writer.write(card, encode, calm()));
    expect(write).toMatchObject({ code: "card.absent" });
  });

  test("a card that fell asleep is found again after the field was off", async () => {
    simulator.faults.isDeafToHalted = true;
    const sleepy = put();
    simulator.putCard(sleepy);
    const card = await writer.present(calm());
    sleepy.halt();
    expect((await shown(card, read)).opened).not.toBeNull();
    sleepy.halt();
    expect(await writer.present(calm())).toEqual(card);
  });

  test("a damaged frame at any place of a write costs nothing", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    const victim = put();
    simulator.takeCard();
    simulator.putCard(victim);
    // Two frames a command so far. One byte of the next answers turns over, and of what is said instead.
    const from = simulator.commands * 2;
    simulator.faults.garble = [2, 4, 6, 8].map((n) => ({ frame: from + n, byte: 7, xor: 0x01 }));
    const counted = { frames: 0, commands: -simulator.commands };
    const stop = simulator.onSend(() => counted.frames++);
    await writer.write(card, encode, calm());
    stop();
    counted.commands += simulator.commands;
    expect(counted.frames).toBeGreaterThan(2 * counted.commands);
    expect(memoryOf(victim)).toContain(RECORD[0]);
  });

  test("cancelled before, nothing happens; cancelled midway, the device still works", async () => {
    simulator.putCard(put());
    const card = await writer.present(calm());
    const before = simulator.commands;
    const stopped = { signal: AbortSignal.abort() };
    for (const call of [
      writer.present(stopped),
      writer.read(card, read, stopped),
      writer.write(card, encode, stopped),
    ]) {
      expect(await failure(call)).toMatchObject({ code: "call.cancelled", effect: "none" });
    }
    expect(simulator.commands).toBe(before);

    await shown(card, read);
    const operator = new AbortController();
    simulator.faults.unanswered = [simulator.commands + commandsBeforeWrite + 1];
    const writing = failure(writer.write(card, encode, { signal: operator.signal }));
    await vi.waitFor(() => expect(simulator.cardWrites).toBe(1), { interval: 2 });
    operator.abort();
    expect(await writing).toMatchObject({ code: "call.cancelled", effect: "unknown" });
    await writer.write(card, encode, calm());
    expect((await shown(card, read)).hex).toContain(RECORD.join(""));
  });
});

describe("waiting for a card", () => {
  test("sees one that comes later, and one that came and went while it was looked at", async () => {
    const waiting = writer.present(calm());
    await vi.waitFor(() => expect(simulator.commands).toBeGreaterThan(8), { interval: 5 });
    simulator.faults.cardsLeave = { atCommand: simulator.commands + 2, when: "before" };
    simulator.putCard(family.ntag.put());
    await vi.waitFor(() => expect(simulator.commands).toBeGreaterThan(12), { interval: 5 });
    simulator.faults.cardsLeave = null;
    simulator.takeCard();
    simulator.putCard(family.classic.put());
    expect(await waiting).toEqual({ uid: "deadbeef", technology: "mifare_classic_1k" });
  });

  test("ends when it is cancelled, and the next wait works", async () => {
    const operator = new AbortController();
    const waiting = failure(writer.present({ signal: operator.signal }));
    await vi.waitFor(() => expect(simulator.commands).toBeGreaterThan(8), { interval: 5 });
    operator.abort();
    expect((await waiting).code).toBe("call.cancelled");
    simulator.putCard(family.classic.put());
    expect((await writer.present(calm())).uid).toBe("deadbeef");
  });

  test.each([
    ["mifare_classic_4k", new MifareClassicCard({ uid: fromHex("01020304"), size: "4k" })],
    ["mifare_classic_1k", new MifareClassicCard({ uid: fromHex("04112233445566") })],
    ["ntag215", new NtagCard({ uid: fromHex("04a1b2c3d4e5f6"), kind: "ntag215" })],
    ["ntag216", new NtagCard({ uid: fromHex("04a1b2c3d4e5f6"), kind: "ntag216" })],
  ])("knows a %s", async (technology, card) => {
    simulator.putCard(card);
    expect(await writer.present(calm())).toEqual({ uid: toHex(card.uid), technology });
  });

  test.each([
    ["ISO/IEC 14443-4", 0x20, fromHex("067577810280")],
    ["Ultralight that knows no version", 0x00, undefined],
  ])("calls a card of %s unknown, and neither reads nor writes it", async (_, sak, ats) => {
    const silent = {
      select: () => true,
      transceive: () => "refused" as const,
      halt: () => {},
      reset: () => {},
    };
    const odd = { ...silent, uid: fromHex("04112233445566"), atqa: fromHex("0344"), sak };
    simulator.putCard(ats === undefined ? odd : { ...odd, ats });
    const card = await writer.present(calm());
    expect(card).toEqual({ uid: "04112233445566", technology: "unknown" });
    const wrong = { code: "card.unwritable", effect: "none" };
    expect(await failure(writer.read(card, family.ntag.read, calm()))).toMatchObject(wrong);
    expect(await failure(writer.write(card, family.classic.encode, calm()))).toMatchObject(wrong);
  });
});

describe("keys", () => {
  test("a sector that no key opens is an answer when read, and card.unwritable when written", async () => {
    const foreign = family.classic.put();
    foreign.memory.set(fromHex(`111111111111ff078069222222222222`), 7 * 16);
    simulator.putCard(foreign);
    const card = await writer.present(calm());
    expect(await shown(card, family.classic.read)).toEqual({ opened: null, hex: "" });
    expect(await failure(writer.write(card, family.classic.encode, calm()))).toMatchObject({
      code: "card.unwritable",
      effect: "none",
    });
  });

  test("a key that opens the sector but may not read it is not the key", async () => {
    const locked = family.classic.put();
    // Data blocks 011: only key B reads.
    locked.memory.set(fromHex(`${KEY_A}0f00ff69${KEY_B}`), 7 * 16);
    simulator.putCard(locked);
    const card = await writer.present(calm());
    const plan = { ...family.classic.read, keys: [oursA, oursB] };
    expect((await shown(card, plan)).opened).toBe("ours-B");
  });

  test("a block that may not be written is card.unwritable, and the steps after it are not done", async () => {
    const locked = family.classic.put();
    locked.memory.set(fromHex(`ffffffffffff78778869${KEY_B}`), 7 * 16);
    simulator.putCard(locked);
    const card = await writer.present(calm());
    const error = await failure(writer.write(card, family.classic.encode, calm()));
    expect(error).toMatchObject({ code: "card.unwritable", effect: "unknown" });
    expect(simulator.cardWrites).toBe(0);
  });

  test("a password with another acknowledge is not taken", async () => {
    simulator.putCard(family.ntag.put());
    const card = await writer.present(calm());
    await writer.write(card, family.ntag.encode, calm());
    const fake = { ...ours, pack: secret("0000") };
    expect((await shown(card, { ...family.ntag.read, passwords: [fake] })).opened).toBeNull();
    const steps = [{ do: "authenticate", password: fake } as const];
    expect(await failure(writer.write(card, { container: "ntag", steps }, calm()))).toMatchObject({
      code: "card.unwritable",
      effect: "none",
    });
  });

  test("a card that counts wrong passwords is left alone", async () => {
    const foreign = family.ntag.put();
    // AUTH0 = 4, writing only, three tries.
    foreign.memory.set(fromHex("0400000403050000"), 0x29 * 4);
    simulator.putCard(foreign);
    const card = await writer.present(calm());
    for (let tries = 0; tries < 4; tries++) expect((await shown(card, family.ntag.read)).opened).toBeNull();
    foreign.select(true);
    expect(foreign.transceive(fromHex("1bffffffff"))).toEqual(fromHex("0000"));
  });
});

describe("the end", () => {
  test("an unplug in the middle of a write is device.lost and unknown", async () => {
    simulator.putCard(family.classic.put());
    const card = await writer.present(calm());
    simulator.faults.unanswered = [simulator.commands + 4];
    const writing = failure(writer.write(card, family.classic.encode, calm()));
    await vi.waitFor(() => expect(simulator.cardWrites).toBe(2), { interval: 2 });
    await port.unplug();
    const error = await writing;
    expect(["device.lost", "device.silent"]).toContain(error.code);
    expect(error.effect).toBe("unknown");
  });

  test("close during a call ends it with device.lost", async () => {
    const waiting = failure(writer.present(calm()));
    await vi.waitFor(() => expect(simulator.commands).toBeGreaterThan(8), { interval: 5 });
    await device.close();
    expect((await waiting).code).toBe("device.lost");
    await writer.release();
  });

  test("a chip that was left in any state is opened again", async () => {
    await device.close();
    device = await openDevice();
    await device.ping(calm());
  });
});
