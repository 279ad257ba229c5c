import { afterAll, beforeAll, expect, test } from "vitest";
import type { CodeSchedule } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { calm, ZWaveSite } from "#test/support/zwave-site";
import { GOOD_HABITS } from "./simulator-lock.js";
import { epochOf, wallTime, zoneOffsets } from "./wall-time.js";

/** Windows that the lock keeps itself, in the site's time. */
const ZONE = "Europe/Lisbon";
const NODE = 2;
const PLAIN = 3;
const WINDOW = { startsAt: Date.parse("2026-11-27T14:00:00Z"), endsAt: Date.parse("2027-03-29T10:30:00Z") };
let site: ZWaveSite;

beforeAll(async () => {
  site = await ZWaveSite.open([
    { nodeId: NODE, kind: "v2", slots: 3, yearDaySlots: 1 },
    { nodeId: PLAIN, kind: "v2", slots: 2 },
  ]);
  site.clock.factor = 10;
}, 60_000);
afterAll(() => site.close());

const failure = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);
const code = new Secret("4711");

function schedule(): CodeSchedule {
  const { schedule: it } = site.keypad(NODE);
  if (it === undefined) throw new Error("the lock keeps no windows");
  return it;
}

test("only a lock that keeps windows has them", () => {
  expect(Object.keys(site.keypad(NODE))).toContain("schedule");
  expect(Object.keys(site.keypad(PLAIN))).not.toContain("schedule");
});

test("before the zone is known no window is written", async () => {
  const { orders } = site.lock(NODE);
  expect(await failure(schedule().write(1, code, WINDOW, calm()))).toMatchObject({
    code: "device.refused",
    effect: "none",
  });
  expect(site.lock(NODE).orders).toBe(orders);
});

test("the clock shows the site's time, and one that cannot be set is told", async () => {
  const now = Date.parse("2026-07-01T12:00:00Z");
  await schedule().setClock({ now, timeZone: ZONE }, calm());
  const shown = site.lock(NODE).clock;
  // Whatever the zone of this machine is: the digits are those of a clock in Lisbon.
  expect([shown.getUTCHours(), shown.getUTCMinutes(), shown.getUTCDate()]).toEqual([13, 0, 1]);
  expect(site.lock(NODE).offsets()).toEqual({ standardOffset: 0, dstOffset: 60 });
  site.lock(NODE).habits.ignoresClock = true;
  expect(await failure(schedule().setClock({ now: now + 86_400_000, timeZone: ZONE }, calm()))).toMatchObject(
    {
      code: "device.refused",
    },
  );
  site.lock(NODE).habits.ignoresClock = false;
  await schedule().setClock({ now: null, timeZone: ZONE }, calm());
});

test("a code is disabled until its window is in; its wall times are the site's, across summer time", async () => {
  const lock = site.lock(NODE);
  const seen: string[] = [];
  lock.onOrder = (what) => seen.push(what);
  await schedule().write(2, code, WINDOW, calm());
  lock.onOrder = null;
  expect(seen).toEqual(["code disabled", "window", "code enabled"]);
  expect(lock.yearDay(2)).toMatchObject({
    startYear: 26,
    startMonth: 11,
    startDay: 27,
    startHour: 14,
    startMinute: 0,
    stopYear: 27,
    stopMonth: 3,
    stopDay: 29,
    stopHour: 11,
    stopMinute: 30,
  });
  expect(await schedule().readWindow?.(2, calm())).toEqual(WINDOW);
  expect(lock.slots().get(2)).toEqual({ code: "4711", isEnabled: true });
});

test("a code that opens always loses the window of its slot, and clearing takes both", async () => {
  await site.keypad(NODE).writeSlot(2, new Secret("0815"), calm());
  expect(await schedule().readWindow?.(2, calm())).toBeNull();
  await schedule().write(2, code, WINDOW, calm());
  await site.keypad(NODE).clearSlot(2, calm());
  expect(site.lock(NODE).yearDay(2)).toBeNull();
  expect(site.lock(NODE).slots().size).toBe(0);
});

test("a lock that does not take the window holds no code afterwards", async () => {
  site.lock(NODE).habits.dropsWindows = true;
  expect(await failure(schedule().write(2, code, WINDOW, calm()))).toMatchObject({
    code: "device.refused",
    effect: "none",
  });
  expect(site.lock(NODE).slots().size).toBe(0);
  Object.assign(site.lock(NODE).habits, GOOD_HABITS);
});

test.each([
  ["2026-03-29T00:30:00Z", "Europe/Lisbon"],
  ["2026-10-25T00:30:00Z", "Europe/Lisbon"],
  ["2026-07-01T12:00:00Z", "America/St_Johns"],
  ["2026-01-01T00:00:00Z", "Pacific/Auckland"],
])("%s in %s is the same instant again", (iso, zone) => {
  const at = Date.parse(iso);
  expect(epochOf(wallTime(at, zone), zone)).toBe(at);
});

test("a wall time that never was is the one just after the gap, in the south summer is winter", () => {
  const gap = { year: 2026, month: 3, day: 29, hour: 1, minute: 30, second: 0 };
  expect(new Date(epochOf(gap, "Europe/Lisbon")).toISOString()).toBe("2026-03-29T01:30:00.000Z");
  expect(zoneOffsets(Date.parse("2026-07-01"), "Pacific/Auckland")).toEqual({
    standardOffset: 720,
    dstOffset: 60,
  });
});
