import type { DeviceProblemCode, DevicesPort, DeviceStatus, UnitRef } from "./devices-port.js";

/** What to do about each reason why a device is not ready, as the end of a sentence. `docs/errors.md` says more. */
export const ADVICE = {
  "port.missing": "plug it in, or correct its port in the configuration",
  "port.held": "stop that program, or give it another port",
  "port.refused": "it is tried again by itself, so mending it is enough",
  "port.ambiguous": "tell them apart by a card, with lockbridge devices move",
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
  /** What is wrong and what to do, with the stable code at its end. It stays the same for as long as that does. */
  readonly message: string;
  /** Epoch ms; null where the device as a whole is there, or never will be. */
  readonly since: number | null;
  /** False while its device is being opened for the first time: nobody knows yet. */
  readonly isKnown: boolean;
  /** When that is tried again, for the end of a sentence; it changes from moment to moment. */
  readonly next: string;
}

/** Why a unit is not online, for the person who must act. */
export function offlineReason(devices: DevicesPort, unit: UnitRef): OfflineReason {
  const [device = "", ...rest] = unit.split("/");
  const status = devices.status().find(({ key }) => key === device);
  if (status === undefined) {
    const message = `there is no device ${device} in the configuration [device.lost]`;
    return { message, since: null, isKnown: true, next: "" };
  }
  const { nextTryMs, problem } = status;
  const isReady = problem === null && isThere(status);
  const next = problem === null ? "" : `; tried again ${nextTryMs === null ? "now" : inSeconds(nextTryMs)}`;
  return {
    message: sentence(status, rest.join("/")),
    since: isReady ? null : status.since,
    isKnown: isReady || problem !== null,
    next,
  };
}

/** As `message`, with when it is tried again before the code. */
export function withNext({ message, next }: OfflineReason): string {
  return message.replace(/ (?=\[[a-z.]+\]$)/, `${next} `);
}

function inSeconds(ms: number): string {
  return `in ${Math.ceil(ms / 1_000)} s`;
}

function isThere({ state }: DeviceStatus): boolean {
  return state === "ready" || state === "busy";
}

function sentence(status: DeviceStatus, unit: string): string {
  const { key, state, problem, troubles } = status;
  if (state === "closed") return "the gateway is stopping [device.lost]";
  if (problem !== null) return `${problem.message}: ${ADVICE[problem.code]} [${problem.code}]`;
  if (!isThere(status)) return `device ${key} is just being opened [device.lost]`;
  const trouble = troubles.find((known) => known.unit === unit && known.code !== null);
  if (trouble !== undefined) return `${trouble.message} [${trouble.code}]`;
  return `device ${key} has no unit ${unit}: correct the unit in the configuration [device.wrong]`;
}
