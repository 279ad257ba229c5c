import type { AccessCodesModel } from "./model/access-codes.js";
import type { AttemptsModel, EventsModel } from "./model/activity.js";
import type { CredentialsModel } from "./model/credentials.js";
import type { DevicesModel, LocksModel, SeamSimulation } from "./model/devices.js";
import type { EncodersModel, EntrancesModel, SystemsModel, WorkspaceModel } from "./model/site.js";
import type { AccessGroupsModel, UsersModel } from "./model/users.js";

export * from "./model/access-codes.js";
export * from "./model/activity.js";
export * from "./model/credentials.js";
export * from "./model/desk.js";
export * from "./model/devices.js";
export * from "./model/inclusion.js";
export * from "./model/paging.js";
export * from "./model/ports.js";
export * from "./model/seam-error.js";
export * from "./model/site.js";
export * from "./model/users.js";
export * from "./model/webhooks.js";
export * from "./model/audit.js";
export * from "./model/live.js";

/**
 * What stands behind the Seam routes. Two implementations: `gateway-model.ts` (the engine) and the stand-in cloud's
 * own tables. Inputs are already parsed by the route's schema; outputs are Seam's objects. A fault of the caller is
 * thrown as `SeamError`; anything else that is thrown becomes a 500 without details.
 */
export interface SeamModel {
  readonly workspace: WorkspaceModel;
  readonly systems: SystemsModel;
  readonly entrances: EntrancesModel;
  readonly encoders: EncodersModel;
  readonly users: UsersModel;
  readonly accessGroups: AccessGroupsModel;
  readonly credentials: CredentialsModel;
  readonly accessCodes: AccessCodesModel;
  readonly devices: DevicesModel;
  readonly locks: LocksModel;
  readonly attempts: AttemptsModel;
  readonly events: EventsModel;
  /** Only of a sandbox workspace, whose hardware is simulated; without it there are no `simulate` routes. */
  readonly simulation?: SeamSimulation | undefined;
}
