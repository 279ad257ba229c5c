import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { calm, ZWaveSite } from "#test/support/zwave-site";
import { GOOD_HABITS } from "./simulator-lock.js";

/** Locks as they are: every habit that locks are known for, and what keeps it from doing harm. */
let site: ZWaveSite;
const V1 = 2;
const V2 = 3;
const CREDENTIALS = 4;
const SCHLAGE = 5;
const NODES = [V1, V2, CREDENTIALS, SCHLAGE];

beforeAll(async () => {
  site = await ZWaveSite.open([
    { nodeId: V1, kind: "v1", slots: 4 },
    { nodeId: V2, kind: "v2", slots: 4, hasLetters: true, hasEmptyCredentials: true },
    { nodeId: CREDENTIALS, kind: "credentials", slots: 4 },
    { nodeId: SCHLAGE, kind: "v1", slots: 2, fixedLength: 6 },
  ]);
  site.clock.factor = 10;
}, 60_000);

afterAll(() => site.close());

afterEach(() => {
  for (const node of NODES) Object.assign(site.lock(node).habits, GOOD_HABITS);
});

const pin = (digits: string) => new Secret(digits);
const failure = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

describe("a code that is written", () => {
  test.each([V2, CREDENTIALS])(
    "node %i: a lock that says yes and stores nothing is not believed",
    async (node) => {
      site.lock(node).habits.lies = true;
      expect(await failure(site.keypad(node).writeSlot(1, pin("4711"), calm()))).toMatchObject({
        code: "device.refused",
        effect: "unknown",
        message: expect.stringContaining("holds nothing") as string,
      });
    },
  );

  test.each([V2, CREDENTIALS])("node %i: a lock that says no and not why has not taken it", async (node) => {
    site.lock(node).habits.isMute = true;
    expect(await failure(site.keypad(node).writeSlot(1, pin("4711"), calm()))).toMatchObject({
      code: "device.refused",
      effect: "unknown",
      message: expect.stringContaining("did not take the code") as string,
    });
    expect(await site.keypad(node).readSlot(1, calm())).toEqual({ is: "empty" });
  });

  test("asterisks count where the lock said yes, and are read as withheld", async () => {
    site.lock(V1).habits.masks = true;
    await site.keypad(V1).writeSlot(1, pin("4711"), calm());
    expect(await site.keypad(V1).readSlot(1, calm())).toEqual({ is: "withheld" });
    await site.keypad(V1).clearSlot(1, calm());
  });

  test.each([
    [V1, "says nothing", "another slot"],
    [V2, "says yes", "holds nothing"],
  ])("node %i: a duplicate that the lock drops, and %s, is found by reading", async (node, _, words) => {
    await site.keypad(node).writeSlot(1, pin("4711"), calm());
    site.lock(node).habits.dropsDuplicates = true;
    expect(await failure(site.keypad(node).writeSlot(2, pin("4711"), calm()))).toMatchObject({
      code: "device.refused",
      effect: "unknown",
      message: expect.stringContaining(words) as string,
    });
    await site.keypad(node).clearSlot(1, calm());
  });

  test("a duplicate that the lock tells of changed nothing", async () => {
    await site.keypad(CREDENTIALS).writeSlot(1, pin("4711"), calm());
    expect(await failure(site.keypad(CREDENTIALS).writeSlot(2, pin("4711"), calm()))).toMatchObject({
      code: "device.refused",
      effect: "none",
    });
    await site.keypad(CREDENTIALS).clearSlot(1, calm());
  });

  test("the master code is refused as what it is", async () => {
    const { state } = site.lock(CREDENTIALS).node;
    state.set("UserCredential_adminPinCode", "246810");
    expect(await failure(site.keypad(CREDENTIALS).writeSlot(2, pin("246810"), calm()))).toMatchObject({
      code: "device.refused",
      message: expect.stringContaining("master code") as string,
    });
    state.delete("UserCredential_adminPinCode");
  });

  test.each([false, true])(
    "told by an event, which may name no slot (%s): it is said as it is",
    async (omitsSlot) => {
      await site.keypad(V2).writeSlot(1, pin("4711"), calm());
      Object.assign(site.lock(V2).habits, { tellsDuplicates: true, omitsSlot });
      const events = site.events(V2);
      expect(await failure(site.keypad(V2).writeSlot(2, pin("4711"), calm()))).toMatchObject({
        effect: "none",
        message: expect.stringContaining("another slot") as string,
      });
      expect(events).toEqual([]);
      await site.keypad(V2).clearSlot(1, calm());
    },
  );

  test.each([V2, CREDENTIALS])(
    "node %i: a slow lock that says no, and stores it later, has it",
    async (node) => {
      site.lock(node).habits.storesLateMs = 3_000;
      await site.keypad(node).writeSlot(1, pin("4711"), calm());
      expect(site.lock(node).code(1)).toBe("4711");
      site.lock(node).habits.storesLateMs = 0;
      await site.keypad(node).clearSlot(1, calm());
    },
  );

  test("a lock that leaves it disabled has not taken it", async () => {
    site.lock(V2).habits.disables = true;
    expect(await failure(site.keypad(V2).writeSlot(1, pin("4711"), calm()))).toMatchObject({
      code: "device.refused",
      effect: "unknown",
    });
    site.lock(V2).habits.disables = false;
    await site.keypad(V2).clearSlot(1, calm());
  });

  test("letters are refused, which version 1 would take", async () => {
    const { orders } = site.lock(V1);
    for (const code of ["abcd", "47 1", "٤٧١١"])
      expect(await failure(site.keypad(V1).writeSlot(1, pin(code), calm()))).toMatchObject({
        code: "device.refused",
        effect: "none",
      });
    expect(site.lock(V1).orders).toBe(orders);
  });

  test("a lock with codes of one length takes no other, and its parameter is never written", async () => {
    expect(site.keypad(SCHLAGE).codeLengths).toEqual([6]);
    const { orders } = site.lock(SCHLAGE);
    expect(await failure(site.keypad(SCHLAGE).writeSlot(1, pin("4711"), calm()))).toMatchObject({
      code: "device.refused",
      effect: "none",
      message: expect.stringContaining("6 digits") as string,
    });
    expect(site.lock(SCHLAGE).orders).toBe(orders);
    await site.keypad(SCHLAGE).writeSlot(1, pin("471108"), calm());
    await site.keypad(SCHLAGE).clearSlot(1, calm());
    expect(site.lock(SCHLAGE).parameterWrites).toBe(0);
  });
});

test.each([V1, V2, CREDENTIALS])(
  "node %i: a code that the lock keeps although it was to be removed is told",
  async (node) => {
    await site.keypad(node).writeSlot(1, pin("4711"), calm());
    site.lock(node).habits.keepsCodes = true;
    expect(await failure(site.keypad(node).clearSlot(1, calm()))).toMatchObject({
      code: "device.refused",
      effect: "unknown",
      message: expect.stringContaining("still holds") as string,
    });
    site.lock(node).habits.keepsCodes = false;
    await site.keypad(node).clearSlot(1, calm());
  },
);

describe("reading", () => {
  test.each([V1, V2, CREDENTIALS])("node %i: silence is no empty slot", async (node) => {
    site.lock(node).habits.hidesSlots = true;
    expect(await failure(site.keypad(node).readSlot(1, calm()))).toMatchObject({
      code: "unit.silent",
      effect: "none",
    });
  });

  test("a code that was switched off at the lock opens nothing: withheld, and told once", async () => {
    site.lock(V2).put(1, "4711", "disabled");
    const events = site.events(V2);
    expect(await site.keypad(V2).readSlot(1, calm())).toEqual({ is: "withheld" });
    expect(await site.keypad(V2).readSlot(1, calm())).toEqual({ is: "withheld" });
    expect(events).toEqual([{ type: "slot.changed", slot: 1 }]);
    site.lock(V2).put(1, null);
  });

  test.each([
    [4, "opens always", "code"],
    [6, "opens once (Yale)", "code"],
    [3, "opens nothing", "withheld"],
  ])("status %i, which %s, is no empty slot", async (status, _, is) => {
    site.lock(V2).put(1, "4711");
    site.lock(V2).putStatus(1, status);
    expect((await site.keypad(V2).readSlot(1, calm())).is).toBe(is);
    site.lock(V2).put(1, null);
    await site.keypad(V2).readSlot(1, calm());
  });

  test("a lock that says it has no such slot says nothing about the code in it", async () => {
    site.lock(V1).putStatus(1, 254);
    expect(await failure(site.keypad(V1).readSlot(1, calm()))).toMatchObject({
      code: "device.refused",
      effect: "none",
    });
    site.lock(V1).put(1, null);
  });

  test("what lies in the lock is read, not what the library remembers", async () => {
    await site.lock(V1).changeAtKeypad(2, "1234", false);
    expect((await site.keypad(V1).readSlot(2, calm())).is).toBe("code");
    await site.lock(V1).changeAtKeypad(2, null, false);
    expect((await site.keypad(V1).readSlot(2, calm())).is).toBe("empty");
  });

  test("the checksum is the lock's own and changes with every slot; asking for it does not hide a change", async () => {
    for (const node of [V2, CREDENTIALS]) {
      const checksum = () => site.keypad(node).checksum?.(calm());
      const before = await checksum();
      expect(await checksum()).toBe(before);
      await site.lock(node).changeAtKeypad(4, "8888", false);
      expect(await checksum()).not.toBe(before);
      expect((await site.keypad(node).readSlot(4, calm())).is).toBe("code");
      await site.lock(node).changeAtKeypad(4, null, false);
      expect(await checksum()).toBe(before);
    }
    expect(Object.keys(site.keypad(V1))).not.toContain("checksum");
  });
});

test("a card that somebody put beside our numbers is never touched", async () => {
  site.lock(CREDENTIALS).put(2, "4711", "enabled", 3);
  expect((await site.keypad(CREDENTIALS).readSlot(2, calm())).is).toBe("code");
  expect(await failure(site.keypad(CREDENTIALS).writeSlot(2, pin("9999"), calm()))).toMatchObject({
    code: "device.refused",
    effect: "none",
    message: expect.stringContaining("somebody else") as string,
  });
  expect(site.lock(CREDENTIALS).code(2)).toBe("4711");
  await site.keypad(CREDENTIALS).clearSlot(2, calm());
  expect(site.lock(CREDENTIALS).code(2)).toBeNull();
});

describe("the bolt", () => {
  test.each([
    [0x01, false],
    [0x10, false],
    [0x21, false],
    [0xfe, null],
    [0xff, true],
  ])("mode %i: is it locked? %s", async (mode, isLocked) => {
    site.lock(V1).putMode(mode);
    expect(await site.keypad(V1).readState?.(calm())).toMatchObject({ isLocked });
    site.lock(V1).putMode(0);
  });

  test("that took the order and did not move is no success", async () => {
    site.lock(V1).habits.isStuck = true;
    expect(await failure(site.keypad(V1).lock(calm()))).toMatchObject({
      code: "device.refused",
      effect: "unknown",
      message: expect.stringContaining("is not locked") as string,
    });
  });

  test("that jams says so at once", async () => {
    site.lock(V2).habits.jams = true;
    expect(await failure(site.keypad(V2).lock(calm()))).toMatchObject({
      message: expect.stringContaining("jammed") as string,
    });
    await site.lock(V2).notify(1);
  });
});
