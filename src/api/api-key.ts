import { createHash } from "node:crypto";

/**
 * API keys as Seam's SDK accepts them: `seam_…`, but none of the shapes that it takes for an access token, a client
 * session or a publishable key.
 */
const API_KEY = /^seam_(?!at|cst|pk)[\x21-\x7e]{4,200}$/;

export function isApiKey(text: string): boolean {
  return API_KEY.test(text);
}

/** A new key of 256 random bits. */
export function mintApiKey(random: (size: number) => Uint8Array): string {
  return `seam_lockbridge_${Buffer.from(random(32)).toString("base64url")}`;
}

/** What is stored of a key, and looked up: SHA-256 in lower-case hex. Comparing digests gives no key away by timing. */
export function apiKeyDigest(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
