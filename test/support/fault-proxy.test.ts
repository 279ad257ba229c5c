import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FaultProxy } from "./fault-proxy.js";

/** An echo behind the proxy, and somebody who talks to it. */
let echo: Server;
let proxy: FaultProxy;
const callers: Socket[] = [];
beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await FaultProxy.start((echo.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.destroy();
  await proxy.close();
  echo.close();
  await once(echo, "close");
});

interface Caller {
  readonly socket: Socket;
  heard: string;
  ended: string | null;
}

function call(): Caller {
  const socket = connect(proxy.port, "127.0.0.1");
  callers.push(socket);
  const caller: Caller = { socket, heard: "", ended: null };
  socket.on("data", (chunk: Buffer) => (caller.heard += chunk.toString("latin1")));
  socket.on("error", (error: NodeJS.ErrnoException) => (caller.ended = error.code ?? "error"));
  socket.on("close", () => (caller.ended ??= "closed"));
  return caller;
}
const soon = <T>(look: () => T) => vi.waitFor(look, { timeout: 5_000, interval: 5 });

test("it passes everything on, and an end too", async () => {
  const caller = call();
  caller.socket.end("x".repeat(300_000));
  await soon(() => expect(caller.ended).toBe("closed"));
  expect(caller.heard).toHaveLength(300_000);
  expect(proxy.openConnections).toBe(0);
});

test("a cut resets; a line that refuses lets nobody in until it accepts, on the same port", async () => {
  const first = call();
  first.socket.write("a");
  await soon(() => expect(first.heard).toBe("a"));
  proxy.cut();
  await soon(() => expect(first.ended).toBe("ECONNRESET"));
  await proxy.refuse();
  const second = call();
  await soon(() => expect(second.ended).toBe("ECONNREFUSED"));
  await proxy.accept();
  const third = call();
  third.socket.write("c");
  await soon(() => expect(third.heard).toBe("c"));
});

test("a held line is silent and open, and goes on where it was", async () => {
  const before = call();
  before.socket.write("1");
  await soon(() => expect(before.heard).toBe("1"));
  proxy.weather.isHeld = true;
  before.socket.write("2");
  const during = call();
  during.socket.write("3");
  await soon(() => expect(proxy.connections).toBe(2));
  expect([before.heard, before.ended, during.heard, during.ended]).toEqual(["1", null, "", null]);
  await proxy.heal();
  await soon(() => expect([before.heard, during.heard]).toEqual(["12", "3"]));
});

test("a slow line takes its time for what passes", async () => {
  Object.assign(proxy.weather, { delayMs: 20, bytesPerSecond: 20_000 });
  const caller = call();
  const begun = performance.now();
  caller.socket.write("x".repeat(2_000));
  await soon(() => expect(caller.heard).toHaveLength(2_000));
  // There and back: 2 × 100 ms, and 20 ms a piece each way, half of it at the same time.
  expect(performance.now() - begun).toBeGreaterThan(150);
});

test("a bad line changes single bits of what comes back", async () => {
  const bad = await FaultProxy.start((echo.address() as AddressInfo).port, () => 0);
  bad.weather.corruptOneIn = 100;
  const socket = connect(bad.port, "127.0.0.1");
  callers.push(socket);
  socket.write("\0\0");
  const [chunk] = (await once(socket, "data")) as [Buffer];
  expect([[...chunk], bad.corrupted]).toEqual([[1, 1], 2]);
  await bad.close();
});
