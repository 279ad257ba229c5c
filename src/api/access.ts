import { isApiKey } from "./api-key.js";
import { type Caller, SeamError } from "./model.js";
import type { Endpoint } from "./schemas/endpoint.js";

/** Who presents this key? Answers by its digest, so that no comparison leaks the key. */
export type KeyCheck = (key: string) => Pick<Caller, "name" | "role"> | undefined;

/** `local socket`: whoever can reach it is an administrator; the file's mode decides who can. */
export type Access = KeyCheck | "local socket";

const LOCAL: Caller = { name: "local socket", role: "admin", seesPins: true };
const RANK = { viewer: 0, technician: 1, admin: 2 } as const satisfies Record<Caller["role"], number>;

/** The caller; throws `SeamError` 401. */
export function admit(access: Access, authorization: string | undefined): Caller {
  if (access === "local socket") return LOCAL;
  const [, key = ""] = /^Bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  const known = isApiKey(key) ? access(key) : undefined;
  if (known === undefined) {
    throw new SeamError(401, "unauthorized", 'A valid API key is needed: "Authorization: Bearer seam_…".');
  }
  return { name: known.name, role: known.role, seesPins: known.role !== "viewer" };
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

/**
 * On every response. Any origin may read it: what protects the API is the key, which a page has only when it was given
 * one, and never a cookie. Nothing is cached, since answers may hold PINs.
 */
export function responseHeaders(requestId: string) {
  return {
    "seam-request-id": requestId,
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "seam-request-id, retry-after",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
}

/** What a browser may send. */
export const preflightHeaders = {
  "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
  "access-control-allow-headers": [
    "authorization",
    "content-type",
    "last-event-id",
    "seam-workspace",
    "client-session-token",
    "seam-client-session-token",
    "seam-publishable-key",
    "seam-lts-version",
    "seam-sdk-name",
    "seam-sdk-version",
  ].join(", "),
  "access-control-max-age": "600",
};
