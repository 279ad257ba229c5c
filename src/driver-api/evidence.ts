import { z } from "zod";

/**
 * How well something is known: tried on real hardware, taken from a recording of real traffic, read in a published
 * document, or assumed.
 */
export const EVIDENCE_LEVELS = ["hardware", "captured", "documented", "assumed"] as const;

/** `evidence.json` of a driver's folder: what the driver relies on, claim by claim. */
export const evidenceSchema = z.strictObject({
  /** The devices that the claims are about. */
  device: z.string().min(1),
  claims: z
    .array(
      z.strictObject({
        claim: z.string().min(1),
        level: z.enum(EVIDENCE_LEVELS),
        /** Document with revision and place, name of the recording, or device with firmware. */
        source: z.string().min(1),
      }),
    )
    .min(1),
});
