import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { apiKeyDigest } from "#src/api/api-key";
import { createApi } from "#src/api/server";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { CloudFaults } from "./faults.js";
import { gatewayRoutes } from "./gateway-routes.js";
import { cloudWebhooks } from "./cloud-webhooks.js";
import { cloudModel } from "./model.js";
import { CloudMqtt, type CloudMqttOptions } from "./mqtt-side.js";
import { CloudSite } from "./site.js";

export interface CloudOptions {
  /** 0: any free one. Loopback only. */
  readonly port: number;
  readonly siteId: string;
  /** For apps; looks like `seam_…`. */
  readonly apiKey: string;
  readonly gatewayId: string;
  readonly gatewayToken: string;
  readonly clock: Clock;
  /** Where faults of the stand-in itself are told; nowhere by default. */
  readonly log?: Pick<Log, "error">;
  readonly file?: string | undefined;
  readonly commandLifeMs?: number | undefined;
  /** A broker through which gateways may connect as well. */
  readonly mqtt?: CloudMqttOptions | undefined;
}

export interface Cloud {
  /** For apps and for the gateway's `cloud.http` alike. */
  readonly endpoint: string;
  readonly site: CloudSite;
  /** null: it speaks HTTP only. */
  readonly mqtt: CloudMqtt | null;
  readonly faults: CloudFaults;
  close(): Promise<void>;
}

/** Expired commands are looked for at least this often, so that whoever waits for one is told. */
const EXPIRE_EVERY_MS = 1_000;

/**
 * Starts the stand-in cloud: the app API and the gateway's `/gateway/v1/…/sync`, on one port, and with a broker its MQTT
 * side. Rejects when the broker cannot be reached or refuses it.
 */
export async function createCloud(options: CloudOptions): Promise<Cloud> {
  const { clock, log = { error: () => undefined } } = options;
  const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
  const site = new CloudSite({ ...options, random });
  const faults = new CloudFaults();
  const closing = new AbortController();
  const mqtt = options.mqtt === undefined ? null : await CloudMqtt.connect(site, options.mqtt, log);
  const webhooks = cloudWebhooks(site, log);
  const api = createApi({
    model: cloudModel(site),
    webhooks: webhooks.model,
    auth: keyCheck(options.apiKey),
    clock,
    random,
    log,
    isReady: () => true,
  });
  const gateways = Fastify({ logger: false });
  gatewayRoutes(gateways, { site, token: options.gatewayToken, faults, closing: closing.signal });
  await Promise.all([api.ready(), gateways.ready()]);

  const route = (request: IncomingMessage, response: ServerResponse): void => {
    const app = request.url?.startsWith("/gateway/") === true ? gateways : api;
    app.routing(request, response);
  };
  const server = createServer(route);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const stopExpiry = everySecond(clock, () => site.expire());
  return {
    endpoint: `http://127.0.0.1:${port}`,
    site,
    mqtt,
    faults,
    async close() {
      stopExpiry();
      await webhooks.stop();
      await mqtt?.close();
      closing.abort();
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeIdleConnections();
      server.closeAllConnections();
      await Promise.all([closed, api.close(), gateways.close()]);
      site.close();
    },
  };
}

function keyCheck(apiKey: string) {
  const wanted = Buffer.from(apiKeyDigest(apiKey));
  return (key: string) =>
    timingSafeEqual(Buffer.from(apiKeyDigest(key)), wanted)
      ? { name: "app", role: "admin" as const }
      : undefined;
}

function everySecond(clock: Clock, act: () => void): () => void {
  let cancel = (): void => undefined;
  const turn = (): void => {
    act();
    cancel = clock.startTimer(EXPIRE_EVERY_MS, turn);
  };
  turn();
  return () => cancel();
}
