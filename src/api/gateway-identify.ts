import { DriverError } from "#driver-api";
import type { EngineDeps } from "#src/engine/engine-deps";
import { DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import { SeamError } from "./model.js";

/** A job at the device goes first; a person who looks for it does not stand there longer than this. */
const LIMIT_MS = 15_000;

/**
 * Has what is named show itself: of a device every unit that has a lamp or a buzzer, of an encoder its own. Answers which
 * units those are.
 */
export async function identifyDevice(
  { devices, inventory, clock }: Pick<EngineDeps, "devices" | "inventory" | "clock">,
  named: string,
): Promise<readonly string[]> {
  const all = devices.status();
  const isMeant = (name: string) => name.toLowerCase() === named.toLowerCase();
  const encoder = inventory.encoders.find(({ id, key, name }) => [id, key, name].some(isMeant));
  const [key = "", only] = all.some((it) => it.key === named) ? [named] : (encoder?.unit ?? named).split("/");
  const device = all.find((candidate) => candidate.key === key);
  if (device === undefined) {
    const known = [...all, ...inventory.encoders].map((it) => it.key);
    const message = `There is no device or encoder "${named}". There are: ${[...new Set(known)].join(", ")}.`;
    throw new SeamError(404, "device_not_found", message);
  }
  if (device.identity === null) throw unable(named, device.problem?.message ?? "it is not connected");
  const units = device.units.filter(
    (unit) => unit.capabilities.includes("signals") && (only === undefined || unit.key === only),
  );
  if (units.length === 0) throw unable(named, "it has neither lamp nor buzzer");
  try {
    await withDeadline({ clock, ms: LIMIT_MS, parent: new AbortController().signal }, async (signal) => {
      for (const unit of units)
        await devices.use(`${key}/${unit.key}`, signal, async ({ signals }) =>
          signals?.show("identify", { signal }),
        );
    });
  } catch (error) {
    if (error instanceof DeadlineExceeded) throw unable(named, "it is busy; try again when its job is done");
    if (error instanceof DriverError) throw unable(named, error.message);
    throw error;
  }
  return units.map((unit) => unit.key);
}

function unable(named: string, why: string): SeamError {
  return new SeamError(409, "device_cannot_identify", `"${named}" cannot show itself: ${why}.`);
}
