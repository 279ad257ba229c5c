import type { KeypadsParts } from "./keypads.js";
import { objectOf } from "./owner.js";

/**
 * A code or credential that opens once is taken away everywhere, as if somebody at the site had done it. On disk when
 * this returns; throws when the disk does not take it.
 */
export function useUp(
  { deps, localChanges }: Pick<KeypadsParts, "deps" | "localChanges">,
  owner: string,
): void {
  const { kind, id } = objectOf(owner);
  const row = deps.store.objects.get(kind, id);
  if (row === undefined || row.gone) return;
  const state = kind === "acs_credential" ? "revoked" : "deleted";
  const document = { kind, id, spec: { ...row.spec, state }, code: row.code };
  localChanges([document], { opBy: "lock" }, "used up a code that opens once");
}
