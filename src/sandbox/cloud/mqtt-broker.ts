import { createServer, type AddressInfo, type Socket } from "node:net";
import { Aedes } from "aedes";

/** Who may use the broker. A topic filter is a prefix here: what begins with it may be published or read. */
export interface BrokerAccount {
  readonly username: string;
  readonly password: string;
  readonly publishes: readonly string[];
  readonly reads: readonly string[];
}

export interface Broker {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A broker within this process, on loopback: for the demo, and for tests of a broker that speaks MQTT 3.1.1 only. It
 * keeps everything in memory.
 */
export async function startBroker(accounts: readonly BrokerAccount[], port = 0): Promise<Broker> {
  const accountOf = new WeakMap<object, BrokerAccount>();
  const may = (client: object | null, what: "publishes" | "reads", topic: string): boolean => {
    const account = client === null ? undefined : accountOf.get(client);
    return account?.[what].some((prefix) => topic.startsWith(prefix)) === true;
  };
  const aedes = await Aedes.createBroker({
    authenticate(client, username, password, done) {
      const account = accounts.find((known) => known.username === username);
      if (account === undefined || password?.toString() !== account.password) {
        done(null, false);
        return;
      }
      accountOf.set(client, account);
      done(null, true);
    },
    authorizePublish(client, { topic }, done) {
      done(may(client, "publishes", topic) ? null : new Error(`not allowed to publish to ${topic}`));
    },
    authorizeSubscribe(client, subscription, done) {
      done(null, may(client, "reads", subscription.topic) ? subscription : null);
    },
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: taken } = server.address() as AddressInfo; // It listens on TCP.
  return {
    url: `mqtt://127.0.0.1:${taken}`,
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
