import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import Fastify, {
  type FastifyBodyParser,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { uuidV7 } from "#src/lib/uuid";
import { type Access, admit, checkRole, preflightHeaders, responseHeaders } from "./access.js";
import { BODY_BYTES_MAX, parseBody, parseNoBody } from "./body.js";
import { AnswersUnderWay } from "./drain.js";
import { errorAnswer } from "./envelope.js";
import { answerBrokenRequest, seamErrorFrom } from "./http-errors.js";
import { inputOf, queryOf } from "./input.js";
import { JobStreams } from "./job-stream.js";
import { type Caller, type DeskModel, SeamError, type SeamModel, type WebhooksModel } from "./model.js";
import { parseInput, type Route } from "./route.js";
import { accessCodeRoutes } from "./routes/access-codes.js";
import { accessGroupRoutes } from "./routes/access-groups.js";
import { credentialRoutes } from "./routes/credentials.js";
import { deskRoutes, simulationRoutes } from "./routes/desk.js";
import { deviceRoutes } from "./routes/devices.js";
import { encoderRoutes } from "./routes/encoders.js";
import { eventRoutes } from "./routes/events.js";
import { healthRoutes, type Readiness } from "./routes/health.js";
import { secretRoutes } from "./routes/secrets.js";
import { seamSimulationRoutes } from "./routes/simulate.js";
import { siteRoutes } from "./routes/site.js";
import { unsupportedRoutes } from "./routes/unsupported.js";
import { userRoutes } from "./routes/users.js";
import { webhookRoutes } from "./routes/webhooks.js";
import { jobsStream } from "./schemas/desk.js";
import type { Endpoint } from "./schemas/endpoint.js";
import { metricsGet } from "./schemas/health.js";

export interface ApiOptions {
  readonly model: SeamModel;
  /** What only a gateway offers; without it there are no routes under `/lockbridge`. */
  readonly desk?: DeskModel | undefined;
  /** Apps' receivers of events; without it there are no routes under `/webhooks`. */
  readonly webhooks?: WebhooksModel | undefined;
  /**
   * How callers prove themselves: by a key that this function knows, or by having reached the local socket. One server
   * listens on TCP with the first, another on the unix socket with the second; nothing a caller sends can change which.
   */
  readonly auth: Access;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly log: Pick<Log, "error">;
  /** PEM texts; with them the server speaks HTTPS only. */
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  isReady(): boolean;
  /** How each part is; absent where nobody looks at the parts. */
  health?: NonNullable<Readiness["health"]>;
  /** The figures for Prometheus; without it there is no route `/metrics`. */
  metrics?: (() => Promise<string>) | undefined;
}

export const seamRoutes: readonly Route<SeamModel>[] = [
  ...siteRoutes,
  ...userRoutes,
  ...accessGroupRoutes,
  ...credentialRoutes,
  ...encoderRoutes,
  ...accessCodeRoutes,
  ...deviceRoutes,
  ...eventRoutes,
  ...unsupportedRoutes,
];
export const gatewayRoutes: readonly Route<DeskModel>[] = [...deskRoutes, ...secretRoutes];
export { healthRoutes, seamSimulationRoutes, simulationRoutes, webhookRoutes };

/** All that any server of this kind serves: for documents and tests. */
export const allEndpoints: readonly Endpoint[] = [
  ...[...seamRoutes, ...seamSimulationRoutes, ...webhookRoutes, ...healthRoutes].map(endpointOf),
  ...[...gatewayRoutes, ...simulationRoutes].map(endpointOf),
  jobsStream,
  metricsGet,
];

/** Within this a request must have arrived in whole. */
const REQUEST_MS_MAX = 30_000;
/** So long a closing server waits for answers under way. */
const CLOSE_MS_MAX = 5_000;

/** The HTTP server of the API, not yet listening. Close it with `close()`, which ends open streams too. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { model, desk, clock, random, tls } = options;
  const app = Fastify({
    ...(tls == null
      ? {}
      : {
          serverFactory: (handler: RequestListener) =>
            createHttpsServer({ ...tls, requestTimeout: REQUEST_MS_MAX, minVersion: "TLSv1.2" }, handler),
        }),
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    return503OnClosing: false,
    genReqId: () => uuidV7(clock.now(), random(10)),
    clientErrorHandler: (error, socket) =>
      answerBrokenRequest(error, socket, uuidV7(clock.now(), random(10))),
    frameworkErrors: (error, request, reply) => {
      void reply.headers(responseHeaders(request.id));
      fail(options, notAdmitted(options.auth, request) ?? error, request, reply);
    },
  });
  const callers = new WeakMap<FastifyRequest, Caller>();
  const endpoints = new Map<string, Endpoint>();

  guard(app, options, endpoints, callers);
  readBodies(app);
  app.setErrorHandler((error, request, reply) => fail(options, error, request, reply));
  app.setNotFoundHandler(() => {
    throw noSuchRoute();
  });

  const serve = <Model>(routes: readonly Route<Model>[], served: Model): void => {
    for (const { endpoint, handle } of routes) {
      endpoints.set(endpoint.path, endpoint);
      app.all(endpoint.path, async (request) => {
        const by = callers.get(request) ?? NOBODY;
        const answered = await handle(served, rawInput(endpoint, request), { by, now: clock.now(), clock });
        return { ...answered, ok: true };
      });
    }
  };
  serve(healthRoutes, options);
  serve(seamRoutes, model);
  if (options.webhooks !== undefined) serve(webhookRoutes, options.webhooks);
  if (model.simulation !== undefined) serve(seamSimulationRoutes, model.simulation);
  if (desk !== undefined) {
    serve(gatewayRoutes, desk);
    if (desk.simulation !== undefined) serve(simulationRoutes, desk.simulation);
    endpoints.set(jobsStream.path, jobsStream);
    serveStreams(app, new JobStreams(desk, clock));
  }
  const { metrics } = options;
  if (metrics !== undefined) {
    endpoints.set(metricsGet.path, metricsGet);
    app.all(metricsGet.path, async (_, reply) => reply.type(PROMETHEUS_TEXT).send(await metrics()));
  }
  const underWay = new AnswersUnderWay(app.server);
  // After the streams were ended: hooks run in this order.
  app.addHook("preClose", () => underWay.finish(clock, CLOSE_MS_MAX));
  return app;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** Whoever asks without a key, where none is needed. */
const NOBODY: Caller = { name: "nobody", role: "viewer", seesPins: false };

/** Who, then where, then how, then whether that one may: before a byte of the body is read. */
function guard(
  app: FastifyInstance,
  { auth }: ApiOptions,
  endpoints: ReadonlyMap<string, Endpoint>,
  callers: WeakMap<FastifyRequest, Caller>,
): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.headers(responseHeaders(request.id));
    if (request.method === "OPTIONS") return reply.code(204).headers(preflightHeaders).send();
    const endpoint = endpoints.get(request.routeOptions.url ?? "");
    const by = endpoint?.role === null ? NOBODY : admit(auth, request.headers.authorization);
    if (endpoint === undefined) throw noSuchRoute();
    if (!endpoint.methods.some((method) => method === request.method)) {
      void reply.header("allow", endpoint.methods.join(", "));
      throw new SeamError(405, "method_not_allowed", `Use ${endpoint.methods.join(" or ")}.`);
    }
    checkRole(by, endpoint.role);
    callers.set(request, by);
    return undefined;
  });
}

/** JSON, or nothing: SDKs send no body under whatever content type their HTTP library defaults to. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const read = (parse: (bytes: Buffer) => JsonObject): FastifyBodyParser<Buffer> => {
    return (_, bytes, done) => {
      try {
        done(null, parse(bytes));
      } catch (error) {
        done(error as SeamError);
      }
    };
  };
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, read(parseBody));
  app.addContentTypeParser("*", { parseAs: "buffer" }, read(parseNoBody));
}

function serveStreams(app: FastifyInstance, streams: JobStreams): void {
  app.all(jobsStream.path, async (request, reply) => {
    const { id } = parseInput(jobsStream.input, rawInput(jobsStream, request));
    const lastEventId = request.headers["last-event-id"];
    streams.open(
      id,
      typeof lastEventId === "string" ? lastEventId : undefined,
      responseHeaders(request.id),
      () => reply.hijack().raw,
    );
    return reply;
  });
  app.addHook("preClose", (done) => {
    streams.closeAll();
    done();
  });
}

function rawInput(endpoint: Endpoint, request: FastifyRequest): Record<string, unknown> {
  return inputOf(endpoint.input, {
    query: queryOf(request.raw.url ?? ""),
    // The only content type there is parses to an object.
    body: (request.body ?? {}) as JsonObject,
    path: request.params as object,
  });
}

function noSuchRoute(): SeamError {
  return new SeamError(404, "not_found", "There is no such route.");
}

function notAdmitted(auth: Access, request: FastifyRequest): SeamError | undefined {
  try {
    admit(auth, request.headers.authorization);
    return undefined;
  } catch (error) {
    return error as SeamError;
  }
}

/** Faults of the caller in Seam's envelope; anything else is logged and answered without details. */
function fail({ log }: ApiOptions, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = seamErrorFrom(error);
  if (known === undefined) {
    // The path without its query, which may hold a PIN.
    const route = request.routeOptions.url ?? null;
    log.error({ event: "api.failed", request_id: request.id, route, err: error }, "a request failed");
  }
  const answer = errorAnswer(
    known ?? new SeamError(500, "internal_server_error", "Something failed here. The log has the details."),
    request.id,
  );
  if (answer.status === 429) void reply.header("retry-after", RETRY_AFTER_S);
  void reply.code(answer.status).send(answer.body);
}

/** A queue at an encoder moves at the pace of people. */
const RETRY_AFTER_S = "5";

function endpointOf({ endpoint }: { readonly endpoint: Endpoint }): Endpoint {
  return endpoint;
}
