import type { JsonObject } from "#src/lib/json";
import type { Badge } from "../badge.js";

/** What Seam has no property for. `card_number` is `facility_code-number`, or the number alone. */
export function badgeFacts(
  badge: Badge | (Pick<Badge, "bits" | "bitCount"> & { readonly problem: string }),
): JsonObject {
  const { bitCount, bits } = badge;
  const meaning =
    "problem" in badge
      ? { format: null, facility_code: null, number: null, problem: badge.problem }
      : { format: badge.format, facility_code: badge.facility, number: badge.number };
  return { ...meaning, bit_count: bitCount, bits };
}
