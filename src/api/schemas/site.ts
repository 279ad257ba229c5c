import { z } from "zod";
import { answer, endpoint, READ } from "./endpoint.js";
import { id, ids, notKept, pagination, paging, search } from "./fields.js";
import { acsEntrance, acsSystem, workspace } from "./objects.js";

/** What the site has: workspace, systems, entrances. All come from the configuration and are only read. */

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
