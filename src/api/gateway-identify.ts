import { DriverError } from "#driver-api";
import type { EngineDeps } from "#src/engine/engine-deps";
import { DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import { SeamError } from "./model.js";

/** A job at the device goes first; a person who looks for it does not stand there longer than this. */
const LIMIT_MS = 15_000;

/** Has every unit of the device that has a lamp or a buzzer show itself; answers which those are. */
export async function identifyDevice(
  { devices, clock }: Pick<EngineDeps, "devices" | "clock">,
  key: string,
): Promise<readonly string[]> {
  const device = devices.status().find((candidate) => candidate.key === key);
  if (device === undefined)
    throw new SeamError(404, "device_not_found", `There is no device "${key}" in the configuration.`);
  if (device.identity === null) throw unable(key, device.problem?.message ?? "it is not connected");
  const units = device.units.filter(({ capabilities }) => capabilities.includes("signals"));
  if (units.length === 0) throw unable(key, "it has neither lamp nor buzzer");
  try {
    await withDeadline({ clock, ms: LIMIT_MS, parent: new AbortController().signal }, async (signal) => {
      for (const unit of units)
        await devices.use(`${key}/${unit.key}`, signal, async ({ signals }) =>
          signals?.show("identify", { signal }),
        );
    });
  } catch (error) {
    if (error instanceof DeadlineExceeded) throw unable(key, "it is busy; try again when its job is done");
    if (error instanceof DriverError) throw unable(key, error.message);
    throw error;
  }
  return units.map((unit) => unit.key);
}

function unable(key: string, why: string): SeamError {
  return new SeamError(409, "device_cannot_identify", `"${key}" cannot show itself: ${why}.`);
}
