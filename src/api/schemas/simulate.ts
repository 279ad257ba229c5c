import { z } from "zod";
import { ENCODE_ERRORS, SCAN_ERRORS } from "#src/domain/simulation-order";
import { ACT, answer, endpoint } from "./endpoint.js";
import { accessPin, exactlyOne, id, text } from "./fields.js";
import { accessCode, actionAttempt } from "./objects.js";

/** Routes of a sandbox workspace: they act on its simulated hardware. Everywhere else they are 404. */

export const simulateEncodeSuccess = endpoint({
  path: "/acs/encoders/simulate/next_credential_encode_will_succeed",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    scenario: z.literal("credential_is_issued").default("credential_is_issued"),
  }),
  output: answer({}),
});

export const simulateEncodeFailure = endpoint({
  path: "/acs/encoders/simulate/next_credential_encode_will_fail",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    error_code: z.enum(ENCODE_ERRORS).default("no_credential_on_encoder"),
    acs_credential_id: id.optional(),
  }),
  output: answer({}),
});

export const simulateScanSuccess = endpoint({
  path: "/acs/encoders/simulate/next_credential_scan_will_succeed",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    scenario: z
      .enum([
        "credential_exists_on_seam",
        "credential_on_encoder_needs_update",
        "credential_does_not_exist_on_seam",
        "credential_on_encoder_is_empty",
      ])
      .default("credential_exists_on_seam"),
    acs_credential_id_on_seam: id.optional(),
  }),
  output: answer({}),
});

export const simulateScanFailure = endpoint({
  path: "/acs/encoders/simulate/next_credential_scan_will_fail",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    error_code: z.enum(SCAN_ERRORS).default("no_credential_on_encoder"),
    acs_credential_id_on_seam: id.optional(),
  }),
  output: answer({}),
});

export const simulateUnmanagedCode = endpoint({
  path: "/access_codes/simulate/create_unmanaged_access_code",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id, code: accessPin, name: text }),
  output: answer({ access_code: accessCode }),
});

export const simulateKeypadEntry = endpoint({
  path: "/locks/simulate/keypad_code_entry",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id, code: accessPin }),
  output: answer({ action_attempt: actionAttempt }),
});

export const simulateLockByHand = endpoint({
  path: "/locks/simulate/manual_lock_via_keypad",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id }),
  output: answer({ action_attempt: actionAttempt }),
});

export const simulateConnect = endpoint({
  path: "/devices/simulate/connect",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id }),
  output: answer({}),
});

export const simulateDisconnect = endpoint({
  path: "/devices/simulate/disconnect",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id }),
  output: answer({}),
});

/** Ours, since Seam has none: what befalls a lock without anybody asking it. Exactly one of the four. */
export const simulateLock = endpoint({
  path: "/lockbridge/simulate/lock",
  methods: ACT,
  role: "technician",
  input: z
    .object({
      device_id: id,
      jam: z.literal(true).optional(),
      tamper: z.literal(true).optional(),
      door_open: z.boolean().optional(),
      battery_level: z.number().min(0).max(1).optional(),
    })
    .superRefine(exactlyOne("jam", "tamper", "door_open", "battery_level")),
  output: answer({}),
});
