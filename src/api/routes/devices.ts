import type { JsonObject } from "#src/lib/json";
import type { DeviceQuery, Page, SeamModel } from "../model.js";
import { route } from "../route.js";
import {
  devicesGet,
  devicesList,
  devicesUpdate,
  locksGet,
  locksList,
  locksLockDoor,
  locksUnlockDoor,
} from "../schemas/devices.js";
import { EMPTY_PAGE, isOtherAccount, pageAnswer, pagingOf } from "./pages.js";
import { settled } from "./settled.js";

export const deviceRoutes = [
  route(devicesGet, (model: SeamModel, input) => ({ device: named(model, input) })),

  route(devicesList, (model: SeamModel, input) => pageAnswer("devices", listed(model, input))),

  route(devicesUpdate, (model: SeamModel, input, { by }) => {
    model.devices.update(
      input.device_id,
      {
        name: input.name,
        customMetadata: input.custom_metadata,
        backupPoolEnabled: input.backup_access_code_pool_enabled,
      },
      by,
    );
    return {};
  }),

  route(locksGet, (model: SeamModel, input) => {
    const device = named(model, input);
    return { device, lock: device };
  }),

  route(locksList, (model: SeamModel, input) => {
    const answer = pageAnswer("devices", listed(model, input));
    return { ...answer, locks: answer["devices"] ?? [] };
  }),

  route(locksLockDoor, async (model: SeamModel, input, { by, clock }) => {
    const attempt = model.locks.lockDoor(input.device_id, by);
    return { action_attempt: input.sync ? await settled(model, attempt, clock) : attempt };
  }),

  route(locksUnlockDoor, async (model: SeamModel, input, { by, clock }) => {
    const attempt = model.locks.unlockDoor(input.device_id, by);
    return { action_attempt: input.sync ? await settled(model, attempt, clock) : attempt };
  }),
];

/** The id wins over the name; the schema lets through nothing without either. */
function named(
  model: SeamModel,
  { device_id: id, name = "" }: ReturnType<typeof devicesGet.input.parse>,
): JsonObject {
  return id === undefined ? model.devices.byName(name) : model.devices.get(id);
}

function listed(model: SeamModel, input: ReturnType<typeof devicesList.input.parse>): Page {
  const accounts = [
    ...(input.connected_account_id === undefined ? [] : [input.connected_account_id]),
    ...(input.connected_account_ids ?? []),
  ];
  if (accounts.length > 0 && accounts.every((account) => isOtherAccount(model, account))) return EMPTY_PAGE;
  const types = [
    ...(input.device_type === undefined ? [] : [input.device_type]),
    ...(input.device_types ?? []),
  ];
  const query: DeviceQuery = {
    deviceIds: input.device_ids,
    deviceTypes: types.length === 0 ? undefined : types,
    manufacturer: input.manufacturer,
    createdBefore: input.created_before,
    search: input.search ?? undefined,
    metadataHas: input.custom_metadata_has,
    ...pagingOf(input),
  };
  return model.devices.list(query);
}
