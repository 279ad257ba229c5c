import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ, REMOVE } from "./endpoint.js";
import { id, ids, instant, notKept, pagination, paging, pin, search } from "./fields.js";
import { acsCredential, acsEntrance } from "./objects.js";

const holder = {
  acs_credential_id: id,
  acs_user_id: id,
  user_identity_id: notKept("user identities"),
};

const visionline = z.strictObject({
  card_format: z.enum(["rfid48", "TLCode"]).optional(),
  card_function_type: z.enum(["guest", "staff"]).default("guest"),
  override: z.boolean().optional(),
  is_override_key: z.boolean().optional(),
  auto_join: z.boolean().optional(),
  joiner_acs_credential_ids: ids.max(100).optional(),
  assa_abloy_credential_service_mobile_endpoint_id: notKept("mobile keys"),
});

const vostio = z.strictObject({
  auto_join: z.boolean().optional(),
  join_all_guest_acs_entrances: z.boolean().optional(),
  override_all_guest_acs_entrances: z.boolean().optional(),
  override_guest_acs_entrance_ids: ids.max(100).optional(),
});

export const credentialsCreate = endpoint({
  path: "/acs/credentials/create",
  methods: ACT,
  role: "technician",
  /** Loose, to see which brand's `…_metadata` came. */
  input: z.looseObject({
    access_method: z.enum(["card", "code", "mobile_key", "cloud_key"]),
    acs_user_id: id.optional(),
    acs_system_id: id.optional(),
    allowed_acs_entrance_ids: ids.default([]),
    code: pin.optional(),
    starts_at: instant.optional(),
    ends_at: instant.optional(),
    is_one_time_use: z.boolean().default(false),
    is_multi_phone_sync_credential: z.boolean().default(false),
    visionline_metadata: visionline.optional(),
    assa_abloy_vostio_metadata: vostio.optional(),
    credential_manager_acs_system_id: notKept("credential managers"),
    user_identity_id: notKept("user identities"),
  }),
  output: answer({ acs_credential: acsCredential }),
});

export const credentialsGet = endpoint({
  path: "/acs/credentials/get",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_credential_id: id }),
  output: answer({ acs_credential: acsCredential }),
});

export const credentialsList = endpoint({
  path: "/acs/credentials/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_user_id: id.optional(),
    acs_system_id: id.optional(),
    created_before: instant.optional(),
    search,
    is_multi_phone_sync_credential: z.boolean().optional(),
    ...paging(500),
    user_identity_id: notKept("user identities"),
  }),
  output: answer({ acs_credentials: z.array(acsCredential), pagination }),
});

export const credentialsUpdate = endpoint({
  path: "/acs/credentials/update",
  methods: CHANGE,
  role: "technician",
  input: z.object({ acs_credential_id: id, code: pin.optional(), ends_at: instant.optional() }),
  output: answer({ acs_credential: acsCredential }),
});

export const credentialsAssign = endpoint({
  path: "/acs/credentials/assign",
  methods: CHANGE,
  role: "technician",
  input: z.object(holder),
  output: answer({ acs_credential: acsCredential }),
});

export const credentialsUnassign = endpoint({
  path: "/acs/credentials/unassign",
  methods: CHANGE,
  role: "technician",
  input: z.object(holder),
  output: answer({ acs_credential: acsCredential }),
});

export const credentialsDelete = endpoint({
  path: "/acs/credentials/delete",
  methods: REMOVE,
  role: "technician",
  input: z.object({ acs_credential_id: id }),
  output: answer({}),
});

export const credentialsListEntrances = endpoint({
  path: "/acs/credentials/list_accessible_entrances",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_credential_id: id }),
  output: answer({ acs_entrances: z.array(acsEntrance) }),
});
