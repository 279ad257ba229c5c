import type { Driver } from "#driver-api";
import { drivers } from "#drivers/index";
import type { KnownDrivers } from "#src/config/device-settings";

/** Loads one driver of the list; undefined when there is none of that name. */
export async function loadDriver(id: string): Promise<Driver | undefined> {
  const known: Readonly<Record<string, () => Promise<{ readonly default: Driver }>>> = drivers;
  return Object.hasOwn(known, id) ? (await known[id]?.())?.default : undefined;
}

/** What the configuration needs to know of the list. */
export const knownDrivers: KnownDrivers = { ids: Object.keys(drivers), load: loadDriver };
