import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ } from "./endpoint.js";
import { id, ids, notKept, pagination, paging, search } from "./fields.js";
import { acsCredential, acsEntrance, acsSystem, actionAttempt, workspace } from "./objects.js";

/** What the site has: workspace, systems, entrances. All come from the configuration. */

export const workspacesGet = endpoint({
  path: "/workspaces/get",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: answer({ workspace }),
});

export const systemsGet = endpoint({
  path: "/acs/systems/get",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_system_id: id }),
  output: answer({ acs_system: acsSystem }),
});

export const systemsList = endpoint({
  path: "/acs/systems/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    connected_account_id: id.optional(),
    search,
    customer_key: notKept("customers"),
  }),
  output: answer({ acs_systems: z.array(acsSystem) }),
});

export const entrancesGet = endpoint({
  path: "/acs/entrances/get",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_entrance_id: id }),
  output: answer({ acs_entrance: acsEntrance }),
});

export const entrancesList = endpoint({
  path: "/acs/entrances/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_system_id: id.optional(),
    acs_credential_id: id.optional(),
    acs_entrance_ids: ids.optional(),
    connected_account_id: id.optional(),
    search,
    ...paging(900),
    space_id: notKept("spaces"),
    customer_key: notKept("customers"),
    access_grant_id: notKept("access grants"),
    access_method_id: notKept("access methods"),
  }),
  output: answer({ acs_entrances: z.array(acsEntrance), pagination }),
});

export const entrancesListCredentials = endpoint({
  path: "/acs/entrances/list_credentials_with_access",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_entrance_id: id,
    include_if: z.array(z.literal("visionline_metadata.is_valid")).max(1).default([]),
  }),
  output: answer({ acs_credentials: z.array(acsCredential) }),
});

export const entrancesGrantAccess = endpoint({
  path: "/acs/entrances/grant_access",
  methods: CHANGE,
  role: "technician",
  input: z.object({ acs_entrance_id: id, acs_user_id: id, user_identity_id: notKept("user identities") }),
  output: answer({}),
});

export const entrancesUnlock = endpoint({
  path: "/acs/entrances/unlock",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_entrance_id: id, acs_credential_id: id }),
  output: answer({ action_attempt: actionAttempt }),
});
