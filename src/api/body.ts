import type { JsonObject } from "#src/lib/json";
import { SeamError } from "./model.js";

export const BODY_BYTES_MAX = 1_048_576;
const DEPTH_MAX = 32;

/** The JSON object that a request carries; no body is an empty one. Throws `SeamError` for anything else. */
export function parseBody(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {};
  const value = parseJson(bytes);
  if (!isObject(value)) throw new SeamError(400, "invalid_json", "The body must be a JSON object.");
  checkShape(value);
  return value;
}

/** What came under another content type: nothing, or `SeamError`. */
export function parseNoBody(bytes: Buffer): JsonObject {
  if (bytes.length === 0) return {};
  throw wrongContentType();
}

export function wrongContentType(): SeamError {
  return new SeamError(400, "invalid_content_type", 'A body needs "Content-Type: application/json".');
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the body, which may hold a PIN.
    throw new SeamError(400, "invalid_json", "The body is not JSON in UTF-8.");
  }
}

/** Nothing deeper than any parameter is, and no key that means something to JavaScript objects. */
function checkShape(root: JsonObject): void {
  const open: { readonly value: object; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > DEPTH_MAX) {
      throw new SeamError(400, "invalid_json", `The body is nested deeper than ${DEPTH_MAX} levels.`);
    }
    if (Object.hasOwn(value, "__proto__")) {
      throw new SeamError(400, "invalid_json", 'The body has a property named "__proto__".');
    }
    for (const member of Object.values(value) as unknown[]) {
      if (typeof member === "object" && member !== null) open.push({ value: member, depth: depth + 1 });
    }
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
