import { randomBytes } from "node:crypto";
import { vi } from "vitest";
import type { CarrierTls } from "#src/cloud/carrier";
import { type CloudLink, createCloudLink } from "#src/cloud/link";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import type { JsonObject } from "#src/lib/json";
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
/** Of a rest's ceiling: some rest, so that a broker that is away is not asked without end. */
const CHANCE = 0x08;

export interface GatewayOptions {
  readonly url: string;
  readonly token?: string;
  readonly tls?: CarrierTls;
  readonly memory?: MemoryGateway;
  readonly timesFaster?: number;
}

/** A gateway's link over MQTT, on a store in memory, and what it logged as warnings. */
export class LinkedGateway {
  readonly memory: MemoryGateway;
  readonly link: CloudLink;
  /** Codes of problems, in the order in which they came. */
  readonly problems: string[] = [];
  readonly #lines: string[] = [];

  constructor(options: GatewayOptions) {
    const { url, token = TOKEN, tls, memory = new MemoryGateway(), timesFaster = TIMES_FASTER } = options;
    this.memory = memory;
    const clock = fastClock(timesFaster);
    const random = (size: number) =>
      size === 4 ? Uint8Array.of(CHANCE, 0, 0, 0) : new Uint8Array(randomBytes(size));
    const warn = (fields: object) => {
      this.#lines.push(JSON.stringify(fields));
      if ("problem" in fields) this.problems.push(String(fields.problem));
    };
    const log: Log = { ...silentLog, warn, child: () => log };
    this.link = createCloudLink({
      gateway: GATEWAY,
      sw: "1",
      carrier: createMqttCarrier({ url, site: SITE, gateway: GATEWAY, token: new Secret(token), tls }, clock),
      store: memory.store,
      engine: memory.engine,
      clock,
      time: { read: () => ({ now: clock.now(), quality: "trusted", certain: clock.now() }) },
      random,
      log,
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
