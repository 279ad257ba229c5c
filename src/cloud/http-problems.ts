import type { IncomingHttpHeaders } from "node:http";
import type { CarrierProblem } from "./sync-state.js";

const RETRY_AFTER_MAX_MS = 3_600_000;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Wall time, for a `Retry-After` that is a date. */
  readonly now: number;
  /** Where the address stands in the configuration. */
  readonly key: "cloud.http" | "cloud.url";
}

/** What an answer means for the link that is not the one which the carrier can use. */
export function problemOfAnswer({ status, headers, now, key }: HttpAnswer): CarrierProblem {
  const isPage = /^text\/html\b/i.test(headers["content-type"] ?? "");
  const said = isPage
    ? `the cloud's address answered ${status} with a web page`
    : `the cloud answered ${status}`;
  if (status >= 300 && status < 400) {
    return {
      code: "carrier.redirected",
      message: `${said}, a redirect, which is never followed; correct ${key}, or sign in to the network's portal`,
    };
  }
  switch (status) {
    case 407:
      return {
        code: "carrier.unexpected_answer",
        message: `${said}: a proxy on the way wants credentials; let this gateway through without`,
      };
    case 511:
      return { code: "carrier.redirected", message: `${said}: sign in to the network's portal` };
    case 401:
    case 403:
      return {
        code: "carrier.unauthorized",
        message: isPage
          ? `${said}: a proxy on the way may refuse it, or the cloud this gateway's token; check cloud.token and cloud.gateway`
          : `${said}: it does not accept this gateway's token; check cloud.token and cloud.gateway`,
      };
    case 404:
      return {
        code: "carrier.not_found",
        message: `${said}: no such gateway there; check ${key} and cloud.gateway`,
      };
    case 409:
    case 410:
      return { code: "carrier.session_lost", message: `${said}: it no longer knows this session` };
    case 413:
      return { code: "carrier.batch_too_big", message: `${said}: the batch of events was too big for it` };
    case 429:
    case 503:
      return {
        code: "carrier.busy",
        message: `${said}: it is busy`,
        retryAfterMs: retryAfterMs(headers["retry-after"], now),
      };
    default:
      if (status >= 500) return { code: "carrier.server_error", message: said };
      return {
        code: "carrier.unexpected_answer",
        message: key === "cloud.url" ? `${said} and not as MQTT over WebSocket; check ${key}` : said,
      };
  }
}

function retryAfterMs(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS) : 0;
}
