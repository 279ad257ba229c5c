import { SET_AHEAD_MS } from "#src/domain/codes/schedule";
import type { ObservedCode } from "#src/domain/observed-code";
import type { AccessCodeSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { isoInstant, utcInstant } from "./instant.js";

type CodeNotice = ObservedCode["errors"][number];
type Pending = ObservedCode["pending"][number];

export interface AccessCodeFacts {
  readonly spec: AccessCodeSpec;
  /** null withholds it. */
  readonly code: Secret<string> | null;
  /** null while no gateway has spoken of it. */
  readonly observed: ObservedCode | null;
  readonly workspaceId: string;
  /** Where only a time frame far ahead tells that nothing is under way. Epoch ms. */
  readonly now: number;
}

/** Seam's `access_code`, managed or unmanaged as its document says. */
export function renderAccessCode(facts: AccessCodeFacts): JsonObject {
  return facts.spec.is_managed ? renderManaged(facts) : renderUnmanaged(facts);
}

function renderManaged({ spec, code, observed: told, workspaceId, now }: AccessCodeFacts): JsonObject {
  const observed = told ?? unheard(spec, now);
  return {
    ...coreOf(spec, code, workspaceId),
    common_code_key: spec.common_code_key,
    status: observed.status,
    is_managed: true,
    is_external_modification_allowed: spec.is_external_modification_allowed,
    is_offline_access_code: false,
    is_one_time_use: spec.is_one_time_use,
    is_backup_access_code_available: observed.isBackupAvailable,
    is_backup: spec.is_backup,
    is_scheduled_on_device: observed.isScheduledOnDevice,
    is_waiting_for_code_assignment: false,
    pulled_backup_access_code_id: spec.pulled_backup_access_code_id,
    ...(observed.appearance === null ? {} : { appearance: { name: observed.appearance } }),
    pending_mutations: observed.pending.map((pending) => renderPending(pending, code)),
    ...noticesOf(observed),
  };
}

/** Seam knows only two states of a code that is not ours. */
function renderUnmanaged({ spec, code, observed, workspaceId }: AccessCodeFacts): JsonObject {
  return {
    ...coreOf(spec, code, workspaceId),
    status: observed?.status === "unset" ? "unset" : "set",
    is_managed: false,
    ...(spec.has_code ? {} : { cannot_be_managed: true }),
    ...noticesOf(observed ?? { errors: [], warnings: [] }),
  };
}

function coreOf(spec: AccessCodeSpec, code: Secret<string> | null, workspaceId: string): JsonObject {
  return {
    access_code_id: spec.access_code_id,
    device_id: spec.device_id,
    workspace_id: workspaceId,
    name: spec.name,
    code: code?.reveal() ?? null,
    type: spec.type,
    ...(spec.type === "ongoing" && spec.starts_at === null
      ? {}
      : {
          starts_at: spec.starts_at === null ? null : utcInstant(spec.starts_at),
          ends_at: spec.ends_at === null ? null : utcInstant(spec.ends_at),
        }),
    created_at: utcInstant(spec.created_at),
  };
}

function noticesOf({ errors, warnings }: Pick<ObservedCode, "errors" | "warnings">): JsonObject {
  return {
    errors: errors.map((notice) => ({
      error_code: notice.code,
      ...(isOfDevice(notice.code) ? { is_device_error: true } : { is_access_code_error: true }),
      ...bodyOf(notice),
    })),
    warnings: warnings.map((notice) => ({ warning_code: notice.code, ...bodyOf(notice) })),
  };
}

function bodyOf({ message, createdAt, more = {} }: CodeNotice): JsonObject {
  return { ...(more as JsonObject), message, created_at: isoInstant(createdAt) };
}

/** Errors of the lock that Seam repeats on its codes. */
function isOfDevice(code: string): boolean {
  return (
    code.startsWith("device_") || code === "hub_disconnected" || code === "empty_backup_access_code_pool"
  );
}

const SENTENCES: Readonly<Record<Pending["mutation"], string>> = {
  creating: "The code is being set on the lock.",
  deferring_creation: "The code will be set on the lock shortly before it starts.",
  deleting: "The code is being removed from the lock.",
  updating_code: "The PIN is being changed on the lock.",
  updating_name: "The name is being changed on the lock.",
  updating_time_frame: "The time frame is being changed on the lock.",
};

function renderPending(pending: Pending, code: Secret<string> | null): JsonObject {
  const { mutation, createdAt, scheduledAt, from, to } = pending;
  const isPin = mutation === "updating_code";
  return {
    mutation_code: mutation,
    message: SENTENCES[mutation],
    created_at: isoInstant(createdAt),
    ...(scheduledAt === undefined ? {} : { scheduled_at: isoInstant(scheduledAt) }),
    ...(isPin ? { from: { code: null }, to: { code: code?.reveal() ?? null } } : {}),
    ...(from === undefined || isPin ? {} : { from }),
    ...(to === undefined || isPin ? {} : { to }),
  };
}

/** What is certain of a wish that no gateway has answered yet. */
export function unheard(spec: AccessCodeSpec, now: number): ObservedCode {
  const createdAt = Date.parse(spec.created_at);
  const startsAt = spec.starts_at === null ? null : Date.parse(spec.starts_at);
  const isFarAhead = startsAt !== null && startsAt - SET_AHEAD_MS > now;
  return {
    rev: 0,
    status: isFarAhead ? "unset" : "setting",
    isScheduledOnDevice: false,
    isBackupAvailable: false,
    appearance: null,
    pending: [
      isFarAhead
        ? { mutation: "deferring_creation", createdAt, scheduledAt: startsAt - SET_AHEAD_MS }
        : { mutation: "creating", createdAt },
    ],
    errors: [],
    warnings: [],
  };
}
