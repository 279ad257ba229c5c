import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, type Method, READ, REMOVE } from "./endpoint.js";
import { id, ids, notKept, search, text } from "./fields.js";
import { acsAccessGroup, acsEntrance, acsUser } from "./objects.js";

const group = { acs_access_group_id: id };
const member = { ...group, acs_user_id: id, user_identity_id: notKept("user identities") };
const ADD = ["POST", "PUT", "PATCH"] as const satisfies readonly Method[];

export const groupsGet = endpoint({
  path: "/acs/access_groups/get",
  methods: READ,
  role: "viewer",
  input: z.object(group),
  output: answer({ acs_access_group: acsAccessGroup }),
});

export const groupsList = endpoint({
  path: "/acs/access_groups/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_system_id: id.optional(),
    acs_user_id: id.optional(),
    search,
    user_identity_id: notKept("user identities"),
  }),
  output: answer({ acs_access_groups: z.array(acsAccessGroup) }),
});

export const groupsListUsers = endpoint({
  path: "/acs/access_groups/list_users",
  methods: READ,
  role: "viewer",
  input: z.object(group),
  output: answer({ acs_users: z.array(acsUser) }),
});

export const groupsListEntrances = endpoint({
  path: "/acs/access_groups/list_accessible_entrances",
  methods: READ,
  role: "viewer",
  input: z.object(group),
  output: answer({ acs_entrances: z.array(acsEntrance) }),
});

export const groupsAddUser = endpoint({
  path: "/acs/access_groups/add_user",
  methods: ADD,
  role: "technician",
  input: z.object(member),
  output: answer({}),
});

export const groupsRemoveUser = endpoint({
  path: "/acs/access_groups/remove_user",
  methods: REMOVE,
  role: "technician",
  input: z.object(member),
  output: answer({}),
});

export const groupsDelete = endpoint({
  path: "/acs/access_groups/delete",
  methods: REMOVE,
  role: "technician",
  input: z.object(group),
  output: answer({}),
});

/** Seam's other names of the same two acts. */
export const usersAddToGroup = endpoint({
  path: "/acs/users/add_to_access_group",
  methods: ADD,
  role: "technician",
  input: z.object(member),
  output: answer({}),
});

export const usersRemoveFromGroup = endpoint({
  path: "/acs/users/remove_from_access_group",
  methods: [...ACT, "DELETE"],
  role: "technician",
  input: z.object(member),
  output: answer({}),
});

/** Seam leaves the making of groups to the access system; here this is it. Only a gateway has these two routes. */
export const groupsCreate = endpoint({
  path: "/lockbridge/access_groups/create",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_system_id: id, name: text, acs_entrance_ids: ids.default([]) }),
  output: answer({ acs_access_group: acsAccessGroup }),
});

export const groupsUpdate = endpoint({
  path: "/lockbridge/access_groups/update",
  methods: CHANGE,
  role: "technician",
  input: z.object({ ...group, name: text.optional(), acs_entrance_ids: ids.optional() }),
  output: answer({ acs_access_group: acsAccessGroup }),
});
