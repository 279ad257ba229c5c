import { z } from "zod";

/**
 * Desired documents, by kind: Seam's create parameters plus ids, `created_at` and `state`. The same shape lies in the
 * feed, in the store and in `local_change` journal events. A PIN is never in it: it travels beside (`secrets`) and is
 * sealed at rest. Unknown fields are kept.
 */
export const OBJECT_KINDS = [
  "acs_user",
  "acs_access_group",
  "acs_credential",
  "access_code",
  "device",
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

const instant = z.iso.datetime({ offset: true });
/** `forgotten`: the feed sent the tombstone. */
const state = z.enum(["active", "suspended", "revoked", "deleted", "forgotten"]);

export const acsUserSpec = z.looseObject({
  acs_user_id: z.string(),
  acs_system_id: z.string(),
  full_name: z.string(),
  email_address: z.string().nullable().optional(),
  phone_number: z.string().nullable().optional(),
  access_schedule: z.object({ starts_at: instant, ends_at: instant.nullable() }).nullable().optional(),
  acs_access_group_ids: z.array(z.string()).optional(),
  /** Entrances granted to the user itself: every credential of the user opens them. */
  granted_acs_entrance_ids: z.array(z.string()).optional(),
  state,
  created_at: instant,
});
export type AcsUserSpec = z.infer<typeof acsUserSpec>;

export const acsAccessGroupSpec = z.looseObject({
  acs_access_group_id: z.string(),
  acs_system_id: z.string(),
  name: z.string(),
  /** What it grants to every credential of its users. */
  acs_entrance_ids: z.array(z.string()).default([]),
  state,
  created_at: instant,
});
export type AcsAccessGroupSpec = z.infer<typeof acsAccessGroupSpec>;

export const acsCredentialSpec = z.looseObject({
  acs_credential_id: z.string(),
  acs_system_id: z.string(),
  acs_user_id: z.string().nullable(),
  access_method: z.enum(["card", "code"]),
  allowed_acs_entrance_ids: z.array(z.string()),
  starts_at: instant.nullable(),
  ends_at: instant.nullable(),
  is_one_time_use: z.boolean(),
  /** Does a PIN belong to it? The PIN itself is kept sealed, beside. */
  has_code: z.boolean(),
  /** What the vendor's own key system wants to know; `seam/brand-metadata.ts` has their members. */
  visionline_metadata: z.looseObject({}).optional(),
  assa_abloy_vostio_metadata: z.looseObject({}).optional(),
  state,
  created_at: instant,
});
export type AcsCredentialSpec = z.infer<typeof acsCredentialSpec>;

/**
 * A PIN on one lock. With `is_managed: false` it is one that somebody set at the lock: the gateway makes the document
 * when it sees the code, tells it by `local_change` like any other made at the site, and changes nothing at the lock.
 * Converting it to a managed one sets the flag and keeps the id.
 */
export const accessCodeSpec = z.looseObject({
  access_code_id: z.string(),
  device_id: z.string(),
  name: z.string().nullable().default(null),
  /** `time_bound` exactly when `ends_at` is set. */
  type: z.enum(["ongoing", "time_bound"]).default("ongoing"),
  starts_at: instant.nullable().default(null),
  ends_at: instant.nullable().default(null),
  /** Is its PIN known? The PIN itself is kept sealed, beside. */
  has_code: z.boolean().default(true),
  common_code_key: z.string().nullable().default(null),
  is_managed: z.boolean().default(true),
  is_external_modification_allowed: z.boolean().default(false),
  is_one_time_use: z.boolean().default(false),
  prefer_native_scheduling: z.boolean().default(true),
  max_time_rounding: z.enum(["1hour", "1day"]).default("1hour"),
  use_backup_access_code_pool: z.boolean().default(false),
  /** It lies in its lock's pool, and nobody was given it yet. */
  is_backup: z.boolean().default(false),
  pulled_backup_access_code_id: z.string().nullable().default(null),
  state,
  created_at: instant,
});
export type AccessCodeSpec = z.infer<typeof accessCodeSpec>;

/**
 * What a person or an app sets on a lock; that there is the lock, the configuration says. `forgotten` takes the settings
 * back to what they are without a document.
 */
export const deviceSpec = z.looseObject({
  device_id: z.string(),
  /** null: the name of the configuration. */
  name: z.string().nullable().default(null),
  custom_metadata: z.record(z.string(), z.union([z.string(), z.boolean()])).default({}),
  /** PIN lengths that it really takes, where somebody reported otherwise than it says; null: nobody did. */
  supported_code_lengths: z.array(z.number().int().min(1).max(20)).nullable().default(null),
  /** Is its pool of backup codes filled? */
  backup_access_code_pool_enabled: z.boolean().default(false),
  state: z.enum(["active", "forgotten"]),
  created_at: instant,
});
export type DeviceSpec = z.infer<typeof deviceSpec>;

/** Documents of each kind; `state: "deleted"` is the wish that it go, `revoked` that it never open anything again. */
export const specSchemas = {
  acs_user: acsUserSpec,
  acs_access_group: acsAccessGroupSpec,
  acs_credential: acsCredentialSpec,
  access_code: accessCodeSpec,
  device: deviceSpec,
} as const satisfies Record<ObjectKind, z.ZodType>;
