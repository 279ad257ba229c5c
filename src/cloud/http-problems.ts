import type { IncomingHttpHeaders } from "node:http";
import type { CarrierProblem } from "./sync-state.js";

const RETRY_AFTER_MAX_MS = 3_600_000;

/** What an answer other than 200 means for the link. `now` is wall time, for a `Retry-After` that is a date. */
export function problemOfStatus(status: number, headers: IncomingHttpHeaders, now: number): CarrierProblem {
  const said = `the cloud answered ${status}`;
  if (status >= 300 && status < 400) {
    return {
      code: "carrier.redirected",
      message: `${said}, a redirect, which is never followed; correct cloud.http, or sign in to the network's portal`,
    };
  }
  switch (status) {
    case 401:
    case 403:
      return {
        code: "carrier.unauthorized",
        message: `${said}: it does not accept this gateway's token; check cloud.token and cloud.gateway`,
      };
    case 404:
      return {
        code: "carrier.not_found",
        message: `${said}: no such gateway there; check cloud.http and cloud.gateway`,
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
      return status >= 500
        ? { code: "carrier.server_error", message: said }
        : { code: "carrier.unexpected_answer", message: said };
  }
}

function retryAfterMs(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS) : 0;
}
