import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What a receiver got. */
export interface Received {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
}

/** What a receiver does with the nth request, counted from 1. */
export type Behaviour = (n: number, response: ServerResponse, request: IncomingMessage) => void;

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** `event_id`s in the order in which they came. */
  readonly ids: readonly string[];
  behave(behaviour: Behaviour): void;
}

export const ACCEPT: Behaviour = (_, response) => void response.writeHead(200).end("{}");

/** An app's HTTP server on loopback that writes down what it gets. Closed when the test ends. */
export async function startReceiver(behaviour: Behaviour = ACCEPT): Promise<Receiver> {
  const received: Received[] = [];
  let behave = behaviour;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      received.push({ body: Buffer.concat(chunks).toString("utf8"), headers, at: Date.now() });
      behave(received.length, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${port}/seam?tenant=7`,
    received,
    get ids() {
      return received.map(({ body }) => (JSON.parse(body) as { event_id: string }).event_id);
    },
    behave: (next) => void (behave = next),
  };
}
