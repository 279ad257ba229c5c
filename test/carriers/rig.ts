import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { mintApiKey } from "#src/api/api-key";
import { realClock } from "#src/ops/clock";
import { type Cloud, createCloud } from "#src/sandbox/cloud/server";
import { Mosquitto } from "#test/mqtt/mosquitto";
import { GATEWAY, LinkedGateway, SITE, tlsOf, TOKEN } from "#test/mqtt/rig";
import { Authority } from "#test/support/certificates";
import { FaultProxy } from "#test/support/fault-proxy";
import type { MemoryGateway } from "#test/support/memory-gateway";

/**
 * A gateway's two ways to its cloud, each over a line that can be made bad: Mosquitto with TLS and client certificates,
 * and the stand-in cloud's HTTP side. The cloud keeps its data in a file and can be started anew.
 */
export class TwoWays {
  readonly authority = new Authority();
  readonly #folder = mkdtempSync(join(tmpdir(), "lockbridge-ways-"));
  readonly #apiKey = mintApiKey((size) => new Uint8Array(randomBytes(size)));
  #parts: {
    readonly broker: Mosquitto;
    readonly mqttLine: FaultProxy;
    readonly httpLine: FaultProxy;
    cloud: Cloud;
  } | null = null;

  static async start(below?: (limit: number) => number): Promise<TwoWays> {
    const ways = new TwoWays();
    const { authority } = ways;
    const broker = await Mosquitto.start({ site: SITE, authority, identity: authority.issue("broker") });
    const cloud = await ways.#startCloud(broker, 0);
    ways.#parts = {
      broker,
      cloud,
      mqttLine: await FaultProxy.start(portOf(broker.url("certificates")), below),
      httpLine: await FaultProxy.start(portOf(cloud.endpoint), below),
    };
    return ways;
  }

  get broker(): Mosquitto {
    return this.#there.broker;
  }
  get cloud(): Cloud {
    return this.#there.cloud;
  }
  get mqttLine(): FaultProxy {
    return this.#there.mqttLine;
  }
  get httpLine(): FaultProxy {
    return this.#there.httpLine;
  }
  get mqttUrl(): string {
    return `mqtts://127.0.0.1:${this.mqttLine.port}`;
  }
  get httpUrl(): string {
    return `http://127.0.0.1:${this.httpLine.port}`;
  }

  /** A link over both, on a store in memory. */
  gateway(options: { readonly memory?: MemoryGateway; readonly timesFaster?: number } = {}): LinkedGateway {
    const tls = tlsOf(this.authority.certificate, this.authority.issue(GATEWAY));
    return new LinkedGateway({ url: this.mqttUrl, http: this.httpUrl, tls, ...options });
  }

  /** The cloud ends and starts again with what it has on disk, at the same address. */
  async restartCloud(): Promise<void> {
    const { cloud, broker } = this.#there;
    const port = portOf(cloud.endpoint);
    await cloud.close();
    this.#there.cloud = await this.#startCloud(broker, port);
  }

  async close(): Promise<void> {
    const { broker, cloud, mqttLine, httpLine } = this.#there;
    await Promise.all([mqttLine.close(), httpLine.close()]);
    await cloud.close();
    await broker.stop();
    this.authority.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #there() {
    if (this.#parts === null) throw new Error("it has not started");
    return this.#parts;
  }

  #startCloud(broker: Mosquitto, port: number): Promise<Cloud> {
    return createCloud({
      port,
      siteId: SITE,
      apiKey: this.#apiKey,
      gatewayId: GATEWAY,
      gatewayToken: TOKEN,
      clock: realClock,
      file: join(this.#folder, "cloud.db"),
      mqtt: {
        url: broker.url("certificates"),
        tls: { ca: this.authority.certificate, ...this.authority.issue("cloud") },
      },
    });
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** The carrier that is in use, or null. */
export function inUse({ link }: LinkedGateway): string | null {
  return link.status().carriers.find(({ state }) => state === "in_use")?.name ?? null;
}

/** Everything is on both sides, once, and in order. */
export function expectEqual({ site }: Cloud, gateway: LinkedGateway): void {
  const { memory } = gateway;
  expect(gateway.isInStep).toBe(true);
  expect(memory.cursor?.rev).toBe(site.feed.head);
  for (const object of site.feed.list("acs_user")) {
    const here = memory.objects.get(`acs_user/${object.id}`);
    expect(here).toMatchObject({ rev: object.rev, spec: object.spec });
    expect(here?.code?.reveal()).toBe(object.code?.reveal());
  }
  const told = site.ledger.events(memory.jid).map(({ event }) => event);
  expect(told).toEqual(memory.events.map(({ seq, prev, event }) => ({ seq, prev, ...event })));
  const ran = memory.ran.map(({ id }) => id);
  expect(new Set(ran).size).toBe(ran.length);
}
