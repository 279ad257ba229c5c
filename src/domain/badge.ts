import { z } from "zod";

/** What a badge that was made elsewhere says, and how that was understood. */
export const badgeSchema = z.object({
  /** Name of the Wiegand format. */
  format: z.string(),
  /** null: the format has no facility code. */
  facility: z.number().int().min(0).nullable(),
  number: z.number().int().min(0),
  bitCount: z.number().int().min(1).max(64),
  /** Hex, most significant bit first, left-justified: as readers on OSDP send them. */
  bits: z.string().regex(/^([0-9a-f]{2}){1,8}$/),
});
export type Badge = z.infer<typeof badgeSchema>;

/** The number that people and the API know a badge by: `facility-number`, or the number alone. */
export function badgeNumber({ facility, number }: Pick<Badge, "facility" | "number">): string {
  return facility === null ? String(number) : `${facility}-${number}`;
}

/** What tells a badge from every other, whatever numbers its bits are taken for. No card's serial number looks so. */
export function badgeName({ bitCount, bits }: Pick<Badge, "bitCount" | "bits">): string {
  return `${bitCount}:${bits}`;
}
