import type { AccessCodeSpec } from "#src/domain/spec";
import type { Secret } from "#src/lib/secret";
import { accepted, type Checked, type Fault, invalidInput, refused, ruleBroken } from "./fault.js";
import { isoInstant } from "./instant.js";
import type { CodeOnLock, LockFacts } from "./lock-facts.js";
import { checkPin, generatePin } from "./pin.js";
import { checkValidity } from "./rules.js";

/**
 * What may be asked of an access code: the same on the gateway and in the cloud. One parameter that cannot be refuses
 * the whole; nothing here is half-applied.
 */

/** Parameters that creating and updating share; absent: not sent. */
interface AccessCodeOptions {
  readonly name?: string | undefined;
  readonly code?: Secret<string> | undefined;
  readonly preferredCodeLength?: number | undefined;
  /** Epoch ms. */
  readonly startsAt?: number | undefined;
  readonly endsAt?: number | undefined;
  readonly preferNativeScheduling?: boolean | undefined;
  readonly maxTimeRounding?: "1hour" | "1day" | undefined;
  readonly isOffline?: boolean | undefined;
  readonly isOneTimeUse?: boolean | undefined;
  readonly allowExternalModification?: boolean | undefined;
  readonly useBackupPool?: boolean | undefined;
  readonly attemptForOfflineDevice?: boolean | undefined;
}

export interface AccessCodeWish extends AccessCodeOptions {
  readonly commonCodeKey?: string | undefined;
}

export interface AccessCodeChange extends AccessCodeOptions {
  readonly deviceId?: string | undefined;
  readonly type?: "ongoing" | "time_bound" | undefined;
  readonly isManaged?: boolean | undefined;
}

export interface AccessCodeDraft {
  readonly spec: AccessCodeSpec;
  /** null: a code of somebody else's making whose PIN the lock does not show. */
  readonly code: Secret<string> | null;
}

export interface AccessCodeContext {
  readonly now: number;
  /** What has surely passed; a clock that is wrong refuses nobody. */
  readonly certain: number;
  readonly lock: LockFacts;
  /** PINs on the lock or wanted there, code credentials included. */
  readonly others: readonly CodeOnLock[];
  readonly random: (size: number) => Uint8Array;
}

/** The document and PIN of a new code, or why it cannot be. `wish.code` absent: the PIN is made up. */
export function checkAccessCodeCreate(
  wish: AccessCodeWish,
  context: AccessCodeContext & { readonly id: string },
): Checked<AccessCodeDraft> {
  const { now, certain, lock } = context;
  const startsAt = wish.startsAt ?? null;
  const endsAt = wish.endsAt ?? null;
  const fault =
    checkLock(lock) ??
    checkOptions(wish, lock) ??
    checkValidity({ startsAt, endsAt, now: certain }) ??
    checkPool(wish.useBackupPool === true, endsAt, lock);
  if (fault !== undefined) return refused(fault);
  const code = codeFor(wish, null, context);
  if (!code.ok) return code;
  return accepted({
    spec: {
      access_code_id: context.id,
      device_id: lock.id,
      name: wish.name ?? null,
      type: endsAt === null ? "ongoing" : "time_bound",
      starts_at: startsAt === null ? null : isoInstant(startsAt),
      ends_at: endsAt === null ? null : isoInstant(endsAt),
      has_code: true,
      common_code_key: wish.commonCodeKey ?? null,
      is_managed: true,
      is_external_modification_allowed: wish.allowExternalModification ?? false,
      is_one_time_use: false,
      prefer_native_scheduling: wish.preferNativeScheduling ?? true,
      max_time_rounding: wish.maxTimeRounding ?? "1hour",
      use_backup_access_code_pool: wish.useBackupPool ?? false,
      is_backup: false,
      pulled_backup_access_code_id: null,
      state: "active",
      created_at: isoInstant(now),
    },
    code: code.value,
  });
}

/** The changed document and PIN. What was not sent stays. */
export function checkAccessCodeUpdate(
  change: AccessCodeChange,
  before: AccessCodeDraft,
  context: AccessCodeContext,
): Checked<AccessCodeDraft> {
  const { lock } = context;
  const { spec } = before;
  if (change.deviceId !== undefined && change.deviceId !== spec.device_id) {
    return refused(invalidInput("device_id", "is not the device of this access code"));
  }
  const time = timeFrameOf(change, spec);
  if (!time.ok) return time;
  const { startsAt, endsAt, type } = time.value;
  const isSameTime =
    change.startsAt === undefined && change.endsAt === undefined && change.type === undefined;
  const usesPool = change.useBackupPool ?? spec.use_backup_access_code_pool;
  const fault =
    checkOptions(change, lock) ??
    (isSameTime ? undefined : checkValidity({ startsAt, endsAt, now: context.certain })) ??
    checkPool(usesPool, endsAt, lock);
  if (fault !== undefined) return refused(fault);
  const code = codeFor(change, before, context);
  if (!code.ok) return code;
  return accepted({
    spec: {
      ...spec,
      name: change.name ?? spec.name,
      type,
      starts_at: startsAt === null ? null : isoInstant(startsAt),
      ends_at: endsAt === null ? null : isoInstant(endsAt),
      is_managed: change.isManaged ?? spec.is_managed,
      is_external_modification_allowed:
        change.allowExternalModification ?? spec.is_external_modification_allowed,
      prefer_native_scheduling: change.preferNativeScheduling ?? spec.prefer_native_scheduling,
      max_time_rounding: change.maxTimeRounding ?? spec.max_time_rounding,
      use_backup_access_code_pool: usesPool,
    },
    code: code.value,
  });
}

/** An unmanaged code as a managed one. `force` takes it over although a managed code has its PIN. */
export function checkAccessCodeConvert(
  { spec, code }: AccessCodeDraft,
  options: { readonly force: boolean; readonly allowExternalModification?: boolean | undefined },
  others: readonly CodeOnLock[],
): Checked<AccessCodeDraft> {
  if (code === null) {
    const message = "The lock does not show the PIN of this code, so it cannot be managed: set a new one.";
    return refused(ruleBroken("cannot_be_managed", message));
  }
  const isTaken = others.some(
    ({ id, digits, isManaged }) => isManaged && id !== spec.access_code_id && digits === code.reveal(),
  );
  if (isTaken && !options.force) return refused(duplicate());
  const is_external_modification_allowed =
    options.allowExternalModification ?? spec.is_external_modification_allowed;
  return accepted({ spec: { ...spec, is_managed: true, is_external_modification_allowed }, code });
}

function checkLock(lock: LockFacts): Fault | undefined {
  return lock.canProgramCodes
    ? undefined
    : ruleBroken("device_cannot_program_codes", `"${lock.name}" takes no access codes through this API.`);
}

function checkOptions(options: AccessCodeOptions, lock: LockFacts): Fault | undefined {
  if (options.isOffline === true) {
    return invalidInput(
      "is_offline_access_code",
      `must not be true: "${lock.name}" has no offline access codes (can_program_offline_access_codes)`,
    );
  }
  if (options.isOneTimeUse === true) {
    return invalidInput("is_one_time_use", "must not be true: only offline access codes can be one-time");
  }
  if (options.attemptForOfflineDevice === false && !lock.isOnline) {
    const message = `"${lock.name}" cannot be reached now, and attempt_for_offline_device is false.`;
    return ruleBroken("device_offline", message);
  }
  return undefined;
}

function checkPool(isWanted: boolean, endsAt: number | null, lock: LockFacts): Fault | undefined {
  if (!isWanted) return undefined;
  if (!lock.supportsBackupPool) {
    return invalidInput("use_backup_access_code_pool", `must not be true: "${lock.name}" has no backup pool`);
  }
  return endsAt === null
    ? invalidInput("use_backup_access_code_pool", "must not be true for an ongoing access code")
    : undefined;
}

interface TimeFrame {
  readonly type: "ongoing" | "time_bound";
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** Giving an end to an ongoing code makes it time-bound; the type `ongoing` drops both instants. */
function timeFrameOf(change: AccessCodeChange, spec: AccessCodeSpec): Checked<TimeFrame> {
  if (change.type === "ongoing") {
    return change.startsAt === undefined && change.endsAt === undefined
      ? accepted({ type: "ongoing", startsAt: null, endsAt: null })
      : refused(invalidInput("type", "must not be ongoing together with starts_at or ends_at"));
  }
  const startsAt = change.startsAt ?? instantOf(spec.starts_at);
  const endsAt = change.endsAt ?? instantOf(spec.ends_at);
  if (change.type === "time_bound" && endsAt === null) {
    return refused(invalidInput("ends_at", "Required: a time_bound access code needs an end"));
  }
  return accepted({ type: endsAt === null ? "ongoing" : "time_bound", startsAt, endsAt });
}

/** The PIN that the code is to have: the one sent, the one it has, or a new one. */
function codeFor(
  { code, preferredCodeLength }: AccessCodeOptions,
  before: AccessCodeDraft | null,
  { lock, others, random }: AccessCodeContext,
): Checked<Secret<string> | null> {
  const foreign = others.filter(({ id }) => id !== before?.spec.access_code_id);
  if (code !== undefined) {
    const fault = checkPin(code, lock);
    if (fault !== undefined) return refused(fault);
    return foreign.some(({ digits }) => digits === code.reveal()) ? refused(duplicate()) : accepted(code);
  }
  const known = before?.code ?? null;
  const hasWantedLength =
    preferredCodeLength === undefined ||
    known?.reveal().length === preferredCodeLength ||
    !lock.codeLengths.includes(preferredCodeLength);
  if (before !== null && hasWantedLength) return accepted(known);
  const taken = new Set(foreign.map(({ digits }) => digits));
  const made = generatePin([lock], { preferredLength: preferredCodeLength, taken, random });
  return made === undefined ? refused(noneLeft(lock)) : accepted(made);
}

export function noneLeft(lock: Pick<LockFacts, "name">): Fault {
  return ruleBroken(
    "no_code_available",
    `No PIN was found that "${lock.name}" takes and that is free there.`,
  );
}

export function duplicate(): Fault {
  return {
    status: 409,
    type: "duplicate_access_code",
    message: "Another access code on this device has the same PIN.",
    parameter: undefined,
  };
}

function instantOf(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
