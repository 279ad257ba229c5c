import { z } from "zod";
import type { DeviceSpec } from "./spec.js";

/**
 * What the gateway knows of one lock: carried by the journal, rendered as Seam's `device` on the gateway and in the
 * cloud alike. Times are epoch milliseconds.
 */
const notice = z.object({ code: z.string(), message: z.string(), createdAt: z.number() });

export const observedLockSchema = z.object({
  online: z.boolean(),
  /** null: the lock has not said. */
  locked: z.boolean().nullable(),
  /** null: the lock has not said, or cannot tell. */
  doorOpen: z.boolean().nullable().default(null),
  /** 0 to 1; null: the lock has not said. */
  battery: z.number().min(0).max(1).nullable(),
  /** What its keypad can do, as it said when it was last there; null while it never was. */
  keypad: z
    .object({
      /** Who decides: the lock, by the codes in its slots, or the gateway. */
      codes: z.enum(["on_device", "on_gateway"]),
      /** null: the gateway keeps the codes, and there is no such limit. */
      slots: z.number().int().min(0).nullable(),
      codeLengths: z.array(z.number().int()),
      canLock: z.boolean(),
      /** It keeps the windows of its codes itself. */
      hasSchedule: z.boolean().default(false),
    })
    .nullable(),
  model: z.string().nullable(),
  /** Why it is not online, and what else is wrong with it. */
  errors: z.array(notice),
  warnings: z.array(notice),
});
export type ObservedLock = z.infer<typeof observedLockSchema>;

/** What a person or an app sets on a lock. */
export const lockSettingsSchema = z.object({
  createdAt: z.number(),
  /** null: the name of the configuration. */
  name: z.string().nullable(),
  customMetadata: z.record(z.string(), z.union([z.string(), z.boolean()])),
  /** PIN lengths that it really takes, where somebody reported otherwise than it says. */
  codeLengths: z.array(z.number().int()).nullable(),
  /** Is the pool of backup codes filled? On from the first code that asks for it. */
  isPoolEnabled: z.boolean(),
});
export type LockSettings = z.infer<typeof lockSettingsSchema>;

/** Of a lock on which nobody has set anything. */
export function unsetLock(createdAt: number): LockSettings {
  return { createdAt, name: null, customMetadata: {}, codeLengths: null, isPoolEnabled: false };
}

/** What the document of a lock sets on it; when it was seen first is no part of the document. */
export function settingsOf(spec: DeviceSpec, createdAt: number): LockSettings {
  if (spec.state === "forgotten") return unsetLock(createdAt);
  return {
    createdAt,
    name: spec.name,
    customMetadata: spec.custom_metadata,
    codeLengths: spec.supported_code_lengths,
    isPoolEnabled: spec.backup_access_code_pool_enabled,
  };
}

export function deviceSpecOf(id: string, settings: LockSettings): DeviceSpec {
  return {
    device_id: id,
    name: settings.name,
    custom_metadata: settings.customMetadata,
    supported_code_lengths: settings.codeLengths,
    backup_access_code_pool_enabled: settings.isPoolEnabled,
    state: "active",
    created_at: new Date(settings.createdAt).toISOString(),
  };
}
