import type { JsonObject } from "#src/lib/json";
import type { SeamModel } from "../model.js";
import { changeRoute, route } from "../route.js";
import {
  entrancesGet,
  entrancesGrantAccess,
  entrancesList,
  entrancesListCredentials,
  entrancesUnlock,
  systemsGet,
  systemsList,
  workspacesGet,
} from "../schemas/site.js";
import { EMPTY_PAGE, isOtherAccount, pageAnswer, pagingOf } from "./pages.js";

export const siteRoutes = [
  route(workspacesGet, (model: SeamModel) => ({ workspace: model.workspace.get() })),

  route(systemsGet, (model: SeamModel, input) => ({ acs_system: model.systems.get(input.acs_system_id) })),

  route(systemsList, (model: SeamModel, input) => ({
    acs_systems: isOtherAccount(model, input.connected_account_id)
      ? []
      : [...model.systems.list({ search: input.search ?? undefined })],
  })),

  route(entrancesGet, (model: SeamModel, input) => ({
    acs_entrance: model.entrances.get(input.acs_entrance_id),
  })),

  route(entrancesList, (model: SeamModel, input) =>
    pageAnswer(
      "acs_entrances",
      isOtherAccount(model, input.connected_account_id)
        ? EMPTY_PAGE
        : model.entrances.list({
            systemId: input.acs_system_id,
            credentialId: input.acs_credential_id,
            entranceIds: input.acs_entrance_ids,
            search: input.search ?? undefined,
            ...pagingOf(input),
          }),
    ),
  ),

  route(entrancesListCredentials, (model: SeamModel, input, { by }) => {
    const found = model.entrances.credentialsWithAccess(input.acs_entrance_id, by);
    return {
      acs_credentials: input.include_if.length === 0 ? [...found] : found.filter(isValidOnVisionline),
    };
  }),

  changeRoute(entrancesGrantAccess, (model: SeamModel, input, { by }) => {
    model.entrances.grantAccess({ entranceId: input.acs_entrance_id, userId: input.acs_user_id }, by);
    return {};
  }),

  route(entrancesUnlock, (model: SeamModel, input, { by }) => ({
    action_attempt: model.entrances.unlock(
      { entranceId: input.acs_entrance_id, credentialId: input.acs_credential_id },
      by,
    ),
  })),
];

function isValidOnVisionline({ visionline_metadata: metadata }: JsonObject): boolean {
  return (metadata as JsonObject | undefined)?.["is_valid"] === true;
}
