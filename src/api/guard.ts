import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "#src/lib/deadline";
import { type Access, admit, checkRole, responseHeaders } from "./access.js";
import { corsHeaders, preflightHeaders } from "./cors.js";
import { type Caller, SeamError } from "./model.js";
import { type Rate, RateLimiter } from "./rate-limit.js";
import type { Endpoint } from "./schemas/endpoint.js";

export interface GuardOptions {
  readonly auth: Access;
  readonly clock: Clock;
  /** Of each key; without it nobody counts. */
  readonly rate?: Rate | undefined;
  /** Origins whose pages may read answers, `*` for all; none unless given. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** Whoever asks without a key, where none is needed. */
const NOBODY: Caller = { name: "nobody", role: "viewer", seesPins: false };

/**
 * Who, then how often, then where, then how, then whether that one may: before a byte of the body is read. Returns who
 * asks with a request that got past.
 */
export function guard(
  app: FastifyInstance,
  { auth, clock, rate, allowedOrigins = [] }: GuardOptions,
  endpoints: ReadonlyMap<string, Endpoint>,
): (request: FastifyRequest) => Caller {
  const callers = new WeakMap<FastifyRequest, Caller>();
  const limiter = rate === undefined ? undefined : new RateLimiter(rate, clock);
  app.addHook("onRequest", async (request, reply) => {
    const granted = corsHeaders(allowedOrigins, request.headers.origin);
    void reply.headers({ ...responseHeaders(request.id), ...granted });
    if (request.method === "OPTIONS") return reply.code(204).headers(preflightHeaders(granted)).send();
    const endpoint = endpoints.get(request.routeOptions.url ?? "");
    let by = NOBODY;
    if (endpoint?.role !== null) {
      const { caller, key } = admit(auth, request.headers.authorization, request.socket.remoteAddress);
      by = caller;
      const waitMs = key === null ? 0 : (limiter?.take(key) ?? 0);
      if (waitMs > 0) {
        void reply.header("retry-after", String(Math.ceil(waitMs / 1_000)));
        throw new SeamError(429, "rate_limited", "This key asks too often: try again a little later.");
      }
    }
    if (endpoint === undefined) throw noSuchRoute();
    if (!endpoint.methods.some((method) => method === request.method)) {
      void reply.header("allow", endpoint.methods.join(", "));
      throw new SeamError(405, "method_not_allowed", `Use ${endpoint.methods.join(" or ")}.`);
    }
    checkRole(by, endpoint.role);
    callers.set(request, by);
    return undefined;
  });
  return (request) => callers.get(request) ?? NOBODY;
}

/** The fault of a request that does not even reach the guard: without a key that comes first. */
export function notAdmitted(auth: Access, request: FastifyRequest): SeamError | undefined {
  try {
    admit(auth, request.headers.authorization, undefined);
    return undefined;
  } catch (error) {
    return error as SeamError;
  }
}

export function noSuchRoute(): SeamError {
  return new SeamError(404, "not_found", "There is no such route.");
}
