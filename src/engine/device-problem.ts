import type { DeviceProblemCode, DevicesPort, DeviceStatus, UnitRef } from "./ports.js";

/** What to do about each reason why a device is not ready, as the end of a sentence. `docs/errors.md` says more. */
export const ADVICE = {
  "port.missing": "plug it in, or correct its port in the configuration",
  "port.held": "stop that program, or give it another port",
  "port.refused": "let the user that runs lockbridge into the group that owns the port",
  "device.lost": "plug it in again and look at its cable",
  "device.silent": "see that it has power, and unplug it and plug it in again",
  "unit.silent": "see that it has power and that its cable is whole",
  "device.wrong": "put the right device on this port, or correct its driver in the configuration",
  "device.busy": "wait until it is done",
  "device.refused": "unplug it and plug it in again; if that does not help, it is broken",
  "reply.malformed": "look at its cable and keep it away from motors and mains",
  "server.unreachable": "see that the lock system's server runs and can be reached from here",
  "call.cancelled": "ask again",
  "card.absent": "put one card on the middle of the encoder and leave it there",
  "card.several": "leave only one card on the encoder",
  "card.swapped": "begin again with the card that is to be used",
  "card.unwritable": "take another card",
} as const satisfies Record<DeviceProblemCode, string>;

export interface OfflineReason {
  /** What is wrong and what to do, with the stable code at its end. */
  readonly message: string;
  /** Epoch ms; null when it never was and never will be online. */
  readonly since: number | null;
}

/** Why a unit is not online, for the person who must act. */
export function offlineReason(devices: DevicesPort, unit: UnitRef): OfflineReason {
  const [device = ""] = unit.split("/");
  const status = devices.status().find(({ key }) => key === device);
  if (status === undefined)
    return { message: `there is no device ${device} in the configuration [device.lost]`, since: null };
  return { message: sentence(status, unit), since: status.since };
}

function sentence({ key, state, problem, nextTryMs }: DeviceStatus, unit: UnitRef): string {
  if (state === "closed") return "the gateway is stopping [device.lost]";
  if (problem === null) {
    return state === "ready" || state === "busy"
      ? `device ${key} has no unit ${unit}: correct the encoder's unit in the configuration [device.wrong]`
      : `device ${key} is just being opened [device.lost]`;
  }
  const { code, message } = problem;
  const next = nextTryMs === null ? "now" : `in ${Math.ceil(nextTryMs / 1_000)} s`;
  return `${message}: ${ADVICE[code]}; tried again ${next} [${code}]`;
}
