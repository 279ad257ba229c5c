import { beforeEach, describe, expect, test } from "vitest";
import type { Device, LockEvent, OnDeviceKeypad, OnGatewayKeypad } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import driver from "./index.js";
import { ReferenceSimulator, SimulatedNtag } from "./simulator.js";

/**
 * What is this device's own: its events, its resends, its units. What every driver owes is in the conformance suite.
 */

const calm = { signal: new AbortController().signal };
let clock: VirtualClock;
let simulator: ReferenceSimulator;
let line: MemoryLine;

beforeEach(() => {
  clock = new VirtualClock();
  simulator = new ReferenceSimulator(clock);
  line = new MemoryLine(simulator);
});

const open = (config: Record<string, unknown> = {}): Promise<Device> => {
  const log = { debug: () => undefined, warn: () => undefined };
  return run(driver.open(driver.config.parse(config), { line, clock, log }, calm));
};

const run = <T>(work: Promise<T>) => clock.until(work, { msMax: 10_000 });
const failure = (work: Promise<unknown>) => run(work.catch((error: unknown) => error));

function lockOf(device: Device, key: string): OnDeviceKeypad {
  const keypad = device.units.find((unit) => unit.key === key)?.keypadLock;
  if (keypad?.codes !== "on_device") throw new Error(`${key} is no lock`);
  return keypad;
}

function doorOf(device: Device): OnGatewayKeypad {
  const keypad = device.units.find((unit) => unit.key === "door-1")?.keypadLock;
  if (keypad?.codes !== "on_gateway") throw new Error("door-1 is no door");
  return keypad;
}

test("lists the device's units with just what each can do", async () => {
  const { identity, units } = await open();
  expect(identity).toEqual({ model: "LBR-1", firmware: "1.4", serial: "LBR-000117" });
  expect(units.map(({ key, ...abilities }) => [key, ...Object.keys(abilities)])).toEqual([
    ["main", "cardWriter", "signals"],
    ["issuer", "keyIssuer", "signals"],
    ["reader", "cardReader"],
    ["lock-1", "keypadLock"],
    ["lock-2", "keypadLock"],
    ["door-1", "keypadLock"],
  ]);
  const lock = lockOf({ units } as Device, "lock-1");
  expect({ slots: lock.slots, lengths: lock.codeLengths }).toEqual({ slots: 30, lengths: [4, 5, 6, 7, 8] });
});

test.each([
  ["another model", {}, "LBR-2"],
  ["another serial number than the configured one", { serial_number: "LBR-000118" }, "LBR-1"],
])("refuses %s", async (_, config, model) => {
  simulator.faults.model = model;
  expect(await failure(open(config))).toMatchObject({ code: "device.wrong", effect: "none" });
});

test("configuration: unknown keys and times out of range are refused", () => {
  expect(driver.config.safeParse({ reply_timeout_ms: 99 }).success).toBe(false);
  expect(driver.config.safeParse({ baud: 9_600 }).success).toBe(false);
  expect(driver.config.safeParse({}).data).toEqual({ reply_timeout_ms: 200 });
});

describe("resends", () => {
  test("a lost answer is asked for again, and the device does the request once", async () => {
    const lock = lockOf(await open(), "lock-1");
    simulator.faults.garbledAnswers = 2;
    const before = clock.monotonic();
    await run(lock.writeSlot(1, new Secret("4711"), calm));
    expect(simulator.changes).toBe(1);
    expect(clock.monotonic() - before).toBe(400);
  });

  test("after two resends the device counts as silent, and the slot as in doubt", async () => {
    const lock = lockOf(await open(), "lock-1");
    simulator.faults.isSilent = true;
    const before = clock.monotonic();
    const error = await failure(lock.writeSlot(1, new Secret("4711"), calm));
    expect(error).toMatchObject({ code: "device.silent", effect: "unknown" });
    expect(clock.monotonic() - before).toBe(600);
    expect(simulator.changes).toBe(1);
  });

  test("noise that looks like the start of a long frame is given up, and the answer behind it is found", async () => {
    const device = await open();
    line.faults.noise = Uint8Array.of(0x7e, 0xf0);
    const [asked, before] = [simulator.done, clock.monotonic()];
    await run(device.ping(calm));
    expect(clock.monotonic() - before).toBe(200);
    expect(simulator.done - asked).toBe(1);
  });

  test("the reply time can be configured", async () => {
    const device = await open({ reply_timeout_ms: 1_000 });
    simulator.faults.isSilent = true;
    const before = clock.monotonic();
    await failure(device.ping(calm));
    expect(clock.monotonic() - before).toBe(3_000);
  });

  test("255 requests later the sequence numbers begin again", async () => {
    const device = await open();
    for (let n = 0; n < 300; n++) await run(device.ping(calm));
    expect(simulator.done).toBe(7 + 300);
  });
});

test("a busy device is told apart from one that refuses, and a second call from both", async () => {
  const device = await open();
  const lock = lockOf(device, "lock-1");
  simulator.faults.busyAnswers = 1;
  expect(await failure(lock.clearSlot(1, calm))).toMatchObject({ code: "device.busy", effect: "none" });
  await run(lock.writeSlot(1, new Secret("4711"), calm));
  const taken = await failure(lock.writeSlot(2, new Secret("4711"), calm));
  expect(taken).toMatchObject({ code: "device.refused", effect: "none" });
  const first = lock.readSlot(1, calm);
  expect(await failure(lock.readSlot(2, calm))).toMatchObject({ code: "device.busy", effect: "none" });
  expect(await run(first)).toMatchObject({ is: "code" });
});

describe("locks", () => {
  test("one shows its codes, the other withholds them", async () => {
    const device = await open();
    for (const key of ["lock-1", "lock-2"])
      await run(lockOf(device, key).writeSlot(30, new Secret("12345678"), calm));
    const shown = await run(lockOf(device, "lock-1").readSlot(30, calm));
    expect(shown.is === "code" && shown.code.reveal()).toBe("12345678");
    expect(await run(lockOf(device, "lock-2").readSlot(30, calm))).toEqual({ is: "withheld" });
  });

  test("tells what happens at it, and nothing of the other lock", async () => {
    const device = await open();
    const heard: LockEvent[] = [];
    const stop = lockOf(device, "lock-1").onEvent((event) => heard.push(event));
    await run(lockOf(device, "lock-1").writeSlot(7, new Secret("4711"), calm));
    simulator.useCode("lock-1", "4711");
    simulator.useCode("lock-1", "0000");
    simulator.useCode("lock-2", "4711");
    simulator.changeSlotAtLock("lock-1", 8, "1111");
    simulator.reportBattery("lock-1", 20);
    await run(lockOf(device, "lock-1").lock(calm));
    await run(lockOf(device, "lock-1").unlock(calm));
    expect(heard).toEqual([
      { type: "unlocked", method: "keycode", slot: 7 },
      { type: "denied" },
      { type: "slot.changed", slot: 8 },
      { type: "battery", level: 0.2 },
      { type: "locked", method: "remote", slot: null },
      { type: "unlocked", method: "remote", slot: null },
    ]);
    stop();
    simulator.useCode("lock-1", "4711");
    await run(device.ping(calm));
    expect(heard).toHaveLength(6);
  });
});

test("the door reports keys and cards, and opens when it is told", async () => {
  const device = await open();
  const heard: string[] = [];
  doorOf(device).onInput((input) =>
    heard.push(
      input.type === "keys" ? input.keys.reveal() : `${toHex(input.card.bits)}/${input.card.bitCount}`,
    ),
  );
  simulator.pressKeys("door-1", "2468");
  simulator.holdCard("door-1", Uint8Array.of(0x80, 0xa1, 0xb2, 0xc0), 26);
  simulator.holdCard("reader", Uint8Array.of(0xff), 8);
  await run(doorOf(device).grant(5_000, calm));
  expect(heard).toEqual(["2468", "80a1b2c0/26"]);
  expect(simulator.lastGrantMs).toBe(5_000);
  await run(doorOf(device).deny("unknown code", calm));
});

test("the reader reports its own cards only", async () => {
  const { units } = await open();
  const heard: number[] = [];
  units.find(({ key }) => key === "reader")?.cardReader?.onCard(({ bitCount }) => heard.push(bitCount));
  simulator.holdCard("reader", Uint8Array.of(0xff, 0x80), 9);
  simulator.holdCard("door-1", Uint8Array.of(0xff), 8);
  await clock.advance(0);
  expect(heard).toEqual([9]);
});

test("the lamp shows what it is told", async () => {
  const { units } = await open();
  await run(units.find(({ key }) => key === "main")?.signals?.show("failed", calm) ?? Promise.resolve());
  expect(simulator.lamps.get("main")).toBe(3);
});

test("a card that leaves while it is written is absent, and in doubt", async () => {
  const { units } = await open();
  const writer = units.find(({ key }) => key === "main")?.cardWriter;
  simulator.antenna.push(new SimulatedNtag("ntag215", Buffer.from("04112233445566", "hex")));
  simulator.faults.tearAfterWrites = 1;
  const card = await run(writer!.present(calm));
  const page = (number: number) => ({
    do: "write" as const,
    page: number,
    data: new Secret(new Uint8Array(4)),
  });
  const error = await failure(
    writer!.write(card, { container: "ntag", steps: [page(4), page(5), page(6)] }, calm),
  );
  expect(error).toMatchObject({ code: "card.absent", effect: "unknown" });
  expect(simulator.changes).toBe(2);
});

test("a key issuer's torn card is in doubt, and a cancelled card is no longer known", async () => {
  const { units } = await open();
  const issuer = units.find(({ key }) => key === "issuer")?.keyIssuer;
  const facts = {
    credentialId: "c",
    generation: 1,
    entrances: ["pool"],
    startsAt: null,
    endsAt: null,
    holder: null,
  };
  simulator.hopper.push(Buffer.from("04112233445566", "hex"));
  const issued = await run(issuer!.issue(facts, calm));
  await run(issuer!.cancel!(issued.cardNumber, calm));
  expect(await run(issuer!.read!(calm))).toBeNull();
  simulator.faults.tearAfterWrites = 0;
  expect(await failure(issuer!.issue(facts, calm))).toMatchObject({ code: "card.absent", effect: "unknown" });
});
