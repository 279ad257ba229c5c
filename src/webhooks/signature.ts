import { createHmac } from "node:crypto";
import { Secret } from "#src/lib/secret";

/**
 * How deliveries prove where they come from: the scheme of Svix, which Seam's `SeamWebhook.verify` checks
 * (https://docs.svix.com/receiving/verifying-payloads/how-manual).
 */
const PREFIX = "whsec_";
const SECRET_BYTES = 24;

/** A receiver's secret, new: `whsec_` and base64. */
export function mintWebhookSecret(random: (size: number) => Uint8Array): Secret<string> {
  return new Secret(`${PREFIX}${Buffer.from(random(SECRET_BYTES)).toString("base64")}`);
}

/** HMAC-SHA-256 over id, time and body. `at`: epoch ms; verifiers refuse what is more than five minutes off. */
export function signedHeaders(
  secret: Secret<string>,
  { id, at, body }: { readonly id: string; readonly at: number; readonly body: string },
): Readonly<Record<"svix-id" | "svix-timestamp" | "svix-signature", string>> {
  const key = Buffer.from(secret.reveal().slice(PREFIX.length), "base64");
  const timestamp = String(Math.floor(at / 1_000));
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`, "utf8").digest("base64");
  return { "svix-id": id, "svix-timestamp": timestamp, "svix-signature": `v1,${signature}` };
}
