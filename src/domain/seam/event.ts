import type { Json, JsonObject } from "#src/lib/json";
import { isoInstant } from "./instant.js";

/** The events that a gateway and its cloud tell of, in Seam's words. */
export const SEAM_EVENT_TYPES = [
  "acs_credential.issued",
  "acs_credential.reissued",
  "acs_credential.invalidated",
  "acs_credential.deleted",
  "acs_user.created",
  "acs_user.deleted",
  "acs_system.added",
  "acs_system.connected",
  "acs_system.disconnected",
  "acs_entrance.added",
  "acs_entrance.removed",
  "acs_access_group.deleted",
  "acs_encoder.added",
  "acs_encoder.removed",
  "access_code.created",
  "access_code.changed",
  "access_code.name_changed",
  "access_code.code_changed",
  "access_code.time_frame_changed",
  "access_code.deleted",
  "access_code.set_on_device",
  "access_code.scheduled_on_device",
  "access_code.removed_from_device",
  "access_code.delay_in_setting_on_device",
  "access_code.failed_to_set_on_device",
  "access_code.delay_in_removing_from_device",
  "access_code.failed_to_remove_from_device",
  "access_code.modified_external_to_seam",
  "access_code.deleted_external_to_seam",
  "access_code.backup_access_code_pulled",
  "access_code.unmanaged.created",
  "access_code.unmanaged.removed",
  "access_code.unmanaged.converted_to_managed",
  "device.connected",
  "device.disconnected",
  "device.name_changed",
  "device.low_battery",
  "device.battery_status_changed",
  "device.tampered",
  "action_attempt.lock_door.succeeded",
  "action_attempt.lock_door.failed",
  "action_attempt.unlock_door.succeeded",
  "action_attempt.unlock_door.failed",
  "lock.locked",
  "lock.unlocked",
  "lock.access_denied",
] as const;
export type SeamEventType = (typeof SEAM_EVENT_TYPES)[number];

/** An event in Seam's words. Lists, webhooks and the store hold the same object. */
export interface SeamEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly workspace_id: string;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  readonly occurred_at: string;
  readonly [extra: string]: Json;
}

/** Ids of what it happened to, by Seam's names; whatever it is, its system or its lock is named beside. */
export type EventSubject =
  | ({ readonly acs_system_id: string } & Partial<
      Readonly<
        Record<
          "acs_credential_id" | "acs_user_id" | "acs_access_group_id" | "acs_entrance_id" | "acs_encoder_id",
          string
        >
      >
    >)
  /** With further members of Seam's event; never a PIN. */
  | ({ readonly device_id: string } & JsonObject);

export function seamEvent(
  type: SeamEventType,
  subject: EventSubject,
  head: {
    readonly eventId: string;
    readonly workspaceId: string;
    readonly connectedAccountId: string;
    /** Epoch ms: when it happened, and when it was written down here. */
    readonly occurredAt: number;
    readonly createdAt: number;
  },
): SeamEvent {
  return {
    ...subject,
    event_id: head.eventId,
    event_type: type,
    workspace_id: head.workspaceId,
    connected_account_id: head.connectedAccountId,
    occurred_at: isoInstant(head.occurredAt),
    created_at: isoInstant(head.createdAt),
  };
}
