import type { RequestListener, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import Fastify, {
  type FastifyBodyParser,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { uuidV7 } from "#src/lib/uuid";
import { responseHeaders } from "./access.js";
import {
  auditRoutes,
  gatewayRoutes,
  healthRoutes,
  seamRoutes,
  seamSimulationRoutes,
  simulationRoutes,
  webhookRoutes,
  webhookStateRoutes,
} from "./all-routes.js";
import { BODY_BYTES_MAX, parseBody, parseNoBody } from "./body.js";
import { AnswersUnderWay } from "./drain.js";
import { errorAnswer } from "./envelope.js";
import { EventStreams } from "./event-stream.js";
import { guard, type GuardOptions, noSuchRoute, notAdmitted } from "./guard.js";
import { answerBrokenRequest, seamErrorFrom } from "./http-errors.js";
import { inputOf, queryOf } from "./input.js";
import { JobStreams } from "./job-stream.js";
import {
  type AuditLog,
  type Caller,
  type DeskModel,
  type EventFeed,
  SeamError,
  type SeamModel,
  type WebhooksModel,
} from "./model.js";
import { openApiDocument } from "./openapi.js";
import { parseInput, type Route } from "./route.js";
import type { Readiness } from "./routes/health.js";
import { jobsStream } from "./schemas/desk.js";
import type { Endpoint } from "./schemas/endpoint.js";
import { metricsGet } from "./schemas/health.js";
import { eventsStream } from "./schemas/live.js";
import { openApiGet } from "./schemas/openapi.js";
import { OpenStreams } from "./sse.js";

export interface ApiOptions extends GuardOptions {
  readonly model: SeamModel;
  /** What only a gateway offers; without it there are no routes under `/lockbridge`. */
  readonly desk?: DeskModel | undefined;
  /** Apps' receivers of events; without it there are no routes under `/webhooks`. */
  readonly webhooks?: WebhooksModel | undefined;
  /** Events as they come; without it there is no stream of them. */
  readonly events?: EventFeed | undefined;
  /** Every change leaves an entry: where the act itself wrote none, its route is noted. */
  readonly audit?: AuditLog | undefined;
  /** Does changes of several callers with one wait for the disk; without it each is done by itself. */
  readonly sharedCommit?: { run<T>(work: () => T): Promise<T> } | undefined;
  readonly random: (size: number) => Uint8Array;
  readonly log: Pick<Log, "error">;
  /** PEM texts; with them the server speaks HTTPS only. */
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  isReady(): boolean;
  /** How each part is; absent where nobody looks at the parts. */
  health?: NonNullable<Readiness["health"]>;
  /** The figures for Prometheus; without it there is no route `/metrics`. */
  metrics?: (() => Promise<string>) | undefined;
  /** Whether a failure means that the disk is full. */
  isStorageFull?: ((error: unknown) => boolean) | undefined;
}

/** Within this a request must have arrived in whole. */
const REQUEST_MS_MAX = 30_000;
/** So long a closing server waits for answers under way. */
const CLOSE_MS_MAX = 5_000;

/** The HTTP server of the API, not yet listening. Close it with `close()`, which ends open streams too. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { clock } = options;
  const app = newServer(options);
  const endpoints = new Map<string, Endpoint>();
  const callerOf = guard(app, options, endpoints);
  readBodies(app);
  app.setErrorHandler((error, request, reply) => fail(options, error, request, reply));
  app.setNotFoundHandler(() => {
    throw noSuchRoute();
  });
  serveRoutes(app, options, endpoints, callerOf);
  serveBare(app, options, endpoints, callerOf);
  const underWay = new AnswersUnderWay(app.server);
  // After the streams were ended: hooks run in this order.
  app.addHook("preClose", () => underWay.finish(clock, CLOSE_MS_MAX));
  return app;
}

function newServer(options: ApiOptions): FastifyInstance {
  const { clock, random, tls } = options;
  const requestId = (): string => uuidV7(clock.now(), random(10));
  return Fastify({
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
    genReqId: requestId,
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, requestId()),
    frameworkErrors: (error, request, reply) => {
      void reply.headers(responseHeaders(request.id));
      fail(options, notAdmitted(options.auth, request) ?? error, request, reply);
    },
  });
}

/** What answers an object in the envelope. */
function serveRoutes(
  app: FastifyInstance,
  options: ApiOptions,
  endpoints: Map<string, Endpoint>,
  callerOf: (request: FastifyRequest) => Caller,
): void {
  const { model, desk, webhooks, audit, sharedCommit, clock } = options;
  const serve = <Model>(routes: readonly Route<Model>[], served: Model | undefined): void => {
    if (served === undefined) return;
    for (const route of routes) {
      const { endpoint } = route;
      endpoints.set(endpoint.path, endpoint);
      const noting = endpoint.methods.some((method) => method === "GET") ? undefined : audit;
      app.all(endpoint.path, async (request) => {
        const by = callerOf(request);
        const raw = rawInput(endpoint, request);
        const context = { by, now: clock.now(), clock };
        if (route.isChange && sharedCommit !== undefined) {
          return sharedCommit.run(() => {
            const note = startNote(noting, by, endpoint.path, raw);
            const answered = route.handle(served, raw, context);
            note();
            return { ...answered, ok: true };
          });
        }
        const note = startNote(noting, by, endpoint.path, raw);
        const answered = await route.handle(served, raw, context);
        note();
        return { ...answered, ok: true };
      });
    }
  };
  serve(healthRoutes, options);
  serve(seamRoutes, model);
  serve(webhookRoutes, webhooks);
  serve(seamSimulationRoutes, model.simulation);
  serve(gatewayRoutes, desk);
  serve(webhookStateRoutes, desk === undefined ? undefined : webhooks);
  serve(auditRoutes, audit);
  serve(simulationRoutes, desk?.simulation);
}

/** Before an act; the answer, called after it, writes the entry that the act itself did not. */
function startNote(
  audit: AuditLog | undefined,
  by: Caller,
  what: string,
  raw: Readonly<Record<string, unknown>>,
): () => void {
  const noted = audit?.lastSeq() ?? 0;
  return () => {
    if (audit?.hasEntryOf(by, noted) === false) audit.append(by, what, targetOf(raw));
  };
}

/** The object that a call was about: the first id it names. */
function targetOf(raw: Readonly<Record<string, unknown>>): string | null {
  const [, id] =
    Object.entries(raw).find(([name, value]) => /(^|_)id$/.test(name) && typeof value === "string") ?? [];
  return typeof id === "string" ? id : null;
}

/** Streams and documents. */
function serveBare(
  app: FastifyInstance,
  { desk, events, metrics, clock }: ApiOptions,
  endpoints: Map<string, Endpoint>,
  callerOf: (request: FastifyRequest) => Caller,
): void {
  const streams = new OpenStreams(clock);
  app.addHook("preClose", (done) => {
    streams.closeAll();
    done();
  });
  if (desk !== undefined) {
    const jobs = new JobStreams(desk, streams);
    endpoints.set(jobsStream.path, jobsStream);
    app.all(jobsStream.path, (request, reply) => {
      const { id } = parseInput(jobsStream.input, rawInput(jobsStream, request));
      jobs.open(id, lastEventIdOf(request), headersOf(reply), () => takeOver(reply));
      return reply;
    });
  }
  if (events !== undefined) {
    const live = new EventStreams(events, streams, clock);
    endpoints.set(eventsStream.path, eventsStream);
    app.all(eventsStream.path, (request, reply) => {
      const { event_types: types } = parseInput(eventsStream.input, rawInput(eventsStream, request));
      const { seesPins } = callerOf(request);
      const wanted = { lastEventId: lastEventIdOf(request), types: types && new Set(types), seesPins };
      live.open(wanted, headersOf(reply), () => takeOver(reply));
      return reply;
    });
  }
  if (metrics !== undefined) {
    endpoints.set(metricsGet.path, metricsGet);
    app.all(metricsGet.path, async (_, reply) => reply.type(PROMETHEUS_TEXT).send(await metrics()));
  }
  endpoints.set(openApiGet.path, openApiGet);
  let document: JsonObject | undefined;
  app.all(openApiGet.path, () => (document ??= openApiDocument([...endpoints.values()])));
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Those that every answer has, for an answer that is written past Fastify. */
function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}

function takeOver(reply: FastifyReply): ServerResponse {
  return reply.hijack().raw;
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

function rawInput(endpoint: Endpoint, request: FastifyRequest): Record<string, unknown> {
  return inputOf(endpoint.input, {
    query: queryOf(request.raw.url ?? ""),
    // The only content type there is parses to an object.
    body: (request.body ?? {}) as JsonObject,
    path: request.params as object,
  });
}

/** Faults of the caller in Seam's envelope; anything else is logged and answered without details. */
function fail(options: ApiOptions, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = seamErrorFrom(error) ?? (options.isStorageFull?.(error) === true ? storageFull() : undefined);
  if (known === undefined) {
    // The path without its query, which may hold a PIN.
    const route = request.routeOptions.url ?? null;
    options.log.error({ event: "api.failed", request_id: request.id, route, err: error }, "a request failed");
  }
  const answer = errorAnswer(
    known ?? new SeamError(500, "internal_server_error", "Something failed here. The log has the details."),
    request.id,
  );
  if (answer.status === 429 && !reply.hasHeader("retry-after"))
    void reply.header("retry-after", RETRY_AFTER_S);
  void reply.code(answer.status).send(answer.body);
}

/** A queue at an encoder moves at the pace of people. */
const RETRY_AFTER_S = "5";

/** The disk takes nothing more: no change was made. */
function storageFull(): SeamError {
  return new SeamError(
    503,
    "storage_full",
    "The disk of the gateway is full, so nothing was changed. Free some space on it, then try again.",
  );
}
