import type { EngineDeps } from "./engine-deps.js";
import { isGoneState } from "./gone-state.js";
import type { ObjectRow } from "./ports.js";

/** Why no card is made for what a new history of the cloud lacks. */
export const ORPHANED = "orphaned";

/**
 * The cloud does not have it, and was told of no change of the desk that it could rule on: it was asked what to do. A
 * denial stands without being asked about.
 */
export function isOrphan({ offline }: Pick<EngineDeps, "offline">, row: ObjectRow): boolean {
  const { rev, provisional, gone, spec } = row;
  return offline !== null && rev === 0 && provisional === null && !gone && !isGoneState(spec["state"]);
}
