import type { ScheduleEntryLockYearDaySchedule, ZWaveNode } from "zwave-js";
import type { Call, CodeSchedule, CodeWindow, LockTime } from "#driver-api";
import type { Secret } from "#src/lib/secret";
import type { LockCall } from "./call.js";
import { CC } from "./command-classes.js";
import type { Slots } from "./slots.js";
import { epochOf, wallTime, zoneOffsets } from "./wall-time.js";

/** Every user has at least this one, where a lock has any. */
const SLOT_ID = 1;

export interface ScheduleParts {
  readonly node: ZWaveNode;
  readonly slots: Slots;
  readonly begin: (call: Call, what: string) => LockCall;
}

/** Does the lock turn codes away outside of a window from one date to another, and can its clock be set? */
export function hasYearDays(node: ZWaveNode): boolean {
  if (!node.supportsCC(CC.scheduleEntryLock) || !node.supportsCC(CC.timeParameters)) return false;
  const slots = node.getValue({ commandClass: CC.scheduleEntryLock, property: "numYearDaySlots" });
  return typeof slots === "number" && slots > 0;
}

/**
 * Windows kept by the lock (Schedule Entry Lock, kind "year day"). Its times are local to it, so its clock and zone are
 * set first; until they are, no window is written.
 */
export class YearDays implements CodeSchedule {
  readonly #parts: ScheduleParts;
  #timeZone: string | null = null;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  async setClock({ now, timeZone }: LockTime, call: Call): Promise<void> {
    const { node, begin } = this.#parts;
    const asked = begin(call, "setting its clock");
    this.#timeZone = timeZone;
    if (now === null) return;
    const clock = node.commandClasses["Time Parameters"];
    // The library reads the date in this machine's zone; the lock is to show the site's.
    const local = wallTime(now, timeZone);
    const date = new Date(local.year, local.month - 1, local.day, local.hour, local.minute, local.second);
    await asked.order(() => clock.set(date));
    const told = await asked.answer(() => clock.get());
    if (Math.abs(told.getTime() - date.getTime()) > CLOCK_SLACK_MS)
      throw asked.failure("device.refused", "the lock's clock shows another time than it was given");
    await asked.order(() =>
      node.commandClasses["Schedule Entry Lock"].setTimezone(zoneOffsets(now, timeZone)),
    );
  }

  /** Disabled until the window is in and read back: at no moment does the code open outside. */
  async write(slot: number, code: Secret<string>, window: CodeWindow, call: Call): Promise<void> {
    const { node, slots, begin } = this.#parts;
    const asked = begin(call, `writing slot ${slot}`);
    slots.checkCode(slot, code, asked);
    const timeZone = this.#timeZone;
    if (timeZone === null) throw asked.failure("device.refused", "the lock's clock was not set yet");
    const wanted = yearDay(window, timeZone);
    await slots.write(slot, code, asked, false);
    const schedules = node.commandClasses["Schedule Entry Lock"];
    const place = { userId: slot, slotId: SLOT_ID };
    await asked.order(() => schedules.setYearDaySchedule(place, wanted));
    await asked.order(() => schedules.setEnabled(true, slot));
    const told = await asked.ask(() => schedules.getYearDaySchedule(place));
    if (told === undefined || !isSame(told, wanted)) {
      await slots.clear(slot, asked);
      asked.nothingHappened();
      throw asked.failure("device.refused", "the lock did not take the window");
    }
    await slots.write(slot, code, asked, true);
  }

  async readWindow(slot: number, call: Call): Promise<CodeWindow | null> {
    const asked = this.#parts.begin(call, `reading the window of slot ${slot}`);
    const timeZone = this.#timeZone;
    if (timeZone === null) throw asked.failure("device.refused", "the lock's clock was not set yet");
    const schedules = this.#parts.node.commandClasses["Schedule Entry Lock"];
    const ask = () => asked.ask(() => schedules.getYearDaySchedule({ userId: slot, slotId: SLOT_ID }));
    // The library takes silence for "none", so none counts from a lock only that answers something else.
    let told = await ask();
    if (told === undefined) {
      await asked.answer(() => schedules.getNumSlots());
      told = await ask();
    }
    return told === undefined || !isDate(told) ? null : windowOf(told, timeZone);
  }

  /** Its code opens always, or is gone. */
  async remove(slot: number, asked: LockCall): Promise<void> {
    const schedules = this.#parts.node.commandClasses["Schedule Entry Lock"];
    await asked.order(() => schedules.setYearDaySchedule({ userId: slot, slotId: SLOT_ID }));
    await asked.order(() => schedules.setEnabled(false, slot));
  }
}

/** The lock counts whole seconds, and its answer comes a moment later. */
const CLOCK_SLACK_MS = 90_000;

function yearDay({ startsAt, endsAt }: CodeWindow, timeZone: string): ScheduleEntryLockYearDaySchedule {
  const [start, stop] = [wallTime(startsAt, timeZone), wallTime(endsAt, timeZone)];
  return {
    startYear: start.year % 100,
    startMonth: start.month,
    startDay: start.day,
    startHour: start.hour,
    startMinute: start.minute,
    stopYear: stop.year % 100,
    stopMonth: stop.month,
    stopDay: stop.day,
    stopHour: stop.hour,
    stopMinute: stop.minute,
  };
}

/** An erased one is told with 255 in every place. */
const isDate = ({ startMonth, stopMonth }: ScheduleEntryLockYearDaySchedule): boolean =>
  startMonth >= 1 && startMonth <= 12 && stopMonth >= 1 && stopMonth <= 12;

function windowOf(told: ScheduleEntryLockYearDaySchedule, timeZone: string): CodeWindow {
  const [start, stop] = [
    [told.startYear, told.startMonth, told.startDay, told.startHour, told.startMinute] as const,
    [told.stopYear, told.stopMonth, told.stopDay, told.stopHour, told.stopMinute] as const,
  ].map(([year, month, day, hour, minute]) =>
    epochOf({ year: 2000 + year, month, day, hour, minute, second: 0 }, timeZone),
  );
  return { startsAt: start ?? 0, endsAt: stop ?? 0 };
}

function isSame(a: ScheduleEntryLockYearDaySchedule, b: ScheduleEntryLockYearDaySchedule): boolean {
  return (Object.keys(b) as (keyof ScheduleEntryLockYearDaySchedule)[]).every((key) => a[key] === b[key]);
}
