import { z } from "zod";
import { badgeSchema } from "./badge.js";

/**
 * What the gateway knows of one credential, as Seam words it. Derived from the record by one pure function
 * (`credential/derive.ts`), carried by every journal event on a credential, rendered by `seam/credential.ts` on the
 * gateway and in the cloud alike. Times are epoch milliseconds.
 */
const notice = z.object({ code: z.string(), message: z.string(), createdAt: z.number() });

export const observedSchema = z.object({
  /** The rev of the desired document this speaks of; 0 = made at the desk, not ruled on. */
  rev: z.number().int().min(0),
  generation: z.number().int().min(0),
  state: z.string(),
  /** Absent (null) for codes. */
  isIssued: z.boolean().nullable(),
  issuedAt: z.number().nullable(),
  cardNumber: z.string().nullable(),
  /** The card is a badge that was made elsewhere. */
  badge: badgeSchema.exactOptional(),
  isSynced: z.boolean(),
  syncedAt: z.number().nullable(),
  warnings: z.array(notice),
  errors: z.array(notice),
  /** Cards that may still open something. */
  liveCards: z.number().int().min(0),
  /** Latest end of a live card; null when one has no end, or none is live. */
  cardsValidUntil: z.number().nullable(),
});
export type Observed = z.infer<typeof observedSchema>;
