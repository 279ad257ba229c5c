import { type Caller, SeamError, type SeamModel, type SeamSimulation } from "#src/api/model";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { SimulationOrder } from "#src/domain/simulation-order";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { CloudAttempt } from "./commands.js";
import type { CloudSite } from "./site.js";

/** The cloud's `simulate` routes: each is a command for the gateway, whose hardware is simulated. */
export function cloudSimulation(site: CloudSite, codes: SeamModel["accessCodes"]): SeamSimulation {
  const start = (target: SimulationOrder, secret: Secret<string> | null, by: Caller): CloudAttempt =>
    site.order(
      { act: "simulate", target, secret },
      by.name,
      "deviceId" in target ? target.deviceId : undefined,
    );
  const carryOut = async (
    target: SimulationOrder,
    secret: Secret<string> | null,
    by: Caller,
  ): Promise<JsonObject> => {
    const { status, result, error } = await ended(site, start(target, secret, by).id);
    if (status === "success") return result as JsonObject;
    throw new SeamError(
      400,
      error?.type ?? "uncategorized_error",
      error?.message ?? "It was not carried out.",
    );
  };
  const arm = async (target: SimulationOrder, by: Caller): Promise<void> => {
    await carryOut(target, null, by);
  };
  return {
    nextEncode: (encoderId, outcome, by) => arm({ do: "next_encode", encoderId, outcome }, by),
    nextScan: (encoderId, outcome, by) => arm({ do: "next_scan", encoderId, outcome }, by),
    async createUnmanagedCode({ deviceId, code, name }, by) {
      const made = await carryOut({ do: "set_code", deviceId, name }, code, by);
      // The code's own document was journaled before the attempt's end.
      return codes.unmanaged.get({ id: made["access_code_id"] as string }, by);
    },
    enterCode: ({ deviceId, code }, by) =>
      renderActionAttempt(start({ do: "enter_code", deviceId }, code, by)),
    lockByHand: (deviceId, by) => renderActionAttempt(start({ do: "lock_by_hand", deviceId }, null, by)),
    befall: (deviceId, incident, by) => arm({ do: "befall_lock", deviceId, incident }, by),
    setConnected: (deviceId, isConnected, by) => arm({ do: "set_connected", deviceId, isConnected }, by),
  };
}

/** Resolves when the attempt has ended, which every attempt does. */
function ended(site: CloudSite, id: string): Promise<CloudAttempt> {
  return new Promise((resolve) => {
    const look = (): boolean => {
      const attempt = site.commands.get(id);
      if (attempt === undefined || attempt.status === "pending") return false;
      stop();
      resolve(attempt);
      return true;
    };
    const stop = site.onChange(look);
    look();
  });
}
