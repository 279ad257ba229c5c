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
  "acs_entrance.added",
  "acs_entrance.removed",
  "acs_access_group.deleted",
  "acs_encoder.added",
  "acs_encoder.removed",
  "access_code.created",
  "access_code.mutations_requested",
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
  "device.added",
  "device.removed",
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
  "action_attempt.simulate_keypad_code_entry.succeeded",
  "action_attempt.simulate_keypad_code_entry.failed",
  "action_attempt.simulate_manual_lock_via_keypad.succeeded",
  "action_attempt.simulate_manual_lock_via_keypad.failed",
  "lock.locked",
  "lock.unlocked",
  "lock.access_denied",
] as const;
export type SeamEventType = (typeof SEAM_EVENT_TYPES)[number];

const NO_GRANTS = "there are no access grants and methods here";
const NO_ACCOUNTS = "a site is one account, which nobody connects or logs in to";
const NO_CLIMATE = "there are no thermostats and sensors here";
const ONE_KIND = "every device here is a managed one";
const NO_VENDOR = "no vendor's account stands between the gateway and its locks";

/** The rest of Seam's event types, and why they are never told. */
export const NEVER_TOLD: Readonly<Record<string, string>> = {
  "acs_system.connected":
    "a system is there as long as the configuration has it; its encoders and locks come and go",
  "acs_system.disconnected":
    "a system is there as long as the configuration has it; its encoders and locks come and go",
  "access_code.unmanaged.failed_to_convert_to_managed": "a conversion that cannot be is refused at once",
  "device.accessory_keypad_connected": "a keypad is a device of its own",
  "device.accessory_keypad_disconnected": "a keypad is a device of its own",
  "device.connection_became_flaky": "a lock is there or it is not",
  "device.connection_stabilized": "a lock is there or it is not",
  "device.converted_to_unmanaged": ONE_KIND,
  "device.unmanaged.connected": ONE_KIND,
  "device.unmanaged.disconnected": ONE_KIND,
  "device.unmanaged.converted_to_managed": ONE_KIND,
  "device.deleted": "what leaves the configuration is `device.removed`",
  "device.doorbell_rang": "no lock here tells of its bell",
  "device.error.subscription_required": NO_VENDOR,
  "device.error.subscription_required.resolved": NO_VENDOR,
  "device.third_party_integration_detected": NO_VENDOR,
  "device.third_party_integration_no_longer_detected": NO_VENDOR,
  "device.salto.privacy_mode_activated": NO_VENDOR,
  "device.salto.privacy_mode_deactivated": NO_VENDOR,
  "access_grant.access_granted_to_all_doors": NO_GRANTS,
  "access_grant.access_granted_to_door": NO_GRANTS,
  "access_grant.access_times_changed": NO_GRANTS,
  "access_grant.access_to_door_lost": NO_GRANTS,
  "access_grant.could_not_create_requested_access_methods": NO_GRANTS,
  "access_grant.created": NO_GRANTS,
  "access_grant.deleted": NO_GRANTS,
  "access_method.card_encoding_required": NO_GRANTS,
  "access_method.created": NO_GRANTS,
  "access_method.delay_in_issuing": NO_GRANTS,
  "access_method.deleted": NO_GRANTS,
  "access_method.failed_to_issue": NO_GRANTS,
  "access_method.issued": NO_GRANTS,
  "access_method.reissued": NO_GRANTS,
  "access_method.revoked": NO_GRANTS,
  "connect_webview.login_failed": NO_ACCOUNTS,
  "connect_webview.login_succeeded": NO_ACCOUNTS,
  "connected_account.completed_first_sync": NO_ACCOUNTS,
  "connected_account.completed_first_sync_after_reconnection": NO_ACCOUNTS,
  "connected_account.connected": NO_ACCOUNTS,
  "connected_account.created": NO_ACCOUNTS,
  "connected_account.deleted": NO_ACCOUNTS,
  "connected_account.disconnected": NO_ACCOUNTS,
  "connected_account.reauthorization_requested": NO_ACCOUNTS,
  "connected_account.successful_login": NO_ACCOUNTS,
  "client_session.deleted": "there are no client sessions here",
  "space.created": "there are no spaces here",
  "space.deleted": "there are no spaces here",
  "space.device_membership_changed": "there are no spaces here",
  "phone.deactivated": "no mobile keys are issued here",
  "camera.activated": "there are no cameras here",
  "noise_sensor.noise_threshold_triggered": NO_CLIMATE,
  "thermostat.climate_preset_activated": NO_CLIMATE,
  "thermostat.manually_adjusted": NO_CLIMATE,
  "thermostat.temperature_changed": NO_CLIMATE,
  "thermostat.temperature_reached_set_point": NO_CLIMATE,
  "thermostat.temperature_threshold_exceeded": NO_CLIMATE,
  "thermostat.temperature_threshold_no_longer_exceeded": NO_CLIMATE,
};

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
