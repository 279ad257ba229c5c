import { invalidInput } from "#src/domain/seam/fault";
import { seamErrorOf } from "../fault.js";
import type { SeamModel } from "../model.js";
import { changeRoute, route } from "../route.js";
import {
  usersCreate,
  usersDelete,
  usersGet,
  usersList,
  usersListEntrances,
  usersRevokeAccess,
  usersSuspend,
  usersUnsuspend,
  usersUpdate,
} from "../schemas/users.js";
import { pageAnswer, pagingOf } from "./pages.js";

export const userRoutes = [
  changeRoute(usersCreate, (model: SeamModel, input, { by, now }) => ({
    acs_user: model.users.create(
      {
        systemId: input.acs_system_id,
        fullName: input.full_name,
        emailAddress: input.email_address,
        phoneNumber: input.phone_number,
        accessSchedule: input.access_schedule && scheduleOf(input.access_schedule, now),
        groupIds: input.acs_access_group_ids,
      },
      by,
    ),
  })),

  route(usersGet, (model: SeamModel, input) => ({ acs_user: model.users.get(input.acs_user_id) })),

  route(usersList, (model: SeamModel, input) =>
    pageAnswer(
      "acs_users",
      model.users.list({
        systemId: input.acs_system_id,
        createdBefore: input.created_before,
        search: input.search ?? undefined,
        ...pagingOf(input),
      }),
    ),
  ),

  changeRoute(usersUpdate, (model: SeamModel, input, { by, now }) => {
    model.users.update(
      input.acs_user_id,
      {
        fullName: input.full_name,
        emailAddress: input.email_address,
        phoneNumber: input.phone_number,
        accessSchedule: input.access_schedule && scheduleOf(input.access_schedule, now),
      },
      by,
    );
    return {};
  }),

  changeRoute(usersDelete, (model: SeamModel, input, { by }) => {
    model.users.delete(input.acs_user_id, by);
    return {};
  }),

  changeRoute(usersSuspend, (model: SeamModel, input, { by }) => {
    model.users.suspend(input.acs_user_id, by);
    return {};
  }),

  changeRoute(usersUnsuspend, (model: SeamModel, input, { by }) => {
    model.users.unsuspend(input.acs_user_id, by);
    return {};
  }),

  changeRoute(usersRevokeAccess, (model: SeamModel, input, { by }) => {
    model.users.revokeAccess(input.acs_user_id, by);
    return {};
  }),

  route(usersListEntrances, (model: SeamModel, input) => ({
    acs_entrances: [...model.users.accessibleEntrances(input.acs_user_id)],
  })),
];

interface ScheduleInput {
  readonly starts_at?: number | undefined;
  readonly ends_at?: number | null | undefined;
}

function scheduleOf({ starts_at: startsAt, ends_at: endsAt }: ScheduleInput, now: number) {
  const schedule = { startsAt: startsAt ?? now, endsAt: endsAt ?? null };
  if (schedule.endsAt !== null && schedule.endsAt <= schedule.startsAt) {
    throw seamErrorOf(invalidInput("access_schedule", "ends_at must be later than starts_at"));
  }
  return schedule;
}
