import { timingSafeEqual } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply } from "fastify";
import { encodeBody, parseBody } from "#src/cloud/body";
import { type CloudMessage, type GatewayMessage, LIMITS } from "#src/cloud/wire";
import { sleep } from "#src/lib/deadline";
import type { CloudFault, CloudFaults } from "./faults.js";
import type { CloudSite } from "./site.js";

const WAIT_MAX_S = 55;
const GZIP_FROM_BYTES = 8 * 1024;

export interface GatewayRoutesOptions {
  readonly site: CloudSite;
  readonly token: string;
  readonly faults: CloudFaults;
  /** Aborts when the server closes: requests that wait are answered. */
  readonly closing: AbortSignal;
}

/** `POST /gateway/v1/{gateway}/sync?wait=0..55`: the whole of a gateway's link. */
export function gatewayRoutes(app: FastifyInstance, options: GatewayRoutesOptions): void {
  const { faults } = options;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: LIMITS.bodyBytes }, (_request, body, done) =>
    done(null, body),
  );
  app.post<{ Params: { gateway: string }; Querystring: { wait?: string } }>(
    "/gateway/v1/:gateway/sync",
    async (request, reply) => {
      const fault = faults.take();
      if (fault !== null && (await misbehave(fault, reply, options))) return reply;
      const answer = await sync(options, {
        gateway: request.params.gateway,
        authorization: request.headers.authorization ?? "",
        waitS: Math.min(Math.max(Number(request.query.wait ?? 0) || 0, 0), WAIT_MAX_S),
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      });
      if (fault?.kind === "dropReply") return hangUp(reply);
      if (answer.status !== 200) {
        const error = { type: answer.type, message: answer.message };
        return reply.code(answer.status).send({ error, ok: false });
      }
      const bytes = encodeBody(answer.session, answer.messages, { gzipFromBytes: GZIP_FROM_BYTES });
      if (fault?.kind === "close") return hangUpWithin(reply, bytes);
      return reply.header("content-type", "application/json").send(Buffer.from(bytes));
    },
  );
}

interface SyncRequest {
  readonly gateway: string;
  readonly authorization: string;
  readonly waitS: number;
  readonly body: Uint8Array;
}
type SyncAnswer =
  | { readonly status: 200; readonly session: string | null; readonly messages: readonly CloudMessage[] }
  | { readonly status: 400 | 401 | 404 | 409; readonly type: string; readonly message: string };

async function sync(
  { site, token, closing }: GatewayRoutesOptions,
  request: SyncRequest,
): Promise<SyncAnswer> {
  if (!isSame(request.authorization, `Bearer ${token}`)) {
    return { status: 401, type: "unauthorized", message: "not the token of a gateway" };
  }
  if (request.gateway !== site.gatewayId) {
    return { status: 404, type: "gateway_not_found", message: "no such gateway" };
  }
  const body = parseBody(request.body);
  if (!body.ok) return { status: 400, type: body.fault.code, message: body.fault.message };
  const messages = body.messages.flatMap((received) => (received.ok ? [received.message] : []));
  const words = messages.filter(isGatewayMessage);
  const hello = words.some(({ type }) => type === "hello");
  if (!hello && (body.session === null || !site.isCurrent(body.session))) {
    return { status: 409, type: "session_unknown", message: "begin with hello" };
  }
  let session = body.session;
  const answers: CloudMessage[] = [];
  for (const word of words) {
    const said = site.receive(session, word);
    for (const message of said) if (message.type === "welcome") session = message.session;
    answers.push(...said);
  }
  if (session === null) return { status: 409, type: "session_unknown", message: "begin with hello" };
  if (answers.length === 0 && request.waitS > 0) await news(site, session, request.waitS * 1_000, closing);
  if (!site.isCurrent(session))
    return { status: 409, type: "session_unknown", message: "a newer session began" };
  return { status: 200, session, messages: [...answers, ...site.takeNews(session)] };
}

/** Resolves when there is news for the session, when it is over, when the time is up, or when the server closes. */
async function news(site: CloudSite, session: string, ms: number, closing: AbortSignal): Promise<void> {
  const scope = new AbortController();
  const end = () => scope.abort();
  const look = () => {
    if (site.hasNews(session) || !site.isCurrent(session)) end();
  };
  closing.addEventListener("abort", end, { once: true });
  const unsubscribe = site.onChange(look);
  look();
  await sleep(site.clock, ms, scope.signal).catch(() => undefined);
  unsubscribe();
  closing.removeEventListener("abort", end);
}

function isGatewayMessage(message: { readonly type: string }): message is GatewayMessage {
  return ["hello", "pull", "fetch", "ev", "live"].includes(message.type);
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Answers wrongly, or not at all; false when the request goes its ordinary way (for now). */
async function misbehave(
  fault: CloudFault,
  reply: FastifyReply,
  { site, closing }: GatewayRoutesOptions,
): Promise<boolean> {
  switch (fault.kind) {
    case "dropRequest":
      hangUp(reply);
      return true;
    case "dropReply":
    case "close":
      return false;
    case "delay":
      await sleep(site.clock, fault.ms, closing).catch(() => undefined);
      return false;
    case "status":
      if (fault.retryAfterS !== undefined) void reply.header("retry-after", String(fault.retryAfterS));
      await reply.code(fault.status).send({ error: { type: "fault", message: "asked for" }, ok: false });
      return true;
    case "redirect":
      await reply.code(302).header("location", fault.to).send();
      return true;
    case "html":
      await reply.type("text/html").send("<!doctype html><title>Hotel WLAN</title><p>Please sign in.");
      return true;
    case "garbage":
      await reply.type("application/json").send(Buffer.from([0x00, 0xff, 0x7b, 0x22, 0x80]));
      return true;
    case "tooBig":
      await reply.type("application/json").send(Buffer.alloc(fault.bytes, 0x20));
      return true;
    case "gzipBomb":
      await reply.type("application/json").send(gzipSync(Buffer.alloc(fault.bytes, 0x20)));
      return true;
  }
}

function hangUp(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

function hangUpWithin(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": "application/json", "content-length": bytes.length });
  reply.raw.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => reply.raw.destroy());
  return reply;
}
