/** Does the state of a document take its object away? */
export function isGoneState(state: unknown): boolean {
  return state === "deleted" || state === "forgotten" || state === "revoked";
}
