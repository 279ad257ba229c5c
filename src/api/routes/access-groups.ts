import type { DeskModel, SeamModel } from "../model.js";
import { type CallContext, changeRoute, route } from "../route.js";
import {
  groupsAddUser,
  groupsCreate,
  groupsDelete,
  groupsGet,
  groupsList,
  groupsListEntrances,
  groupsListUsers,
  groupsRemoveUser,
  groupsUpdate,
  usersAddToGroup,
  usersRemoveFromGroup,
} from "../schemas/access-groups.js";

interface Membership {
  readonly acs_access_group_id: string;
  readonly acs_user_id: string;
}

const add = (model: SeamModel, input: Membership, { by }: CallContext) => {
  model.accessGroups.addUser({ groupId: input.acs_access_group_id, userId: input.acs_user_id }, by);
  return {};
};
const remove = (model: SeamModel, input: Membership, { by }: CallContext) => {
  model.accessGroups.removeUser({ groupId: input.acs_access_group_id, userId: input.acs_user_id }, by);
  return {};
};

export const accessGroupRoutes = [
  route(groupsGet, (model: SeamModel, input) => ({
    acs_access_group: model.accessGroups.get(input.acs_access_group_id),
  })),

  route(groupsList, (model: SeamModel, input) => ({
    acs_access_groups: [
      ...model.accessGroups.list({
        systemId: input.acs_system_id,
        userId: input.acs_user_id,
        search: input.search ?? undefined,
      }),
    ],
  })),

  route(groupsListUsers, (model: SeamModel, input) => ({
    acs_users: [...model.accessGroups.users(input.acs_access_group_id)],
  })),

  route(groupsListEntrances, (model: SeamModel, input) => ({
    acs_entrances: [...model.accessGroups.accessibleEntrances(input.acs_access_group_id)],
  })),

  changeRoute(groupsAddUser, add),
  changeRoute(usersAddToGroup, add),
  changeRoute(groupsRemoveUser, remove),
  changeRoute(usersRemoveFromGroup, remove),

  changeRoute(groupsDelete, (model: SeamModel, input, { by }) => {
    model.accessGroups.delete(input.acs_access_group_id, by);
    return {};
  }),
];

/** What Seam leaves to the access system: only a gateway has these. */
export const groupDeskRoutes = [
  changeRoute(groupsCreate, (desk: DeskModel, input, { by }) => ({
    acs_access_group: desk.groups.create(
      { systemId: input.acs_system_id, name: input.name, entranceIds: input.acs_entrance_ids },
      by,
    ),
  })),

  changeRoute(groupsUpdate, (desk: DeskModel, input, { by }) => ({
    acs_access_group: desk.groups.update(
      input.acs_access_group_id,
      { name: input.name, entranceIds: input.acs_entrance_ids },
      by,
    ),
  })),
];
