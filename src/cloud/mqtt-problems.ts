import { problemOfError } from "./connection-problems.js";
import { problemOfAnswer } from "./http-problems.js";
import type { CarrierProblem, CarrierProblemCode } from "./sync-state.js";

/**
 * Reasons that a broker gives, by number: 0 in a DISCONNECT, 1 to 5 in a CONNACK of MQTT 3.1.1 (section 3.2.2.3), from 128 on anywhere in
 * MQTT 5 (section 2.4). The numbers do not overlap.
 */
const REASONS: Readonly<Record<number, readonly [CarrierProblemCode, string]>> = {
  0: ["carrier.unreachable", "it ends the connection"],
  1: ["carrier.unexpected_answer", "it does not speak this version of MQTT"],
  2: ["carrier.unauthorized", "it does not accept this gateway's id; check cloud.gateway"],
  3: ["carrier.busy", "it is not available"],
  4: ["carrier.unauthorized", "it does not accept this gateway's token; check cloud.token and cloud.gateway"],
  5: ["carrier.unauthorized", "it does not let this gateway in; check cloud.token and cloud.gateway"],
  128: ["carrier.server_error", "it failed and does not say why"],
  132: ["carrier.unexpected_answer", "it does not speak this version of MQTT"],
  133: ["carrier.unauthorized", "it does not accept this gateway's id; check cloud.gateway"],
  134: [
    "carrier.unauthorized",
    "it does not accept this gateway's token; check cloud.token and cloud.gateway",
  ],
  135: ["carrier.unauthorized", "it does not let this gateway do that; check cloud.token and cloud.gateway"],
  136: ["carrier.busy", "it is not available"],
  137: ["carrier.busy", "it is busy"],
  138: ["carrier.unauthorized", "it has banned this gateway"],
  139: ["carrier.busy", "it is shutting down"],
  141: ["carrier.timeout", "it heard nothing of this gateway for too long"],
  142: [
    "carrier.taken_over",
    "another client connected with this gateway's id and took its place; is a copy of this gateway running somewhere?",
  ],
  149: ["carrier.batch_too_big", "the batch of events was too big for it"],
  150: ["carrier.busy", "it finds this gateway too talkative"],
  151: ["carrier.busy", "a quota is used up"],
  152: ["carrier.server_error", "its administrator ended the connection"],
  156: ["carrier.redirected", "it wants another server used; correct cloud.url"],
  157: ["carrier.redirected", "it has moved; correct cloud.url"],
  159: ["carrier.busy", "too many connections are made to it"],
};

const VERSION_REFUSED: readonly unknown[] = [1, 132];

export function isVersionRefused(error: unknown): boolean {
  return VERSION_REFUSED.includes(reasonOf(error));
}

/** What the number means that a broker gave in a CONNACK, PUBACK, SUBACK or DISCONNECT. */
export function problemOfReason(reason: number, host: string): CarrierProblem {
  const [code, said] = REASONS[reason] ?? ["carrier.unexpected_answer", `it gave reason ${reason}`];
  return { code, message: `the broker at ${host} says: ${said}` };
}

/** The library's own words for a broker that left its pings unanswered; it gives no code. */
const KEEP_ALIVE_OVER = "Keepalive timeout";

/**
 * What an error of the stream below the MQTT library means that the library keeps to itself: a web server that does not
 * go on as WebSocket (the `ws` package's own words hold its status), and failures of TLS below a WebSocket. null: the
 * library tells of it.
 */
export function problemOfStreamError(error: Error, host: string): CarrierProblem | null {
  const [, status] = /^Unexpected server response: (\d{3})$/.exec(error.message) ?? [];
  if (status !== undefined)
    return problemOfAnswer({ status: Number(status), headers: {}, now: 0, key: "cloud.url" });
  const isTls = "code" in error && typeof error.code === "string" && error.code !== "ECONNRESET";
  return isTls ? problemOfError(error, host) : null;
}

/** What an error of the MQTT library means: the broker's number, a failure of the connection, or of the protocol. */
export function problemOfMqttError(error: unknown, host: string): CarrierProblem {
  const reason = reasonOf(error);
  if (reason !== null) return problemOfReason(reason, host);
  if (error instanceof Error && "code" in error) return problemOfError(error, host);
  return error instanceof Error && error.message === KEEP_ALIVE_OVER
    ? { code: "carrier.timeout", message: `the broker at ${host} fell silent` }
    : { code: "carrier.unexpected_answer", message: `what ${host} says is not MQTT as it should be` };
}

function reasonOf(error: unknown): number | null {
  const hasReason = typeof error === "object" && error !== null && "code" in error;
  return hasReason && typeof error.code === "number" ? error.code : null;
}
