import { z } from "zod";

/**
 * What can be asked of simulated hardware, wherever it is asked for: by Seam's `simulate` routes at the gateway, or in
 * the cloud, which passes it on. A PIN travels beside it.
 */
export const ENCODE_ERRORS = [
  "no_credential_on_encoder",
  "encoding_interrupted",
  "uncategorized_error",
  "action_attempt_expired",
] as const;
export const SCAN_ERRORS = [
  "no_credential_on_encoder",
  "uncategorized_error",
  "action_attempt_expired",
] as const;

const credential = z.string().nullable().default(null);

const encodeOutcome = z.discriminatedUnion("is", [
  z.object({ is: z.literal("success") }),
  /** Only the next encode of this credential fails; null: whichever comes next. */
  z.object({ is: z.literal("error"), error: z.enum(ENCODE_ERRORS), credentialId: credential }),
]);
export type EncodeOutcome = z.infer<typeof encodeOutcome>;

/** `known` and `stale`: the card of this credential lies there; null: that of the credential written last. */
const scanOutcome = z.discriminatedUnion("is", [
  z.object({ is: z.enum(["known", "stale"]), credentialId: z.string().nullable() }),
  z.object({ is: z.literal("foreign") }),
  z.object({ is: z.literal("blank") }),
  /** The card of this credential is the one that cannot be read, or that never comes; null: no certain one. */
  z.object({ is: z.literal("error"), error: z.enum(SCAN_ERRORS), credentialId: credential }),
]);
export type ScanOutcome = z.infer<typeof scanOutcome>;

/** What befalls a lock without anybody asking it. */
const lockIncident = z.discriminatedUnion("is", [
  z.object({ is: z.enum(["jammed", "tampered"]) }),
  z.object({ is: z.literal("door"), isOpen: z.boolean() }),
  /** 0 to 1. */
  z.object({ is: z.literal("battery"), level: z.number().min(0).max(1) }),
]);
export type LockIncident = z.infer<typeof lockIncident>;

export const simulationOrder = z.discriminatedUnion("do", [
  z.object({ do: z.literal("next_encode"), encoderId: z.string(), outcome: encodeOutcome }),
  z.object({ do: z.literal("next_scan"), encoderId: z.string(), outcome: scanOutcome }),
  /** Somebody sets the PIN at the lock. */
  z.object({ do: z.literal("set_code"), deviceId: z.string(), name: z.string() }),
  /** Somebody enters the PIN. */
  z.object({ do: z.literal("enter_code"), deviceId: z.string() }),
  z.object({ do: z.literal("lock_by_hand"), deviceId: z.string() }),
  z.object({ do: z.literal("befall_lock"), deviceId: z.string(), incident: lockIncident }),
  z.object({ do: z.literal("set_connected"), deviceId: z.string(), isConnected: z.boolean() }),
]);
export type SimulationOrder = z.infer<typeof simulationOrder>;
