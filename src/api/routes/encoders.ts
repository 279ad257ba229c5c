import type { SeamModel } from "../model.js";
import { route } from "../route.js";
import {
  attemptsGet,
  attemptsList,
  encodeCredential,
  encodersGet,
  encodersList,
  scanCredential,
  scanToAssign,
} from "../schemas/encoders.js";
import { pageAnswer, pagingOf } from "./pages.js";

/** Encoders, and the action attempts that they carry out. */
export const encoderRoutes = [
  route(encodersGet, (model: SeamModel, input) => ({
    acs_encoder: model.encoders.get(input.acs_encoder_id),
  })),

  route(encodersList, (model: SeamModel, input) =>
    pageAnswer(
      "acs_encoders",
      model.encoders.list({
        systemIds: systemIdsOf(input),
        encoderIds: input.acs_encoder_ids,
        ...pagingOf(input),
      }),
    ),
  ),

  route(encodeCredential, (model: SeamModel, input, { by }) => ({
    action_attempt: model.encoders.encode(
      { encoderId: input.acs_encoder_id, credentialId: input.acs_credential_id },
      by,
    ),
  })),

  route(scanCredential, (model: SeamModel, input, { by }) => ({
    action_attempt: model.encoders.scan({ encoderId: input.acs_encoder_id }, by),
  })),

  route(scanToAssign, (model: SeamModel, input, { by }) => ({
    action_attempt: model.encoders.scanToAssign(
      { encoderId: input.acs_encoder_id, userId: input.acs_user_id },
      by,
    ),
  })),

  route(attemptsGet, (model: SeamModel, input) => ({
    action_attempt: model.attempts.get(input.action_attempt_id),
  })),

  route(attemptsList, (model: SeamModel, input) =>
    pageAnswer(
      "action_attempts",
      model.attempts.list({
        ids: input.action_attempt_ids,
        deviceId: input.device_id,
        ...pagingOf(input),
      }),
    ),
  ),
];

/** Both ways to name systems; given together, the encoder must satisfy both. */
function systemIdsOf(input: {
  readonly acs_system_id?: string | undefined;
  readonly acs_system_ids?: readonly string[] | undefined;
}): readonly string[] | undefined {
  const { acs_system_id: one, acs_system_ids: several } = input;
  if (one === undefined) return several;
  return several === undefined || several.includes(one) ? [one] : [];
}
