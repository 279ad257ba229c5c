import { z } from "zod";
import type { Json } from "#src/lib/json";

/** How values lie in columns: flags as 0 and 1, JSON as text, sealed values as blobs. */
export const flag = z.literal([0, 1]).transform((value) => value === 1);
export const blob = z.instanceof(Uint8Array);

/** A JSON text column. */
export const jsonText = z.string().transform(
  // JSON.parse makes nothing but JSON values.
  (text) => JSON.parse(text) as Json,
);

export function asFlag(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}

/** For `IN (SELECT value FROM json_each(?))`: one statement for lists of any length. */
export function asList(values: readonly (string | number)[]): string {
  return JSON.stringify(values);
}
