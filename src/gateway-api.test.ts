import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { Config } from "#src/config/config";
import { SharedCommit } from "#src/engine/shared-commit";
import { listen } from "#src/gateway-api";
import { Secret } from "#src/lib/secret";
import { StoreError } from "#src/store/store-error";
import { Authority } from "#test/support/certificates";
import { silentLog } from "#test/support/memory-gateway";
import { memoryDesk } from "#test/support/memory-desk-model";
import { memorySite } from "#test/support/memory-seam-model";
import { VirtualClock } from "#test/support/virtual-clock";

const authority = new Authority();
afterAll(() => authority.remove());

async function serve(api: Partial<Config["api"]> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-api-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, "lockbridge.sock");
  const clock = new VirtualClock();
  const site = memorySite(() => clock.now());
  const { desk } = memoryDesk(site);
  const defaults = { host: "127.0.0.1", port: 0, tls: null, requestsPerSecond: 3, allowedOrigins: [] };
  const apis = await listen({ socketPath, api: { ...defaults, ...api } } as unknown as Config, {
    seam: site.model,
    desk,
    webhooks: {
      create: () => ({}),
      get: () => ({}),
      list: () => [],
      update: () => ({}),
      delete: () => {},
      deliveries: () => [],
    },
    events: { head: () => 0, placeOf: () => undefined, after: () => [], onNew: () => () => undefined },
    audit: { lastSeq: () => 0, hasEntryOf: () => true, append: () => undefined, list: () => [] },
    sharedCommit: new SharedCommit({ group: (work) => work(), soon: setImmediate, clock }),
    clock,
    random: (size) => new Uint8Array(size).map(() => Math.floor(Math.random() * 256)),
    log: silentLog,
    health: () => [],
    metrics: () => Promise.resolve(""),
  });
  onTestFinished(() => apis.close());
  const by = { name: "test", role: "admin", seesPins: true } as const;
  const { token } = desk.tokens.create({ name: "app", role: "admin" }, by);
  return { ...apis, socketPath, token, site };
}

interface Asked {
  readonly status: number | undefined;
  readonly text: string;
}

function ask(options: object, send: typeof request = request, headers = {}): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const asked = send(
      { path: "/lockbridge/tokens/list", ...options, headers },
      (response: IncomingMessage) => {
        let text = "";
        response.on("data", (part: Buffer) => void (text += part.toString()));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      },
    );
    asked.once("error", reject);
    asked.end();
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test("over TCP a key is needed, on the unix socket its mode decides", async () => {
  const { endpoint, socketPath, token } = await serve();
  const { port } = new URL(endpoint);
  expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await ask({ host: "127.0.0.1", port })).status).toBe(401);
  expect((await ask({ host: "127.0.0.1", port }, request, bearer(token))).status).toBe(200);
  expect((await ask({ socketPath })).status).toBe(200);
  expect(statSync(socketPath).mode & 0o777).toBe(0o660);
});

test("a token asks so often and no oftener; the socket is not counted", async () => {
  const { endpoint, socketPath, token } = await serve();
  const { port } = new URL(endpoint);
  const statuses: (number | undefined)[] = [];
  for (let n = 0; n < 8; n += 1) {
    statuses.push((await ask({ host: "127.0.0.1", port }, request, bearer(token))).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
  for (let n = 0; n < 20; n += 1) expect((await ask({ socketPath })).status).toBe(200);
});

test("with a certificate it speaks TLS and nothing else", async () => {
  const { certificatePath, key } = authority.issue("localhost");
  const { endpoint, token } = await serve({ tls: { certificatePath, key: new Secret(key) } });
  const { port, protocol } = new URL(endpoint);
  expect(protocol).toBe("https:");
  const trusting = { host: "127.0.0.1", servername: "localhost", port, ca: authority.certificate };
  expect((await ask(trusting, requestHttps, bearer(token))).status).toBe(200);
  await expect(ask({ ...trusting, ca: undefined }, requestHttps)).rejects.toThrow();
  await expect(
    ask({ ...trusting, maxVersion: "TLSv1.1", minVersion: "TLSv1" }, requestHttps),
  ).rejects.toThrow();
  await expect(ask({ host: "127.0.0.1", port }, request, bearer(token))).rejects.toThrow();
});

test("a certificate with another's key is refused before anything listens, and the message says what to do", async () => {
  const { certificatePath } = authority.issue("localhost");
  const { key } = authority.issue("elsewhere");
  await expect(serve({ tls: { certificatePath, key: new Secret(key) } })).rejects.toThrow(
    /cannot be used together .*give the key that the certificate was made with/,
  );
});

test("a full disk is a 503 with its type; another fault of the store is a 500 without details", async () => {
  const { socketPath, site } = await serve();
  const failWith = (error: Error) => {
    (site.model.users as { list: unknown }).list = () => {
      throw error;
    };
    return ask({ socketPath, path: "/acs/users/list" });
  };
  const full = await failWith(new StoreError("disk_full", "the disk that holds /secret/place is full"));
  expect([full.status, full.text]).toEqual([503, expect.stringContaining('"type":"storage_full"')]);
  expect(full.text).not.toContain("/secret/place");
  expect((await failWith(new StoreError("io", "a disk"))).status).toBe(500);
});
