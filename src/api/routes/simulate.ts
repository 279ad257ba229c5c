import type { z } from "zod";
import type { EncodeOutcome, LockIncident, ScanOutcome } from "#src/domain/simulation-order";
import type { SeamSimulation } from "../model.js";
import { route } from "../route.js";
import {
  simulateConnect,
  simulateDisconnect,
  simulateEncodeFailure,
  simulateEncodeSuccess,
  simulateKeypadEntry,
  simulateLock,
  simulateLockByHand,
  simulateScanFailure,
  simulateScanSuccess,
  simulateUnmanagedCode,
} from "../schemas/simulate.js";

/** Of a sandbox workspace only; they act on the simulated hardware. */
export const seamSimulationRoutes = [
  route(simulateEncodeSuccess, async (simulation: SeamSimulation, input, { by }) => {
    await simulation.nextEncode(input.acs_encoder_id, { is: "success" }, by);
    return {};
  }),

  route(simulateEncodeFailure, async (simulation: SeamSimulation, input, { by }) => {
    const credentialId = input.acs_credential_id ?? null;
    const outcome: EncodeOutcome = { is: "error", error: input.error_code, credentialId };
    await simulation.nextEncode(input.acs_encoder_id, outcome, by);
    return {};
  }),

  route(simulateScanSuccess, async (simulation: SeamSimulation, input, { by }) => {
    const credentialId = input.acs_credential_id_on_seam ?? null;
    const outcomes = {
      credential_exists_on_seam: { is: "known", credentialId },
      credential_on_encoder_needs_update: { is: "stale", credentialId },
      credential_does_not_exist_on_seam: { is: "foreign" },
      credential_on_encoder_is_empty: { is: "blank" },
    } as const satisfies Record<typeof input.scenario, ScanOutcome>;
    await simulation.nextScan(input.acs_encoder_id, outcomes[input.scenario], by);
    return {};
  }),

  route(simulateScanFailure, async (simulation: SeamSimulation, input, { by }) => {
    const credentialId = input.acs_credential_id_on_seam ?? null;
    const outcome: ScanOutcome = { is: "error", error: input.error_code, credentialId };
    await simulation.nextScan(input.acs_encoder_id, outcome, by);
    return {};
  }),

  route(simulateUnmanagedCode, async (simulation: SeamSimulation, input, { by }) => ({
    access_code: await simulation.createUnmanagedCode(
      { deviceId: input.device_id, code: input.code, name: input.name },
      by,
    ),
  })),

  route(simulateKeypadEntry, (simulation: SeamSimulation, input, { by }) => ({
    action_attempt: simulation.enterCode({ deviceId: input.device_id, code: input.code }, by),
  })),

  route(simulateLockByHand, (simulation: SeamSimulation, input, { by }) => ({
    action_attempt: simulation.lockByHand(input.device_id, by),
  })),

  route(simulateLock, async (simulation: SeamSimulation, input, { by }) => {
    await simulation.befall(input.device_id, incidentIn(input), by);
    return {};
  }),

  route(simulateConnect, async (simulation: SeamSimulation, input, { by }) => {
    await simulation.setConnected(input.device_id, true, by);
    return {};
  }),

  route(simulateDisconnect, async (simulation: SeamSimulation, input, { by }) => {
    await simulation.setConnected(input.device_id, false, by);
    return {};
  }),
];

/** The schema lets one of them through. */
function incidentIn({
  jam,
  door_open: isOpen,
  battery_level: level,
}: z.infer<typeof simulateLock.input>): LockIncident {
  if (isOpen !== undefined) return { is: "door", isOpen };
  if (level !== undefined) return { is: "battery", level };
  return { is: jam === undefined ? "tampered" : "jammed" };
}
