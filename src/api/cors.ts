/** What a browser may send to another origin's server (https://fetch.spec.whatwg.org/#http-cors-protocol). */
const PREFLIGHT = {
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

export type CorsHeaders = Readonly<Record<string, string>>;

/**
 * Whether a page of another origin may read an answer: only of an origin that the configuration names, `*` for all.
 * What protects the API is the key, which a page has only when it was given one, and never a cookie.
 */
export function corsHeaders(allowed: readonly string[], origin: string | undefined): CorsHeaders {
  if (allowed.length === 0) return {};
  const vary = { vary: "origin" };
  const isAny = allowed.includes("*");
  if (origin === undefined || (!isAny && !allowed.includes(origin))) return isAny ? {} : vary;
  return {
    ...(isAny ? {} : vary),
    "access-control-allow-origin": isAny ? "*" : origin,
    "access-control-expose-headers": "seam-request-id, retry-after",
  };
}

/** Beside `corsHeaders`, when a browser asks first. */
export function preflightHeaders(granted: CorsHeaders): CorsHeaders {
  return "access-control-allow-origin" in granted ? PREFLIGHT : {};
}
