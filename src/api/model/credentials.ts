import type { CredentialWish } from "#src/domain/seam/rules";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Caller, Page, Paging } from "./paging.js";

export type CredentialCreate = CredentialWish;

export interface CredentialQuery {
  readonly userId?: string | undefined;
  readonly systemId?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly search?: string | undefined;
}

export interface CredentialsModel {
  create(input: CredentialCreate, by: Caller): JsonObject;
  get(id: string, by: Caller): JsonObject;
  list(query: CredentialQuery & Paging, by: Caller): Page;
  update(
    id: string,
    change: { code?: Secret<string> | undefined; endsAt?: number | undefined },
    by: Caller,
  ): JsonObject;
  assign(id: string, userId: string, by: Caller): JsonObject;
  unassign(id: string, userId: string, by: Caller): JsonObject;
  delete(id: string, by: Caller): void;
  accessibleEntrances(id: string): readonly JsonObject[];
}
