import type { SeamModel } from "../model.js";
import { changeRoute, route } from "../route.js";
import {
  credentialsAssign,
  credentialsCreate,
  credentialsDelete,
  credentialsGet,
  credentialsList,
  credentialsListEntrances,
  credentialsUnassign,
  credentialsUpdate,
} from "../schemas/credentials.js";
import { EMPTY_PAGE, pageAnswer, pagingOf } from "./pages.js";

export const credentialRoutes = [
  changeRoute(credentialsCreate, (model: SeamModel, input, { by }) => ({
    acs_credential: model.credentials.create(
      {
        systemId: input.acs_system_id,
        userId: input.acs_user_id,
        accessMethod: input.access_method,
        entranceIds: input.allowed_acs_entrance_ids,
        code: input.code,
        startsAt: input.starts_at,
        endsAt: input.ends_at,
        isOneTimeUse: input.is_one_time_use,
        isMultiPhoneSync: input.is_multi_phone_sync_credential,
        visionline: input.visionline_metadata,
        vostio: input.assa_abloy_vostio_metadata,
        brandMetadata: otherBrandsIn(input),
      },
      by,
    ),
  })),

  route(credentialsGet, (model: SeamModel, input, { by }) => ({
    acs_credential: model.credentials.get(input.acs_credential_id, by),
  })),

  route(credentialsList, (model: SeamModel, input, { by }) =>
    pageAnswer(
      "acs_credentials",
      // No credential here lives on a phone.
      input.is_multi_phone_sync_credential === true
        ? EMPTY_PAGE
        : model.credentials.list(
            {
              userId: input.acs_user_id,
              systemId: input.acs_system_id,
              createdBefore: input.created_before,
              search: input.search ?? undefined,
              ...pagingOf(input),
            },
            by,
          ),
    ),
  ),

  changeRoute(credentialsUpdate, (model: SeamModel, input, { by }) => ({
    acs_credential: model.credentials.update(
      input.acs_credential_id,
      { code: input.code, endsAt: input.ends_at },
      by,
    ),
  })),

  changeRoute(credentialsAssign, (model: SeamModel, input, { by }) => ({
    acs_credential: model.credentials.assign(input.acs_credential_id, input.acs_user_id, by),
  })),

  changeRoute(credentialsUnassign, (model: SeamModel, input, { by }) => ({
    acs_credential: model.credentials.unassign(input.acs_credential_id, input.acs_user_id, by),
  })),

  changeRoute(credentialsDelete, (model: SeamModel, input, { by }) => {
    model.credentials.delete(input.acs_credential_id, by);
    return {};
  }),

  route(credentialsListEntrances, (model: SeamModel, input) => ({
    acs_entrances: [...model.credentials.accessibleEntrances(input.acs_credential_id)],
  })),
];

const KNOWN_BRANDS = ["visionline_metadata", "assa_abloy_vostio_metadata"];

/** Names of other brands' parameters that carry something. */
function otherBrandsIn(input: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(input).filter(
    (name) => /^[a-z_]{1,60}_metadata$/.test(name) && !KNOWN_BRANDS.includes(name) && input[name] != null,
  );
}
