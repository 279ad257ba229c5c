import type { ObjectKind } from "#src/domain/spec";

/** An object as the planner names it. */
export function ownerOf(kind: ObjectKind, id: string): string {
  return `${kind}:${id}`;
}

/** The object that a slot is kept for. */
export function objectOf(owner: string): {
  readonly kind: "access_code" | "acs_credential";
  readonly id: string;
} {
  const [kind, id = ""] = owner.split(":");
  return { kind: kind === "acs_credential" ? "acs_credential" : "access_code", id };
}
