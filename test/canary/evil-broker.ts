import { connectAsync } from "mqtt";
import { encodeBody, parseBody } from "#src/cloud/body";
import { gatewayTopics } from "#src/cloud/mqtt-topics";
import { type BrokerAccount, startBroker } from "#src/sandbox/cloud/mqtt-broker";
import { misdeedsOf, welcomeTo } from "./evil-cloud.js";

interface EvilBrokerOptions {
  readonly siteId: string;
  readonly gatewayId: string;
  /** What the broker accepts from the gateway. */
  readonly gatewayToken: string;
  readonly pin: string;
  readonly entranceId: string;
  readonly systemId: string;
}

/** A broker behind which sits a cloud that welcomes, and then throws secrets around. */
export async function startEvilBroker(options: EvilBrokerOptions) {
  const { siteId, gatewayId, gatewayToken } = options;
  const topics = gatewayTopics(siteId, gatewayId);
  const account = (username: string, password: string): BrokerAccount => ({
    username,
    password,
    publishes: [topics],
    reads: [topics],
  });
  const broker = await startBroker([account(gatewayId, gatewayToken), account("evil", "evil")]);
  const cloud = await connectAsync(broker.url, { username: "evil", password: "evil", protocolVersion: 4 });
  await cloud.subscribeAsync(`${topics}u/hello`);
  let asked = 0;
  cloud.on("message", (_, bytes) => {
    const body = parseBody(bytes);
    const [hello] = body.ok ? body.messages : [];
    if (hello?.ok !== true || hello.message.type !== "hello") return;
    cloud.publish(`${topics}d/ctl`, Buffer.from(encodeBody("s", [welcomeTo(hello.message.nonce)])), {
      qos: 1,
    });
    for (const misdeed of misdeedsOf(options.pin, options))
      cloud.publish(`${topics}d/page`, misdeed, { qos: 1 });
    asked++;
  });
  return {
    url: broker.url,
    /** Sessions in which every misdeed was done. */
    misdeeds: () => asked,
    async close() {
      await cloud.endAsync(true);
      await broker.close();
    },
  };
}
