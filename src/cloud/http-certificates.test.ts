import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { Authority, type Identity } from "#test/support/certificates";
import type { CarrierTls } from "./carrier.js";
import { createHttpCarrier } from "./http-carrier.js";

/** A cloud with an authority of its own, which wants to see the certificate of whoever calls. */
let authority: Authority;
let own: Identity;
let server: Server;
const callers: unknown[] = [];

beforeAll(async () => {
  authority = new Authority();
  own = authority.issue("gateway");
  const { certificate: cert, key } = authority.issue("cloud");
  const options = { cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
  server = createServer(options, ({ socket }, response) => {
    if (socket instanceof TLSSocket) callers.push(socket.getPeerCertificate().subject.CN);
    response.end("answered");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  authority.remove();
});

/** The answer, or the code of the problem that came instead. */
async function say(tls: CarrierTls): Promise<string> {
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const config = { url: `https://127.0.0.1:${port}`, gateway: "g", token: new Secret("t"), tls };
  const carrier = createHttpCarrier(config, realClock);
  try {
    return await new Promise((resolve) => {
      carrier.open(
        {
          up: () => undefined,
          received: (bytes) => resolve(new TextDecoder().decode(bytes)),
          down: ({ code }) => resolve(code),
        },
        1,
      );
      carrier.send(null, [{ type: "live", cmd: "c", step: "done", say: "" }]);
    });
  } finally {
    await carrier.destroy();
  }
}

test("the gateway shows its certificate, and knows the cloud by the authority it was given", async () => {
  const { certificate: ca } = authority;
  const { certificate, key } = own;
  expect(await say({ ca, certificate, key: new Secret(key) })).toBe("answered");
  expect(callers).toEqual(["gateway"]);
  // Node's server hangs up without an alert that would say why.
  expect(await say({ ca })).toBe("carrier.unreachable");
  expect(await say({ certificate, key: new Secret(key) })).toBe("carrier.tls");
  expect(callers).toHaveLength(1);
});
