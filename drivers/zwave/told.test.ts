import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { calm, eventually, ZWaveSite } from "#test/support/zwave-site";
import { GOOD_HABITS } from "./simulator-lock.js";

/** What locks tell, each kind in its own way, and which of it was our own doing. */
let site: ZWaveSite;
const V1 = 2;
const V2 = 3;
const CREDENTIALS = 4;
const ALARMS = 5;
const KWIKSET = 6;

beforeAll(async () => {
  const alarms = { kind: "v1", slots: 1, hasAlarmsOnly: true } as const;
  site = await ZWaveSite.open([
    { nodeId: V1, kind: "v1", slots: 4 },
    { nodeId: V2, kind: "v2", slots: 4 },
    { nodeId: CREDENTIALS, kind: "credentials", slots: 4 },
    { nodeId: ALARMS, ...alarms },
    // A SmartCode 910: its alarms are in the library's database.
    { nodeId: KWIKSET, ...alarms, fingerprint: { manufacturerId: 0x90, productType: 3, productId: 0x238 } },
  ]);
  site.clock.factor = 10;
}, 60_000);

afterAll(() => site.close());

afterEach(() => {
  for (const node of [V1, V2, CREDENTIALS]) Object.assign(site.lock(node).habits, GOOD_HABITS);
});

const pin = (digits: string) => new Secret(digits);
const settled = () => new Promise((resolve) => setTimeout(resolve, 100));

test.each([V1, V2, CREDENTIALS])("node %i: a code that somebody changed at the keypad", async (node) => {
  const events = site.events(node);
  await site.lock(node).changeAtKeypad(3, "2580");
  await eventually(() => expect(events).toEqual([{ type: "slot.changed", slot: 3 }]));
  await site.lock(node).changeAtKeypad(3, null);
  await eventually(() => expect(events).toHaveLength(2));
});

test("our own change is not told, the next one is; also by a lock that names no slot", async () => {
  for (const omitsSlot of [false, true]) {
    site.lock(V2).habits.omitsSlot = omitsSlot;
    const events = site.events(V2);
    await site.keypad(V2).writeSlot(3, pin("4711"), calm());
    await site.keypad(V2).clearSlot(3, calm());
    await settled();
    expect(events).toEqual([]);
    await site.lock(V2).changeAtKeypad(4, "2580");
    const slot = omitsSlot ? null : 4;
    await eventually(() => expect(events).toEqual([{ type: "slot.changed", slot }]));
    await site.lock(V2).changeAtKeypad(4, null, false);
  }
});

test("a lock with users that tells our own orders besides answering them has told nothing", async () => {
  site.lock(CREDENTIALS).habits.echoes = true;
  const events = site.events(CREDENTIALS);
  const keypad = site.keypad(CREDENTIALS);
  for (const code of ["4711", "0815"]) await keypad.writeSlot(2, pin(code), calm());
  await keypad.clearSlot(2, calm());
  await settled();
  expect(events).toEqual([]);
});

test.each([V1, V2, CREDENTIALS])("node %i: what is read is no news from the lock", async (node) => {
  const events = site.events(node);
  for (const code of ["2580", null]) {
    await site.lock(node).changeAtKeypad(4, code, false);
    await site.keypad(node).readSlot(4, calm());
  }
  await settled();
  expect(events).toEqual([]);
});

test("a slot that nobody asked for is news", async () => {
  const events = site.events(V1);
  await site.lock(V1).tellSlot(4, "2580");
  await eventually(() => expect(events).toEqual([{ type: "slot.changed", slot: 4 }]));
  site.lock(V1).put(4, null);
});

test("an event with a whole code in it names its slot", async () => {
  const events = site.events(V2);
  await site.lock(V2).notifyWithCode(6, 3, "4711");
  await eventually(() => expect(events).toEqual([{ type: "unlocked", method: "keycode", slot: 3 }]));
});

test("a battery that is low without a figure", async () => {
  const events = site.events(V2);
  await site.lock(V2).reportLowBattery();
  await eventually(() => expect(events).toEqual([{ type: "battery", level: 0 }]));
  site.lock(V2).battery = 0xff;
  expect(await site.keypad(V2).readState?.(calm())).toMatchObject({ battery: 0 });
});

test("a jam is a state, told once", async () => {
  const events = site.events(V2);
  await site.lock(V2).notify(11);
  await site.lock(V2).notify(11);
  await eventually(() => expect(events).toEqual([{ type: "jammed" }]));
  await site.lock(V2).notify(1);
  await eventually(() => expect(events).toHaveLength(2));
});

test("alarms of version 1 that the library's database does not know", async () => {
  const events = site.events(ALARMS);
  const told: [number, number][] = [
    [19, 3],
    [18, 3],
    [9, 1],
    [161, 1],
    [33, 2],
    [112, 1],
    [32, 0],
    [22, 1],
  ];
  for (const [alarmType, alarmLevel] of told) await site.lock(ALARMS).report({ alarmType, alarmLevel });
  await eventually(() =>
    expect(events).toEqual([
      { type: "unlocked", method: "keycode", slot: 3 },
      { type: "locked", method: "keycode", slot: 3 },
      { type: "jammed" },
      { type: "denied", because: "too_many_attempts" },
      { type: "slot.changed", slot: 2 },
      { type: "slot.changed", slot: 1 },
      { type: "slot.changed", slot: null },
      { type: "unlocked", method: "manual", slot: null },
    ]),
  );
});

test("an alarm that the library's database knows is told once", async () => {
  const events = site.events(KWIKSET);
  await site.lock(KWIKSET).report({ alarmType: 22, alarmLevel: 1 });
  await site.lock(KWIKSET).report({ alarmType: 19, alarmLevel: 1 });
  await eventually(() => expect(events).toHaveLength(2));
  await settled();
  expect(events).toEqual([
    { type: "unlocked", method: "manual", slot: null },
    { type: "unlocked", method: "keycode", slot: 1 },
  ]);
});
