import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ, REMOVE } from "./endpoint.js";
import { id, ids, instant, notKept, pagination, paging, search, text } from "./fields.js";
import { acsEntrance, acsUser } from "./objects.js";

const who = { acs_user_id: id, user_identity_id: notKept("user identities") };

/** Without `starts_at` it starts now. */
const accessSchedule = z.object({ starts_at: instant.optional(), ends_at: instant.nullish() });

const person = { email_address: z.email().max(254).optional(), phone_number: text.optional() };

export const usersCreate = endpoint({
  path: "/acs/users/create",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_system_id: id,
    full_name: text,
    ...person,
    access_schedule: accessSchedule.optional(),
    user_identity_id: notKept("user identities"),
    acs_access_group_ids: ids.default([]),
  }),
  output: answer({ acs_user: acsUser }),
});

export const usersGet = endpoint({
  path: "/acs/users/get",
  methods: READ,
  role: "viewer",
  input: z.object(who),
  output: answer({ acs_user: acsUser }),
});

export const usersList = endpoint({
  path: "/acs/users/list",
  methods: READ,
  role: "viewer",
  input: z.object({
    acs_system_id: id.optional(),
    created_before: instant.optional(),
    search,
    ...paging(500),
    user_identity_id: notKept("user identities"),
    user_identity_email_address: notKept("user identities"),
    user_identity_phone_number: notKept("user identities"),
  }),
  output: answer({ acs_users: z.array(acsUser), pagination }),
});

export const usersUpdate = endpoint({
  path: "/acs/users/update",
  methods: CHANGE,
  role: "technician",
  input: z.object({
    ...who,
    full_name: text.optional(),
    ...person,
    access_schedule: accessSchedule.nullish(),
  }),
  output: answer({}),
});

export const usersDelete = endpoint({
  path: "/acs/users/delete",
  methods: REMOVE,
  role: "technician",
  input: z.object(who),
  output: answer({}),
});

export const usersSuspend = endpoint({
  path: "/acs/users/suspend",
  methods: ACT,
  role: "technician",
  input: z.object(who),
  output: answer({}),
});

export const usersUnsuspend = endpoint({
  path: "/acs/users/unsuspend",
  methods: ACT,
  role: "technician",
  input: z.object(who),
  output: answer({}),
});

export const usersRevokeAccess = endpoint({
  path: "/acs/users/revoke_access_to_all_entrances",
  methods: REMOVE,
  role: "technician",
  input: z.object(who),
  output: answer({}),
});

export const usersListEntrances = endpoint({
  path: "/acs/users/list_accessible_entrances",
  methods: READ,
  role: "viewer",
  input: z.object(who),
  output: answer({ acs_entrances: z.array(acsEntrance) }),
});
