import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { CarrierProblem } from "#src/cloud/sync-state";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { GATEWAY, SITE, TOKEN } from "./rig.js";

/** A web server where a broker over WebSocket should be: a captive portal, a proxy, a wrong address. */
let server: Server;
afterEach(async () => {
  server.close();
  await once(server, "close");
});

test.each([
  [200, "carrier.unexpected_answer", /check cloud\.url/],
  [302, "carrier.redirected", /correct cloud\.url, or sign in to the network's portal/],
  [403, "carrier.unauthorized", /answered 403/],
  [404, "carrier.not_found", /check cloud\.url/],
  [503, "carrier.busy", /busy/],
] as const)("one that answers %i is told as %s", async (status, code, says) => {
  server = createServer((_, response) => {
    response.writeHead(status, { location: "http://portal.example/", connection: "close" });
    response.end("<!doctype html>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const config = {
    url: `ws://127.0.0.1:${port}/mqtt`,
    site: SITE,
    gateway: GATEWAY,
    token: new Secret(TOKEN),
  };
  const carrier = createMqttCarrier(config, realClock);
  try {
    const problem = await new Promise<CarrierProblem>((resolve, reject) =>
      carrier.open({ up: () => reject(new Error("up")), received: () => undefined, down: resolve }, 1),
    );
    expect(problem.code).toBe(code);
    expect(problem.message).toMatch(says);
  } finally {
    await carrier.destroy();
  }
});
