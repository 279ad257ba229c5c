import { lookup as resolve, type LookupAddress } from "node:dns";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { type Clock, withDeadline } from "#src/lib/deadline";
import { addressFault, hostOf, type ReceiverRules } from "./receiver.js";

/** One attempt to hand something over. `why`: for the log; says nothing of what was sent. */
export type PostOutcome = { readonly ok: true } | { readonly ok: false; readonly why: string };

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Post = (request: PostRequest, signal: AbortSignal) => Promise<PostOutcome>;

/** A receiver acknowledges first and works after: whoever needs longer is asked again. */
export const POST_MS_MAX = 15_000;
/** What a receiver says beside its status is of no use here. */
const ANSWER_BYTES_MAX = 65_536;

/**
 * POSTs to receivers. Any 2xx is an acknowledgement; a redirect is none and is not followed, since it would lead past
 * the checks. A name is looked up anew each time, and only addresses that pass are connected to.
 */
export function httpPost(options: ReceiverRules & { readonly clock: Clock; readonly agent: string }): Post {
  return async (request, signal) => {
    try {
      const deadline = { clock: options.clock, ms: POST_MS_MAX, parent: signal };
      const status = await withDeadline(deadline, (within) => statusOf(request, options, within));
      return status >= 200 && status < 300 ? { ok: true } : { ok: false, why: `status ${status}` };
    } catch (error) {
      return { ok: false, why: reasonOf(error) };
    }
  };
}

async function statusOf(
  { url: text, headers, body }: PostRequest,
  options: ReceiverRules & { readonly agent: string },
  signal: AbortSignal,
): Promise<number> {
  const url = new URL(text);
  const host = hostOf(url);
  // An address in the URL itself is connected to without a look-up.
  const fault = isIP(host) === 0 ? null : addressFault(host, options);
  if (fault !== null) throw new Forbidden(`${host} ${fault}`);
  const response = await new Promise<IncomingMessage>((answer, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = send(url, {
      method: "POST",
      agent: false,
      lookup: checkedLookup(options),
      signal,
      headers: {
        ...headers,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": options.agent,
      },
    });
    request.once("response", answer);
    request.once("error", reject);
    request.end(body);
  });
  await drain(response);
  return response.statusCode ?? 0;
}

/** Lets the receiver finish its answer, within limits. How that ends changes nothing: the status is known. */
async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) break;
    }
  } catch {
    // The status stands.
  } finally {
    response.destroy();
  }
}

function checkedLookup(rules: ReceiverRules): LookupFunction {
  return (host, options, answer) => {
    resolve(host, { ...options, all: true }, (error, found: readonly LookupAddress[]) => {
      if (error !== null) {
        answer(error, []);
        return;
      }
      const allowed = found.filter(({ address }) => addressFault(address, rules) === null);
      const [first] = allowed;
      if (first === undefined) answer(new Forbidden(`${host} leads to no address of a receiver`), []);
      else if (options.all === true) answer(null, [...allowed]);
      else answer(null, first.address, first.family);
    });
  };
}

/** The address may not be connected to. */
class Forbidden extends Error {
  override readonly name = "Forbidden";
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  if (!(error instanceof Error)) return "unknown";
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : error.message;
}
