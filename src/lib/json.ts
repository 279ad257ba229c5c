import { createHash } from "node:crypto";

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * RFC 8785 (JSON Canonicalization Scheme): the one text of a JSON value, for hashing. JavaScript's own number and
 * string serialisation is what the RFC prescribes; keys are sorted by UTF-16 code units. `undefined` members are left
 * out, as `JSON.stringify` does.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value))
    throw new TypeError("JSON has no NaN and no infinity");
  return JSON.stringify(value);
}

/** SHA-256 over the canonical JSON of `value`, lower-case hex. */
export function fingerprintOf(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
