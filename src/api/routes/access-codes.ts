import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { AccessCodeRef, SeamModel } from "../model.js";
import { route } from "../route.js";
import {
  accessCodesCreate,
  accessCodesCreateMultiple,
  accessCodesDelete,
  accessCodesGenerate,
  accessCodesGet,
  accessCodesList,
  accessCodesPullBackup,
  accessCodesReportConstraints,
  accessCodesUpdate,
  accessCodesUpdateMultiple,
  unmanagedConvert,
  unmanagedDelete,
  unmanagedGet,
  unmanagedList,
  unmanagedUpdate,
} from "../schemas/access-codes.js";
import { pageAnswer, pagingOf } from "./pages.js";
import { settled, textOf } from "./settled.js";

export const accessCodeRoutes = [
  route(accessCodesCreate, async (model: SeamModel, input, { by, clock }) => {
    const { accessCode, attempt } = model.accessCodes.create(
      { deviceId: input.device_id, commonCodeKey: input.common_code_key, ...optionsOf(input) },
      by,
    );
    if (!input.sync) return { access_code: accessCode, action_attempt: attempt };
    const action_attempt = await settled(model, attempt, clock);
    const id = textOf(accessCode, "access_code_id");
    return { access_code: model.accessCodes.get({ id }, by), action_attempt };
  }),

  route(accessCodesCreateMultiple, (model: SeamModel, input, { by }) => ({
    access_codes: [
      ...model.accessCodes.createMultiple(
        {
          deviceIds: input.device_ids,
          whenNotShared: input.behavior_when_code_cannot_be_shared,
          ...optionsOf(input),
        },
        by,
      ),
    ],
  })),

  route(accessCodesGet, (model: SeamModel, input, { by }) => ({
    access_code: model.accessCodes.get(refOf(input), by),
  })),

  route(accessCodesList, (model: SeamModel, input, { by }) =>
    pageAnswer(
      "access_codes",
      model.accessCodes.list(
        {
          deviceId: input.device_id,
          ids: input.access_code_ids,
          search: input.search ?? undefined,
          ...pagingOf(input),
        },
        by,
      ),
    ),
  ),

  route(accessCodesUpdate, async (model: SeamModel, input, { by, clock }) => {
    const attempt = model.accessCodes.update(
      input.access_code_id,
      {
        deviceId: input.device_id,
        type: input.type,
        isManaged: input.is_managed,
        ...optionsOf(input),
      },
      by,
    );
    return { action_attempt: await whenSync(model, input.sync, attempt, clock) };
  }),

  route(accessCodesUpdateMultiple, (model: SeamModel, input, { by }) => {
    model.accessCodes.updateMultiple(
      input.common_code_key,
      { name: input.name, startsAt: input.starts_at, endsAt: input.ends_at },
      by,
    );
    return {};
  }),

  route(accessCodesDelete, async (model: SeamModel, input, { by, clock }) => {
    const attempt = model.accessCodes.delete(input.access_code_id, input.device_id, by);
    return { action_attempt: await whenSync(model, input.sync, attempt, clock) };
  }),

  route(accessCodesGenerate, (model: SeamModel, input) => ({
    generated_code: {
      device_id: input.device_id,
      code: model.accessCodes.generate(input.device_id).reveal(),
    },
  })),

  route(accessCodesPullBackup, (model: SeamModel, input, { by }) => {
    const backup = model.accessCodes.pullBackup(input.access_code_id, by);
    return { access_code: backup, backup_access_code: backup };
  }),

  route(accessCodesReportConstraints, (model: SeamModel, input, { by }) => {
    model.accessCodes.reportConstraints(input.device_id, lengthsOf(input), by);
    return {};
  }),

  route(unmanagedGet, (model: SeamModel, input, { by }) => ({
    access_code: model.accessCodes.unmanaged.get(refOf(input), by),
  })),

  route(unmanagedList, (model: SeamModel, input, { by }) =>
    pageAnswer(
      "access_codes",
      model.accessCodes.unmanaged.list(
        { deviceId: input.device_id, search: input.search ?? undefined, ...pagingOf(input) },
        by,
      ),
    ),
  ),

  route(unmanagedConvert, (model: SeamModel, input, { by }) => {
    model.accessCodes.unmanaged.convert(
      input.access_code_id,
      { force: input.force, allowExternalModification: externalOf(input) },
      by,
    );
    return {};
  }),

  route(unmanagedUpdate, (model: SeamModel, input, { by }) => {
    if (input.is_managed) {
      model.accessCodes.unmanaged.convert(
        input.access_code_id,
        { force: input.force, allowExternalModification: externalOf(input) },
        by,
      );
    } else {
      // It is unmanaged already; one that is not there is told as such.
      model.accessCodes.unmanaged.get({ id: input.access_code_id }, by);
    }
    return {};
  }),

  route(unmanagedDelete, async (model: SeamModel, input, { by, clock }) => {
    const attempt = model.accessCodes.unmanaged.delete(input.access_code_id, by);
    return { action_attempt: await whenSync(model, input.sync, attempt, clock) };
  }),
];

async function whenSync(
  model: SeamModel,
  sync: boolean,
  attempt: JsonObject,
  clock: Clock,
): Promise<JsonObject> {
  return sync ? settled(model, attempt, clock) : attempt;
}

type OptionsInput = ReturnType<typeof accessCodesUpdate.input.parse>;

function optionsOf(input: Omit<OptionsInput, "access_code_id" | "sync">) {
  return {
    name: input.name,
    code: input.code,
    preferredCodeLength: input.preferred_code_length,
    startsAt: input.starts_at,
    endsAt: input.ends_at,
    preferNativeScheduling: input.prefer_native_scheduling,
    maxTimeRounding: roundingOf(input.max_time_rounding),
    isOffline: input.is_offline_access_code ?? input.use_offline_access_code,
    isOneTimeUse: input.is_one_time_use,
    allowExternalModification: externalOf(input),
    useBackupPool: input.use_backup_access_code_pool,
    attemptForOfflineDevice: input.attempt_for_offline_device,
  };
}

function externalOf(input: {
  readonly allow_external_modification?: boolean | undefined;
  readonly is_external_modification_allowed?: boolean | undefined;
}): boolean | undefined {
  return input.allow_external_modification ?? input.is_external_modification_allowed;
}

function roundingOf(text: OptionsInput["max_time_rounding"]): "1hour" | "1day" | undefined {
  if (text === undefined) return undefined;
  return text === "1d" || text === "1day" ? "1day" : "1hour";
}

/** The schema lets nothing else through than an id, or a lock with a PIN. */
function refOf({
  access_code_id: id,
  device_id: deviceId,
  code,
}: ReturnType<typeof accessCodesGet.input.parse>): AccessCodeRef {
  if (id !== undefined) return { id };
  if (deviceId === undefined || code === undefined) throw new Error("neither an id nor a lock with a PIN");
  return { deviceId, code };
}

function lengthsOf(input: ReturnType<typeof accessCodesReportConstraints.input.parse>): readonly number[] {
  const { supported_code_lengths: lengths, min_code_length: min = 4, max_code_length: max = 20 } = input;
  if (lengths !== undefined) return [...new Set(lengths)].sort((a, b) => a - b);
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}
