import { isApiKey } from "./api-key.js";
import { type Caller, SeamError } from "./model.js";
import type { Endpoint } from "./schemas/endpoint.js";

/** Whose key it is. `id` tells keys of one name apart. */
export type KnownKey = Pick<Caller, "name" | "role"> & { readonly id?: string };

/** Who presents this key? Answers by its digest, so that no comparison leaks the key. */
export type KeyCheck = (key: string) => KnownKey | undefined;

/** `local socket`: whoever can reach it is an administrator; the file's mode decides who can. */
export type Access = KeyCheck | "local socket";

const LOCAL: Caller = { name: "local socket", role: "admin", seesPins: true, from: "local socket" };
const RANK = { viewer: 0, technician: 1, admin: 2 } as const satisfies Record<Caller["role"], number>;

/** Somebody who may ask. */
export interface Admitted {
  readonly caller: Caller;
  /** By which requests are counted; null: they are not. */
  readonly key: string | null;
}

/** Throws `SeamError` 401. `from`: the address that asks. */
export function admit(access: Access, authorization: string | undefined, from: string | undefined): Admitted {
  if (access === "local socket") return { caller: LOCAL, key: null };
  const [, key = ""] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  const known = isApiKey(key) ? access(key) : undefined;
  if (known === undefined) {
    throw new SeamError(401, "unauthorized", 'A valid API key is needed: "Authorization: Bearer seam_…".');
  }
  const { id, name, role } = known;
  return { caller: { name, role, seesPins: role !== "viewer", from }, key: id ?? name };
}

/** Throws `SeamError` 403 when the caller may less than the endpoint needs. */
export function checkRole(by: Caller, needed: Endpoint["role"]): void {
  if (needed === null || RANK[by.role] >= RANK[needed]) return;
  throw new SeamError(
    403,
    "insufficient_role",
    `This key has the role ${by.role}; the route needs ${needed}.`,
  );
}

/** On every response. Nothing is cached, since answers may hold PINs. */
export function responseHeaders(requestId: string) {
  return {
    "seam-request-id": requestId,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
}
