import { randomBytes } from "node:crypto";
import { vi } from "vitest";
import type { Carrier, CarrierTls } from "#src/cloud/carrier";
import { createFailoverCarrier, type FailoverDeps } from "#src/cloud/failover-carrier";
import { createHttpCarrier } from "#src/cloud/http-carrier";
import { type CloudLink, createCloudLink } from "#src/cloud/link";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import type { JsonObject } from "#src/lib/json";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { CloudMqtt, type CloudMqttOptions } from "#src/sandbox/cloud/mqtt-side";
import { CloudSite } from "#src/sandbox/cloud/site";
import type { Identity } from "#test/support/certificates";
import { MemoryGateway, silentLog } from "#test/support/memory-gateway";
import { fastClock } from "./fast-clock.js";

export const SITE = "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10";
export const GATEWAY = "0d8f4c52-3c65-4a53-8f0f-5b6f0f6f2a11";
export const TOKEN = "token-of-the-gateway";

/** Waits of the protocol (10 s for a welcome, for an acknowledgement) take a fraction of their time. */
const TIMES_FASTER = 8;
/** Three minutes of proof before the return to a better carrier take two seconds. */
const TIMES_FASTER_TO_RETURN = 90;
/** Of a rest's ceiling: some rest, so that a broker that is away is not asked without end. */
const CHANCE = 0x08;

export interface GatewayOptions {
  /** Of the broker. */
  readonly url?: string;
  /** Of the cloud's HTTP side; with both the link chooses. */
  readonly http?: string;
  readonly token?: string;
  readonly tls?: CarrierTls;
  readonly memory?: MemoryGateway;
  readonly timesFaster?: number;
}

/** A gateway's link over MQTT, on a store in memory, and what it logged as warnings. */
export class LinkedGateway {
  readonly memory: MemoryGateway;
  readonly link: CloudLink;
  /** Codes of problems, in the order in which they came; each once until a session held. */
  readonly problems: string[] = [];
  /** Faults of what came from the cloud, or on the way to it, each time. */
  readonly faults: string[] = [];
  /** Carriers that were changed to, in order. */
  readonly moves: string[] = [];
  readonly #lines: string[] = [];

  constructor(options: GatewayOptions) {
    const { memory = new MemoryGateway(), timesFaster = TIMES_FASTER } = options;
    this.memory = memory;
    const clock = fastClock(timesFaster);
    const random = (size: number) =>
      size === 4 ? Uint8Array.of(CHANCE, 0, 0, 0) : new Uint8Array(randomBytes(size));
    const warn = (fields: object) => {
      this.#lines.push(JSON.stringify(fields));
      if ("problem" in fields) this.problems.push(String(fields.problem));
    };
    const info = (fields: object) => {
      if ("event" in fields && fields.event === "cloud.carrier_changed" && "to" in fields)
        this.moves.push(String(fields.to));
    };
    const log: Log = { ...silentLog, info, warn, child: () => log };
    this.link = createCloudLink({
      gateway: GATEWAY,
      sw: "1",
      carrier: carrierOf(options, clock, { random, log }),
      store: memory.store,
      engine: memory.engine,
      clock,
      time: { read: () => ({ now: clock.now(), quality: "trusted", certain: clock.now() }) },
      random,
      log,
      meter: { cloudFault: (fault) => void this.faults.push(fault) },
    });
    this.link.start();
  }

  /** Everything it said, for a search for what must not be in it. */
  get told(): string {
    return this.#lines.join("\n");
  }

  get isInStep(): boolean {
    const { phase, isCaughtUp, ackedSeq, lastSeq } = this.link.status();
    return phase === "welcomed" && isCaughtUp && ackedSeq === lastSeq;
  }
}

function carrierOf(
  { url, http, token = TOKEN, tls }: GatewayOptions,
  clock: Clock,
  deps: Pick<FailoverDeps, "random" | "log">,
): Carrier {
  const identity = { gateway: GATEWAY, token: new Secret(token), tls };
  const carriers: { readonly carrier: Carrier; readonly host: string }[] = [];
  if (url !== undefined) {
    const carrier = createMqttCarrier({ url, site: SITE, ...identity }, clock);
    carriers.push({ carrier, host: "broker" });
  }
  if (http !== undefined) {
    const carrier = createHttpCarrier({ url: http, ...identity }, clock);
    carriers.push({ carrier, host: "cloud" });
  }
  return createFailoverCarrier(carriers, { ...deps, clock: fastClock(TIMES_FASTER_TO_RETURN) });
}

/** The stand-in cloud behind a broker. */
export async function startCloud(
  options: CloudMqttOptions,
  site = new CloudSite({ siteId: SITE, gatewayId: GATEWAY, clock: realClock }),
): Promise<{ readonly site: CloudSite; readonly mqtt: CloudMqtt }> {
  return { site, mqtt: await CloudMqtt.connect(site, options, { error: () => undefined }) };
}

export function tlsOf(ca: string, { certificate, key }: Identity) {
  return { ca, certificate, key: new Secret(key) };
}

export const eventually = <T>(look: () => T, timeout = 10_000): Promise<T> =>
  vi.waitFor(look, { timeout, interval: 10 });

export const user = (id: string, name = "Ada"): JsonObject => ({
  acs_user_id: id,
  acs_system_id: "sys",
  full_name: name,
  state: "active",
  created_at: "2026-11-22T10:00:00Z",
});

export function put(site: CloudSite, id: string, pin: string | null = null, name = "Ada"): void {
  site.put({ kind: "acs_user", id, spec: user(id, name), code: pin === null ? null : new Secret(pin) });
}
