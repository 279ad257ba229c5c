import type { JsonObject } from "#src/lib/json";
import type { Caller, Page, Paging } from "./paging.js";

/** Workspace, systems, entrances and encoders: what the site has. All of it comes from the configuration. */

export interface WorkspaceModel {
  get(): JsonObject;
}

export interface SystemsModel {
  get(id: string): JsonObject;
  list(query: { search?: string | undefined }): readonly JsonObject[];
}

export interface EntranceQuery extends Paging {
  readonly systemId?: string | undefined;
  /** Those that this credential opens, through its user and the user's groups too. */
  readonly credentialId?: string | undefined;
  readonly entranceIds?: readonly string[] | undefined;
  readonly search?: string | undefined;
}

export interface EntrancesModel {
  get(id: string): JsonObject;
  list(query: EntranceQuery): Page;
  /** Credentials that open the entrance, through their user and the user's groups too. */
  credentialsWithAccess(id: string, by: Caller): readonly JsonObject[];
  /** From then on every credential of the user opens the entrance. */
  grantAccess(input: { entranceId: string; userId: string }, by: Caller): void;
  /** Answers the pending `UNLOCK_DOOR` attempt at once. */
  unlock(input: { entranceId: string; credentialId: string }, by: Caller): JsonObject;
}

export interface EncodersModel {
  get(id: string): JsonObject;
  list(
    query: {
      systemIds?: readonly string[] | undefined;
      encoderIds?: readonly string[] | undefined;
    } & Paging,
  ): Page;
  /** Answers the pending action attempt at once, as `scan` and `scanToAssign` do. */
  encode(input: { encoderId: string; credentialId: string }, by: Caller): JsonObject;
  scan(input: { encoderId: string }, by: Caller): JsonObject;
  /** Scans a card and hands the credential on it to the user. */
  scanToAssign(input: { encoderId: string; userId: string }, by: Caller): JsonObject;
}
