import { Agent, request } from "undici";
import { type Clock, DeadlineExceeded, sleep, withDeadline } from "#src/lib/deadline";
import type { Secret } from "#src/lib/secret";
import { encodeBody } from "./body.js";
import { checkedAddress } from "./address.js";
import type { Carrier, CarrierSink, CarrierTls } from "./carrier.js";
import { problemOfError } from "./connection-problems.js";
import { problemOfAnswer } from "./http-problems.js";
import type { CarrierProblem } from "./sync-state.js";
import { type GatewayMessage, LIMITS } from "./wire.js";

export interface HttpCarrierConfig {
  /** Base address of the cloud; `https:`, or `http:` on this machine. */
  readonly url: string;
  readonly gateway: string;
  readonly token: Secret<string>;
  readonly tls?: CarrierTls | undefined;
}

/** How long the cloud may hold a request that waits for news. Below the idle limits of common proxies. */
const WAIT_S = 50;
const ANSWER_WITHIN_MS = 15_000;
const CONNECT_WITHIN_MS = 10_000;
/** A cloud that answers a waiting request at once, again and again, is asked more slowly. */
const HASTY_BELOW_MS = 1_000;
const HASTY_MAX = 20;

/**
 * HTTP long-poll: one request always waits for news (`wait=50`), and what the gateway has to say goes in short
 * requests beside it (`wait=0`), one after the other. Nothing is ever aborted to say something, so no answer that is
 * under way gets lost. Any failure ends the carrier: the core begins again with hello, which repairs everything.
 */
export function createHttpCarrier(config: HttpCarrierConfig, clock: Clock): Carrier {
  return new HttpCarrier(config, clock);
}

class HttpCarrier implements Carrier {
  readonly name = "http";
  readonly isEncrypted: boolean;
  readonly #endpoint: URL;
  readonly #token: Secret<string>;
  readonly #clock: Clock;
  readonly #agent: Agent;
  #line: Line | null = null;

  constructor(config: HttpCarrierConfig, clock: Clock) {
    const { url, isEncrypted } = checkedAddress(config.url, {
      key: "cloud.http",
      safe: ["https:"],
      plain: ["http:"],
    });
    this.isEncrypted = isEncrypted;
    const base = url.href.endsWith("/") ? url.href : `${url.href}/`;
    this.#endpoint = new URL(`gateway/v1/${encodeURIComponent(config.gateway)}/sync`, base);
    const { ca, certificate: cert, key } = config.tls ?? {};
    this.#agent = new Agent({
      connect: { timeout: CONNECT_WITHIN_MS, ca, cert, key: key?.reveal() },
      // The carrier's own deadlines, by the injected clock, are the only ones.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#token = config.token;
    this.#clock = clock;
  }

  open(sink: CarrierSink): void {
    this.close();
    this.#line = { scope: new AbortController(), sink, outbox: [], isSending: false };
    sink.up();
  }

  send(session: string | null, messages: readonly GatewayMessage[]): void {
    const line = this.#line;
    if (line === null || messages.length === 0) return;
    for (const message of messages) {
      // Ticks of progress are worth nothing when late: only the newest of a command waits.
      if (message.type === "live") {
        line.outbox = line.outbox.filter(
          ({ message: other }) => other.type !== "live" || other.cmd !== message.cmd,
        );
      }
      line.outbox.push({ session, message });
    }
    void this.#drain(line);
  }

  listen(session: string): void {
    const line = this.#line;
    if (line !== null) void this.#poll(line, session);
  }

  close(): void {
    this.#line?.scope.abort(new Error("the link was closed"));
    this.#line = null;
  }

  async destroy(): Promise<void> {
    this.close();
    await this.#agent.destroy();
  }

  async #drain(line: Line): Promise<void> {
    if (line.isSending) return;
    line.isSending = true;
    try {
      for (let body = nextBody(line); body !== null; body = nextBody(line)) {
        const answer = await this.#post(line, body.session, body.messages, 0);
        if (answer === null) return;
        line.sink.received(answer);
      }
    } finally {
      line.isSending = false;
    }
  }

  async #poll(line: Line, session: string): Promise<void> {
    let hasty = 0;
    while (this.#line === line) {
      const startedAt = this.#clock.monotonic();
      const answer = await this.#post(line, session, [], WAIT_S);
      if (answer === null) return;
      line.sink.received(answer);
      hasty = this.#clock.monotonic() - startedAt < HASTY_BELOW_MS ? hasty + 1 : 0;
      if (hasty > HASTY_MAX) {
        await sleep(this.#clock, HASTY_BELOW_MS, line.scope.signal).catch(() => undefined);
      }
    }
  }

  /** The body of the answer; null when the line is over, which has been reported by then. */
  async #post(
    line: Line,
    session: string | null,
    messages: readonly GatewayMessage[],
    waitS: number,
  ): Promise<Uint8Array | null> {
    const ms = waitS * 1_000 + ANSWER_WITHIN_MS;
    try {
      const answer = await withDeadline({ clock: this.#clock, ms, parent: line.scope.signal }, (signal) =>
        this.#exchange(encodeBody(session, messages), waitS, signal),
      );
      if (this.#line !== line) return null;
      if (answer instanceof Uint8Array) return answer;
      this.#fail(line, answer);
    } catch (error) {
      if (error instanceof DeadlineExceeded) {
        this.#fail(line, {
          code: "carrier.timeout",
          message: `the cloud did not answer within ${ms / 1_000} s`,
        });
      } else this.#fail(line, problemOfError(error, this.#endpoint.host));
    }
    return null;
  }

  async #exchange(
    body: Uint8Array,
    waitS: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | CarrierProblem> {
    const {
      statusCode,
      headers,
      body: stream,
    } = await request(this.#endpoint, {
      method: "POST",
      query: { wait: waitS },
      headers: {
        authorization: `Bearer ${this.#token.reveal()}`,
        "content-type": "application/json",
        accept: "application/json",
      },
      body,
      signal,
      dispatcher: this.#agent,
    });
    // A body that is given up reports that as an error, which nobody else hears.
    stream.on("error", () => undefined);
    // Redirects are not followed: the token and the PINs are for this cloud and no other.
    if (statusCode !== 200) {
      stream.destroy();
      return problemOfAnswer({ status: statusCode, headers, now: this.#clock.now(), key: "cloud.http" });
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LIMITS.bodyBytes) {
        stream.destroy();
        return {
          code: "carrier.answer_too_big",
          message: `the cloud's answer is larger than ${LIMITS.bodyBytes} bytes`,
        };
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #fail(line: Line, problem: CarrierProblem): void {
    if (this.#line !== line) return;
    this.close();
    line.sink.down(problem);
  }
}

/** One life of the carrier, from open to close. */
interface Line {
  readonly scope: AbortController;
  readonly sink: CarrierSink;
  outbox: { readonly session: string | null; readonly message: GatewayMessage }[];
  isSending: boolean;
}

/** Takes the next messages of one session; at most one journal batch, so that a body stays small. */
function nextBody(line: Line): { session: string | null; messages: readonly GatewayMessage[] } | null {
  const [first] = line.outbox;
  if (first === undefined) return null;
  let count = 0;
  for (const { session, message } of line.outbox) {
    if (session !== first.session || count >= LIMITS.messagesPerBody) break;
    count++;
    if (message.type === "ev") break;
  }
  const messages = line.outbox.splice(0, count).map(({ message }) => message);
  return { session: first.session, messages };
}
