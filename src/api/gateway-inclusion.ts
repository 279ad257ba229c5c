import type { Device } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import { uuidV7 } from "#src/lib/uuid";
import { Inclusion, type InclusionAct } from "./inclusion.js";
import { type Caller, type InclusionModel, SeamError } from "./model.js";

/** The devices, as far as locks are brought in and out. */
export interface IncludingDevices {
  /** Keys of the devices that take locks in, those that are connected. */
  including(): readonly string[];
  /** Queues for the device, then runs `work` alone on it. */
  useDevice<T>(key: string, signal: AbortSignal, work: (device: Device) => Promise<T>): Promise<T>;
}

export interface InclusionDeps {
  readonly devices: IncludingDevices;
  /** Keys of all devices in the configuration. */
  readonly configured: readonly string[];
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly audit: (by: Caller, what: string) => void;
}

/** How long somebody waits for news in one call. */
const NEWS_MS = 20_000;
/** So many are remembered after their end. */
const KEPT_MAX = 16;

/** What the desk can do with sticks. No part of it is stored: what a restart interrupts, the person sees at the lock. */
export function gatewayInclusion(deps: InclusionDeps): InclusionModel {
  const { devices, clock } = deps;
  const known = new Map<string, Inclusion>();

  const stick = (wanted: string | undefined): string => {
    const ready = devices.including();
    if (wanted !== undefined) {
      if (!deps.configured.includes(wanted))
        throw new SeamError(404, "device_not_found", `There is no device "${wanted}" in the configuration.`);
      if (!ready.includes(wanted))
        throw new SeamError(
          409,
          "device_cannot_include",
          `"${wanted}" takes no locks in: it is not connected, or no radio stick; lockbridge devices shows it.`,
        );
      return wanted;
    }
    const [only, ...others] = ready;
    if (only === undefined)
      throw new SeamError(
        409,
        "device_cannot_include",
        "No radio stick is connected that takes locks in; lockbridge devices shows what there is.",
      );
    if (others.length > 0)
      throw new SeamError(
        400,
        "invalid_input",
        `there are several: ${ready.join(", ")}`,
        undefined,
        "device",
      );
    return only;
  };

  const begin = (wanted: string | undefined, act: InclusionAct, by: Caller) => {
    const device = stick(wanted);
    if ([...known.values()].some((other) => other.device === device && !other.hasEnded))
      throw new SeamError(409, "inclusion_under_way", `Somebody is at it with "${device}" already.`);
    const id = uuidV7(clock.now(), deps.random(10));
    const begun = new Inclusion(id, device, act, {
      clock,
      use: (signal, work) => devices.useDevice(device, signal, work),
      done: (what) => deps.audit(by, what),
    });
    known.set(id, begun);
    for (const old of [...known.keys()].slice(0, -KEPT_MAX)) known.delete(old);
    return begun.facts();
  };

  const find = (id: string): Inclusion => {
    const found = known.get(id);
    if (found === undefined)
      throw new SeamError(404, "inclusion_not_found", "There is no such inclusion; it may have ended.");
    return found;
  };

  return {
    include: ({ device, qrCode }, by) => begin(device, { is: "include", qrCode: qrCode ?? null }, by),
    exclude: ({ device }, by) => begin(device, { is: "exclude" }, by),
    async get(id, after) {
      const found = find(id);
      await found.newerThan(after, NEWS_MS);
      return found.facts();
    },
    givePin(id, pin) {
      const found = find(id);
      if (!found.givePin(pin)) throw new SeamError(409, "no_pin_asked_for", "No PIN is asked for now.");
      return found.facts();
    },
    cancel(id) {
      const found = find(id);
      found.cancel();
      return found.facts();
    },
  };
}
