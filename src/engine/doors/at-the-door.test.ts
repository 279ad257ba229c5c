import { beforeEach, describe, expect, test, vi } from "vitest";
import { DriverError, type KeypadInput, type OnGatewayKeypad, type Unit } from "#driver-api";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { DoorRig } from "#test/support/door-rig";
import { KEYPAD_INVENTORY, LOCK } from "#test/support/keypad-rig";

/** What a door is told and what it tells, whatever it is made of: a keypad that does here as each test says. */

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const GATE = KEYPAD_INVENTORY.locks.find(({ id }) => id === LOCK.door)!; // it is there

class FakeDoor implements OnGatewayKeypad {
  readonly codes = "on_gateway";
  readonly told: string[] = [];
  /** What an order to the door does. */
  answer: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  #input: ((input: KeypadInput) => void) | null = null;
  #tamper: (() => void) | null = null;

  onInput(listener: (input: KeypadInput) => void) {
    this.#input = listener;
    return () => (this.#input = null);
  }

  onTamper(listener: () => void) {
    this.#tamper = listener;
    return () => (this.#tamper = null);
  }

  grant(ms: number, { signal }: { readonly signal: AbortSignal }) {
    this.told.push(`open ${ms}`);
    return this.answer(signal);
  }

  deny(reason: string, { signal }: { readonly signal: AbortSignal }) {
    this.told.push(`denied: ${reason}`);
    return this.answer(signal);
  }

  type(pin: string): void {
    this.#input?.({ type: "keys", keys: new Secret(pin) });
  }

  hold(hex: string): void {
    this.#input?.({ type: "card", card: { bits: fromHex(hex), bitCount: hex.length * 4 } });
  }

  tamper(): void {
    this.#tamper?.();
  }
}

let rig: DoorRig;
let door: FakeDoor;
let stop: () => void;

beforeEach(async () => {
  rig = await new DoorRig("pin_or_card").ready();
  rig.code(A, "4711");
  door = new FakeDoor();
  const unit: Unit = { key: "door-1", keypadLock: door };
  vi.spyOn(rig.devices, "use").mockImplementation((_key, _signal, work) => work(unit));
  stop = rig.engine.keypads.doors.listen(GATE, door);
});

const after = (ms = 0) => rig.clock.advance(ms);
const events = () => [rig.told("lock.unlocked"), rig.told("lock.access_denied")];

test("it opens for as long as it is configured, or shows why not", async () => {
  door.type("4711");
  door.type("1234");
  await after();
  expect(door.told).toEqual(["open 4000", "denied: Nobody has this code or card here."]);
});

test("a right PIN with no wrong one before it writes nothing down of the lock-out", async () => {
  const kept = vi.spyOn(rig.store.doors, "putLockout");
  door.type("4711");
  await after();
  expect([door.told, kept.mock.calls.length]).toEqual([["open 4000"], 0]);
});

describe("a door that fails", () => {
  test("to open is not told to have opened, and its error goes no further", async () => {
    door.answer = () => Promise.reject(new DriverError("device.silent", "unknown", "no answer"));
    door.type("4711");
    await after();
    expect([door.told, events()]).toEqual([["open 4000"], [0, 0]]);
    door.type("1234");
    await after();
    expect(events()).toEqual([0, 1]);
  });

  test("to answer is waited for three seconds, and then listened to again", async () => {
    door.answer = (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    for (let entry = 0; entry < 7; entry++) door.type("4711");
    await after(2_900);
    // More than four at once are not answered.
    expect([door.told.length, events()]).toEqual([4, [0, 0]]);
    await after(200);
    door.answer = () => Promise.resolve();
    door.type("4711");
    await after();
    expect([door.told.length, events()]).toEqual([5, [1, 0]]);
  });

  test("leaves no timer behind once it answered", async () => {
    const before = rig.clock.pending;
    door.type("4711");
    await after();
    expect(rig.clock.pending).toBe(before);
  });
});

test("what cannot be decided opens nothing, five times in a row too, and does not hurt the keypad", async () => {
  const broken = vi.spyOn(rig.store.keypads, "pinOf").mockImplementation(() => {
    throw new Error("the store is broken");
  });
  for (let entry = 0; entry < 5; entry++) door.type("4711");
  await after();
  expect([door.told, events()]).toEqual([[], [0, 0]]);
  broken.mockRestore();
  door.type("4711");
  await after();
  expect(door.told).toEqual(["open 4000"]);
});

test("an opened cover is told; nothing is once nobody listens", async () => {
  door.tamper();
  await after();
  expect(rig.told("device.tampered")).toBe(1);
  stop();
  door.tamper();
  door.type("4711");
  await after();
  expect([rig.told("device.tampered"), door.told]).toEqual([1, []]);
});

test("badges are for whoever enrols them, PINs still open, and afterwards badges do as before", async () => {
  const release = rig.engine.keypads.doors.setAside(GATE.unit);
  door.hold("04deadbeef");
  door.type("4711");
  await after();
  expect([door.told, events()]).toEqual([["open 4000"], [1, 0]]);
  release();
  door.hold("04deadbeef");
  await after();
  expect(events()).toEqual([1, 1]);
});

test("a code for one use whose use cannot be stored opens nothing, and says why", async () => {
  rig.code(B, "0815", { is_one_time_use: true });
  const full = vi.spyOn(rig.store, "transaction").mockImplementation(() => {
    throw new Error("the disk is full");
  });
  door.type("0815");
  await after();
  full.mockRestore();
  rig.engine.keypads.doors.turn();
  expect(door.told).toEqual([expect.stringContaining("that use cannot be recorded") as string]);
  expect(rig.last).toMatchObject({ access_code_id: B, reason: { reason_code: "credential_error" } });
});

test("news that the disk does not take is kept, a thousand of it, and told once", () => {
  const full = vi.spyOn(rig.store, "transaction").mockImplementation(() => {
    throw new Error("the disk is full");
  });
  for (let times = 0; times < 1_010; times++) door.tamper();
  full.mockRestore();
  rig.engine.keypads.doors.turn();
  rig.engine.keypads.doors.turn();
  expect(rig.told("device.tampered")).toBe(1_000);
});
