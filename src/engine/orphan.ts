import type { EngineDeps } from "./engine-deps.js";
import type { ObjectRow } from "./ports.js";

/** Why no card is made for what a new history of the cloud lacks. */
export const ORPHANED = "orphaned";

/** The cloud does not have it, and was told of no change of the desk that it could rule on: it was asked what to do. */
export function isOrphan({ offline }: Pick<EngineDeps, "offline">, { rev, provisional }: ObjectRow): boolean {
  return offline !== null && rev === 0 && provisional === null;
}
