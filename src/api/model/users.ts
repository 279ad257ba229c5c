import type { JsonObject } from "#src/lib/json";
import type { Caller, Page, Paging } from "./paging.js";

export interface AccessSchedule {
  /** Epoch ms. */
  readonly startsAt: number;
  readonly endsAt: number | null;
}

export interface UserCreate {
  readonly systemId: string;
  readonly fullName: string;
  readonly emailAddress?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly accessSchedule?: AccessSchedule | undefined;
  readonly groupIds?: readonly string[] | undefined;
}

export interface UserUpdate {
  readonly fullName?: string | undefined;
  readonly emailAddress?: string | undefined;
  readonly phoneNumber?: string | undefined;
  readonly accessSchedule?: AccessSchedule | null | undefined;
}

export interface UserQuery extends Paging {
  readonly systemId?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly search?: string | undefined;
}

export interface UsersModel {
  create(input: UserCreate, by: Caller): JsonObject;
  get(id: string): JsonObject;
  list(query: UserQuery): Page;
  update(id: string, change: UserUpdate, by: Caller): void;
  delete(id: string, by: Caller): void;
  /** No card is made for a suspended user and its PINs leave the locks; nothing is denied for good. */
  suspend(id: string, by: Caller): void;
  unsuspend(id: string, by: Caller): void;
  /** Revokes the user's credentials for good, and takes away groups and granted entrances. */
  revokeAccess(id: string, by: Caller): void;
  accessibleEntrances(id: string): readonly JsonObject[];
}

export interface AccessGroupQuery {
  readonly systemId?: string | undefined;
  readonly userId?: string | undefined;
  readonly search?: string | undefined;
}

/** Groups grant their entrances to every credential of their users. */
export interface AccessGroupsModel {
  create(
    input: { readonly systemId: string; readonly name: string; readonly entranceIds: readonly string[] },
    by: Caller,
  ): JsonObject;
  update(
    id: string,
    change: { readonly name?: string | undefined; readonly entranceIds?: readonly string[] | undefined },
    by: Caller,
  ): JsonObject;
  get(id: string): JsonObject;
  list(query: AccessGroupQuery): readonly JsonObject[];
  users(id: string): readonly JsonObject[];
  accessibleEntrances(id: string): readonly JsonObject[];
  addUser(input: { groupId: string; userId: string }, by: Caller): void;
  removeUser(input: { groupId: string; userId: string }, by: Caller): void;
  delete(id: string, by: Caller): void;
}
