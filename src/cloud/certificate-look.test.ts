import { once } from "node:events";
import { type AddressInfo, createServer as createPlain } from "node:net";
import { createServer, type Server } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realClock } from "#src/ops/clock";
import { Authority } from "#test/support/certificates";
import { VirtualClock } from "#test/support/virtual-clock";
import { issuerAt } from "./certificate-look.js";

/** A proxy that opens encrypted connections shows a certificate of its own authority. */
let authority: Authority;
let proxy: Server;
let received = 0;
beforeAll(async () => {
  authority = new Authority("Hotel Web\tFilter");
  const { certificate: cert, key } = authority.issue("proxy");
  proxy = createServer({ cert, key }, (socket) => {
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
    socket.on("error", () => undefined);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
});
afterAll(async () => {
  proxy.close();
  await once(proxy, "close");
  authority.remove();
});
const addressOf = (server: { address(): unknown }) =>
  new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);

test("the issuer is named, on one line, and nothing was said to it", async () => {
  expect(await issuerAt(addressOf(proxy), realClock, 443)).toBe("Hotel Web Filter");
  expect(received).toBe(0);
});

test("what does not answer, or not with a certificate, is unknown", async () => {
  expect(await issuerAt(new URL("https://127.0.0.1:9"), realClock, 443)).toBeNull();
  const silent = createPlain();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const clock = new VirtualClock();
  const look = issuerAt(addressOf(silent), clock, 443);
  expect(await clock.until(look, { msMax: 3_000 })).toBeNull();
  silent.close();
});
