import { invalidInput } from "#src/domain/seam/fault";
import { seamErrorOf } from "../fault.js";
import type { DeskModel, Simulation } from "../model.js";
import { route } from "../route.js";
import {
  clockConfirm,
  clockResetFloor,
  codesRetry,
  configCheck,
  credentialsEnrolBadge,
  credentialsRevoke,
  credentialsSettle,
  deskCredentialGet,
  deskEncode,
  deskErase,
  devicesIdentify,
  devicesList,
  jobsCancel,
  simulateCard,
  statusGet,
  syncGet,
} from "../schemas/desk.js";

/** Desk work. The live stream of a job lies in `job-stream.ts`. */
export const deskRoutes = [
  route(statusGet, (desk: DeskModel) => ({ status: desk.status() })),

  route(syncGet, (desk: DeskModel) => ({ sync: desk.sync() })),

  route(clockConfirm, (desk: DeskModel, { now }, { by }) => ({ clock: desk.confirmClock(now, by) })),
  route(clockResetFloor, (desk: DeskModel, _, { by }) => ({ clock: desk.resetClockFloor(by) })),

  route(devicesList, (desk: DeskModel) => ({ devices: [...desk.devices()] })),

  route(devicesIdentify, async (desk: DeskModel, input) => ({
    units: [...(await desk.identify(input.device))],
  })),

  route(jobsCancel, async (desk: DeskModel, input, { by }) => ({ outcome: await desk.cancel(input.id, by) })),

  route(deskEncode, (desk: DeskModel, input, { by }) => ({
    action_attempt: desk.encode(
      {
        encoderId: input.acs_encoder_id,
        credentialId: input.acs_credential_id,
        overwrite: input.overwrite,
        exceptCards: input.except_card_uids,
      },
      by,
    ),
  })),

  route(deskErase, (desk: DeskModel, input, { by }) => ({
    action_attempt: desk.erase({ encoderId: input.acs_encoder_id }, by),
  })),

  route(codesRetry, (desk: DeskModel, input, { by }) => ({
    retried_slots: desk.retryCodes(input.device_id, by),
  })),

  route(deskCredentialGet, (desk: DeskModel, input, { by }) => ({
    credential: desk.credential(input.acs_credential_id, by),
  })),

  route(configCheck, (desk: DeskModel, { entrances }) => ({
    conflicts: [
      ...desk.checkEntrances(entrances.map(({ acs_entrance_id: id, door, zone }) => ({ id, door, zone }))),
    ],
  })),

  route(credentialsRevoke, (desk: DeskModel, input, { by }) => ({
    credential: desk.revoke(input.acs_credential_id, by),
  })),

  route(credentialsEnrolBadge, (desk: DeskModel, input, { by }) => ({
    credential: desk.enrolBadge(
      {
        credentialId: input.acs_credential_id,
        format: input.format,
        facility: input.facility_code,
        number: input.number,
        overwrite: input.overwrite,
      },
      by,
    ),
  })),

  route(credentialsSettle, (desk: DeskModel, input, { by }) => ({
    credential: desk.settle({ credentialId: input.acs_credential_id, generation: input.generation }, by),
  })),
];

/** Present on a simulated site, absent everywhere else. */
export const simulationRoutes = [
  route(simulateCard, (simulation: Simulation, input) => {
    const { acs_encoder_id: encoderId, put: kind, uid } = input;
    if (uid !== undefined) return { card: { uid: simulation.putCard(encoderId, { uid }) } };
    if (kind === undefined) {
      simulation.takeCard(encoderId);
      return { card: null };
    }
    if (!simulation.cardKinds.includes(kind)) {
      throw seamErrorOf(invalidInput("put", `must be one of ${simulation.cardKinds.join(", ")}`));
    }
    return { card: { uid: simulation.putCard(encoderId, { kind }) } };
  }),
];
