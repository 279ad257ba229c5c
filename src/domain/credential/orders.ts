import type { CredentialEffect } from "./credential.events.js";

/**
 * What both machines share. `owe` is how a machine gives an order: XState names it with its parameter, the engine
 * carries it out once the record is on disk. Here it does nothing.
 */
export const owe: (scope: unknown, effect: CredentialEffect) => void = () => undefined;

export const reassertRevocation = {
  type: "owe",
  params: { type: "reassertRevocation" } satisfies CredentialEffect,
} as const;

export const revoke = { type: "deny", params: "revoked" } as const;
export const remove = { type: "deny", params: "deleted" } as const;
