import { accessCodeSpec, acsCredentialSpec } from "#src/domain/spec";
import { isGoneState } from "./gone-state.js";
import type { LocalDocument } from "./engine.js";
import type { ObjectRow } from "./ports.js";

type Code = Pick<LocalDocument, "kind" | "spec" | "code">;

/**
 * Would this document put a PIN on a lock that the one before it did not? A new PIN does, and so does a longer time or
 * another door for the same one; a name does not, nor does anything that takes away.
 */
export function bringsPin(
  before: Pick<ObjectRow, "kind" | "spec" | "code"> | undefined,
  after: Code,
): boolean {
  const next = reachOf(after);
  if (next === null) return false;
  const last = before === undefined ? null : reachOf(before);
  return (
    last?.pin !== next.pin ||
    next.startsAt < last.startsAt ||
    next.endsAt > last.endsAt ||
    next.doors.some((door) => !last.doors.includes(door))
  );
}

/** The PIN, where and when it opens; null: nothing is to open. */
function reachOf({ kind, spec, code }: Code) {
  if (code === null) return null;
  const pin = code.reveal();
  if (kind === "access_code") {
    const { data } = accessCodeSpec.safeParse(spec);
    if (data?.is_managed !== true || data.state !== "active") return null;
    return { pin, ...windowOf(data), doors: [data.device_id] };
  }
  const { data } = acsCredentialSpec.safeParse(spec);
  if (kind !== "acs_credential" || data?.access_method !== "code" || isGoneState(data.state)) return null;
  return { pin, ...windowOf(data), doors: data.allowed_acs_entrance_ids };
}

function windowOf({
  starts_at,
  ends_at,
}: {
  readonly starts_at: string | null;
  readonly ends_at: string | null;
}) {
  return {
    startsAt: starts_at === null ? -Infinity : Date.parse(starts_at),
    endsAt: ends_at === null ? Infinity : Date.parse(ends_at),
  };
}
