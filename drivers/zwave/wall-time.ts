/** A time as a clock on the wall shows it. */
export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

export function wallTime(epochMs: number, timeZone: string): WallTime {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const parts = new Map(
    format.formatToParts(new Date(epochMs)).map(({ type, value }) => [type, Number(value)]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return {
    year: of("year"),
    month: of("month"),
    day: of("day"),
    hour: of("hour"),
    minute: of("minute"),
    second: of("second"),
  };
}

/** The instant; of two that show the same in autumn the first, of none in spring the one just after the gap. */
export function epochOf(wall: WallTime, timeZone: string): number {
  const asUtc = utcOf(wall);
  const earlier = asUtc - offsetMs(asUtc - DAY_MS, timeZone);
  if (utcOf(wallTime(earlier, timeZone)) === asUtc) return earlier;
  const later = asUtc - offsetMs(asUtc + DAY_MS, timeZone);
  return utcOf(wallTime(later, timeZone)) === asUtc ? later : earlier;
}

/** Minutes east of Greenwich in winter and in summer, as a lock wants them; `dstOffset` is what summer adds. */
export function zoneOffsets(
  now: number,
  timeZone: string,
): { readonly standardOffset: number; readonly dstOffset: number } {
  const { year } = wallTime(now, timeZone);
  const offsets = [0, 6].map((month) => offsetMs(Date.UTC(year, month, 1), timeZone) / 60_000);
  const standardOffset = Math.min(...offsets);
  return { standardOffset, dstOffset: Math.max(...offsets) - standardOffset };
}

const DAY_MS = 86_400_000;

function utcOf({ year, month, day, hour, minute, second }: WallTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function offsetMs(epochMs: number, timeZone: string): number {
  const whole = Math.floor(epochMs / 1_000) * 1_000;
  return utcOf(wallTime(whole, timeZone)) - whole;
}
