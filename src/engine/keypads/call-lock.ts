import { type Call, DriverError, type OnDeviceKeypad } from "#driver-api";
import type { EngineDeps } from "../engine-deps.js";

/** One order or one reading of one slot. */
const CALL_LIMIT_MS = 30_000;

/**
 * Has the lock for one call, which `stop` ends. Rejects as the driver does; with `device.silent` after half a minute of
 * work, and with `device.wrong` when the unit keeps no codes.
 */
export function callLock<T>(
  { devices, clock }: Pick<EngineDeps, "devices" | "clock">,
  { unit, stop }: { readonly unit: string; readonly stop: AbortSignal },
  work: (keypad: OnDeviceKeypad, call: Call) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const end = (): void => limit.abort(stop.reason);
  stop.addEventListener("abort", end, { once: true });
  const used = devices.use(unit, limit.signal, ({ keypadLock }) => {
    const cancel = clock.startTimer(CALL_LIMIT_MS, () =>
      limit.abort(new DriverError("device.silent", "unknown", "the lock took too long")),
    );
    if (keypadLock?.codes !== "on_device") {
      cancel();
      throw new DriverError("device.wrong", "none", "the unit keeps no codes");
    }
    return work(keypadLock, { signal: limit.signal }).finally(cancel);
  });
  return used.finally(() => stop.removeEventListener("abort", end));
}
