import { z } from "zod";

/** Seam's objects as they are answered. What they need not have is left open. */

const notices = z.array(z.looseObject({ message: z.string(), created_at: z.string() }));

export const workspace = z.looseObject({
  workspace_id: z.string(),
  name: z.string(),
  is_sandbox: z.boolean(),
});

export const acsSystem = z.looseObject({
  acs_system_id: z.string(),
  connected_account_id: z.string(),
  name: z.string(),
  errors: notices,
  warnings: notices,
  created_at: z.string(),
});

export const acsEntrance = z.looseObject({
  acs_entrance_id: z.string(),
  acs_system_id: z.string(),
  display_name: z.string(),
  errors: notices,
  created_at: z.string(),
});

export const acsEncoder = z.looseObject({
  acs_encoder_id: z.string(),
  acs_system_id: z.string(),
  display_name: z.string(),
  errors: notices,
  created_at: z.string(),
});

export const acsUser = z.looseObject({
  acs_user_id: z.string(),
  acs_system_id: z.string(),
  display_name: z.string(),
  is_managed: z.literal(true),
  errors: notices,
  warnings: notices,
  created_at: z.string(),
});

export const acsCredential = z.looseObject({
  acs_credential_id: z.string(),
  acs_system_id: z.string(),
  acs_user_id: z.string().optional(),
  access_method: z.enum(["card", "code"]),
  display_name: z.string(),
  /** Null when it has a PIN that the caller may not see. */
  code: z.string().nullable().optional(),
  card_number: z.string().optional(),
  is_issued: z.boolean().optional(),
  issued_at: z.string().optional(),
  starts_at: z.string().optional(),
  ends_at: z.string().optional(),
  is_managed: z.literal(true),
  is_latest_desired_state_synced_with_provider: z.boolean(),
  errors: notices,
  warnings: z.array(z.looseObject({ warning_code: z.string(), message: z.string(), created_at: z.string() })),
  created_at: z.string(),
});

export const acsAccessGroup = z.looseObject({
  acs_access_group_id: z.string(),
  acs_system_id: z.string(),
  name: z.string(),
  display_name: z.string(),
  created_at: z.string(),
});

export const accessCode = z.looseObject({
  access_code_id: z.string(),
  device_id: z.string(),
  name: z.string().nullable(),
  /** Null when the caller may not see it, or the lock does not show it. */
  code: z.string().nullable(),
  type: z.enum(["ongoing", "time_bound"]),
  status: z.enum(["unset", "setting", "set", "removing", "unknown"]),
  starts_at: z.string().nullable().optional(),
  ends_at: z.string().nullable().optional(),
  is_managed: z.boolean(),
  errors: notices,
  warnings: notices,
  created_at: z.string(),
});

export const device = z.looseObject({
  device_id: z.string(),
  device_type: z.string(),
  display_name: z.string(),
  capabilities_supported: z.array(z.string()),
  properties: z.looseObject({ online: z.boolean() }),
  is_managed: z.literal(true),
  errors: notices,
  warnings: notices,
  created_at: z.string(),
});

export const actionAttempt = z.object({
  action_attempt_id: z.string(),
  action_type: z.string(),
  status: z.enum(["pending", "success", "error"]),
  result: z.looseObject({}).nullable(),
  error: z.object({ type: z.string(), message: z.string() }).nullable(),
});

export const seamEvent = z.looseObject({
  event_id: z.string(),
  event_type: z.string(),
  workspace_id: z.string(),
  created_at: z.string(),
  occurred_at: z.string(),
});
