import { z } from "zod";
import { badgeSchema } from "../badge.js";

/**
 * The stored life of one credential. The machine in `credential.machine.ts` is the only writer. Times are epoch
 * milliseconds; `uid` is lower-case hex, `null` where a key server made the card and told none.
 */
const uid = z.string().nullable();
const instant = z.number();

/** What the cloud (or the desk) wants. `fingerprint` covers what lies on the card and nothing else. */
export const desiredSchema = z.object({
  /** 0: made at the desk and not ruled on. */
  rev: z.number().int().min(0),
  fingerprint: z.string(),
  /** false: suspended. Cards keep their state and cannot be written; codes leave the locks. */
  allowed: z.boolean(),
  startsAt: instant.nullable(),
  endsAt: instant.nullable(),
});
export type Desired = z.infer<typeof desiredSchema>;

const issuedSchema = z.object({
  generation: z.number().int().min(1),
  fingerprint: z.string(),
  uid,
  cardNumber: z.string().nullable(),
  encoderId: z.string().nullable(),
  at: instant,
  /** false: a later write to the same card was torn. */
  good: z.boolean(),
  /** It is a badge that was made elsewhere: nothing was written, so it is never out of date, and is no entry of `cards`. */
  badge: badgeSchema.exactOptional(),
});

/** A card that was written, or may have been, and is not proven dead. */
const cardSchema = z.object({
  generation: z.number().int().min(1),
  uid,
  certainty: z.enum(["written", "maybe"]),
  validUntil: instant.nullable(),
});

const intentSchema = z.object({
  generation: z.number().int().min(1),
  uid,
  fingerprint: z.string(),
  validUntil: instant.nullable(),
  cardNumber: z.string().nullable(),
});

const jobSchema = z.object({ id: z.string(), encoderId: z.string(), intent: intentSchema.nullable() });

export const credentialContextSchema = z.object({
  desired: desiredSchema,
  /** A latch: nothing clears it. */
  denied: z.enum(["revoked", "deleted"]).nullable(),
  /** The cloud no longer keeps it: the record goes once no card of it can open anything. Never cleared. */
  forgotten: z.boolean(),
  /** Counts durable intents; never reused. */
  generation: z.number().int().min(0),
  issued: issuedSchema.nullable(),
  cards: z.array(cardSchema),
  doubt: intentSchema.nullable(),
  job: jobSchema.nullable(),
  /** Why it is where it is, in a stable word (`expired`, `overwritten`, …), or null. */
  why: z.string().nullable(),
  /** When the present state began. */
  since: instant,
  /** Automatic only: keypads that lag, one entry an entrance, shown as errors. */
  lagging: z.array(z.object({ entranceId: z.string(), reason: z.string(), since: instant })),
});
export type CredentialContext = z.infer<typeof credentialContextSchema>;

export const ISSUANCES = ["presented", "automatic"] as const;
export type Issuance = (typeof ISSUANCES)[number];

export const RECORD_VERSION = 1;

/** The four fields that are stored, and nothing of XState's own snapshot. */
export const credentialRecordSchema = z.object({
  version: z.literal(RECORD_VERSION),
  issuance: z.enum(ISSUANCES),
  /** One flat name: `waiting_to_be_issued`, `issuing.presenting`, `issuing.writing`, `issued`, … */
  state: z.string(),
  context: credentialContextSchema,
});
export type CredentialRecord = z.infer<typeof credentialRecordSchema>;
