import { z } from "zod";
import { Secret } from "#src/lib/secret";
import { isUuid } from "#src/lib/uuid";
import { decodeCursor } from "../cursor.js";

/** Kinds of parameter that many routes share. */

export const LIMIT_MAX = 1000;

/** Any UUID, in either case. */
export const id = z.string().refine(isUuid, "must be a UUID").toLowerCase();

export const ids = z.array(id).max(LIMIT_MAX);

/** ISO 8601 with `Z` or an offset; becomes epoch milliseconds. */
export const instant = z.iso
  .datetime({
    offset: true,
    error: "must be an ISO 8601 date-time with Z or an offset, e.g. 2026-11-22T14:00:00Z",
  })
  .transform((text) => Date.parse(text));

/** A PIN: ASCII digits, leading zeros kept. */
export const pin = z
  .string("must be a string of digits")
  .regex(/^[0-9]{1,16}$/, "must be a string of 1 to 16 digits")
  .transform((digits) => new Secret(digits));

/** A PIN of an access code; the lock's own lengths are checked after. */
export const accessPin = z
  .string("must be a string of digits")
  .regex(/^[0-9]{4,12}$/, "must be a string of 4 to 12 digits")
  .transform((digits) => new Secret(digits));

export const text = z.string().trim().min(1).max(200);

export const search = z.string().max(200).nullish();

export const pageCursor = z
  .string()
  .nullish()
  .transform((cursor, context) => {
    if (cursor == null) return undefined;
    const position = decodeCursor(cursor);
    if (position === undefined) context.addIssue("is not a cursor of this server");
    return position;
  });

/** `limit` and `page_cursor` of a paged list. */
export function paging(limit: number) {
  return {
    limit: z.int().min(1).max(LIMIT_MAX).default(limit),
    page_cursor: pageCursor,
  };
}

export const pagination = z.object({
  has_next_page: z.boolean(),
  next_page_cursor: z.string().nullable(),
  next_page_url: z.string().nullable(),
});

/** Exactly one of these parameters: issues name the first of them. */
export function exactlyOne<Name extends string>(...names: readonly Name[]) {
  return (input: Readonly<Partial<Record<Name, unknown>>>, context: z.core.$RefinementCtx): void => {
    const given = names.filter((name) => input[name] !== undefined);
    if (given.length === 1) return;
    const [first = ""] = names;
    const message =
      given.length === 0
        ? `Required: one of ${names.join(", ")}`
        : `must be the only one of ${names.join(", ")}`;
    context.addIssue({ code: "custom", path: [given[1] ?? first], message });
  };
}

/** A parameter of Seam's that would change the meaning of the call and has nothing here to stand for. */
export function notKept(what: string) {
  return z.undefined({ error: `is not supported: there are no ${what} here` }).optional();
}
