import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { encodeBody, parseBody } from "#src/cloud/body";
import { gatewayTopics, siteTopics, topicDown, topicUp } from "#src/cloud/mqtt-topics";
import type { CloudMessage, GatewayMessage, Message, Presence } from "#src/cloud/wire";
import type { Log } from "#src/lib/log";
import type { CloudSite } from "./site.js";

export interface CloudMqttOptions {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string } | undefined;
}

const RECONNECT_EVERY_MS = 200;

/**
 * The stand-in cloud as a client of an MQTT broker: the same messages as over HTTP. It leaves nothing to the broker
 * but the feed's head; what cannot be sent now is not sent, since its gateway will ask.
 */
export class CloudMqtt {
  readonly #site: CloudSite;
  readonly #client: MqttClient;
  readonly #log: Pick<Log, "error">;
  readonly #siteTopics: string;
  /** By gateway. */
  readonly #sessions = new Map<string, string>();
  readonly #presence = new Map<string, Presence>();
  readonly #stopWatching: () => void;
  #headTold: number | null = null;
  #isPushDue = false;

  /** Resolves when it is connected and subscribed. From then on it comes back by itself whenever it loses the broker. */
  static async connect(
    site: CloudSite,
    options: CloudMqttOptions,
    log: Pick<Log, "error">,
  ): Promise<CloudMqtt> {
    const client = connect(options.url, { ...clientOptions(options), manualConnect: true });
    const side = new CloudMqtt(site, client, log);
    try {
      await new Promise<void>((resolve, reject) => {
        client.once("error", reject);
        side.#start(resolve);
      });
      return side;
    } catch (error) {
      await side.close();
      throw error;
    }
  }

  private constructor(site: CloudSite, client: MqttClient, log: Pick<Log, "error">) {
    this.#site = site;
    this.#client = client;
    this.#log = log;
    this.#siteTopics = siteTopics(site.siteId);
    this.#stopWatching = site.onChange(() => this.#schedulePush());
  }

  /** Does this gateway hold a session, as far as the broker knows? */
  isOnline(gateway: string): boolean {
    return this.#presence.get(gateway)?.online === true;
  }

  async close(): Promise<void> {
    this.#stopWatching();
    await this.#client.endAsync(true);
  }

  #start(ready: () => void): void {
    const client = this.#client;
    client.handleMessage = ({ topic, payload, retain }, done) => {
      this.#take(topic, typeof payload === "string" ? Buffer.from(payload) : payload, retain);
      done();
    };
    client.on("connect", () => {
      client.subscribe(`${this.#siteTopics}+/u/+`, { qos: 1 }, (error) => {
        if (error !== null) {
          this.#log.error(
            { event: "cloud.subscribe_failed", err: error },
            "the broker refuses the stand-in cloud",
          );
          return;
        }
        this.#headTold = null;
        this.#schedulePush();
        ready();
      });
    });
    client.on("error", (error) => {
      this.#log.error({ event: "cloud.broker_lost", err: error }, "the stand-in cloud has lost its broker");
    });
    client.connect();
  }

  #take(topic: string, payload: Uint8Array, isRetained: boolean): void {
    const [gateway = "", ...rest] = topic.slice(this.#siteTopics.length).split("/");
    // One site of the stand-in has one gateway.
    if (gateway !== this.#site.gatewayId) return;
    const body = parseBody(payload);
    if (!body.ok) {
      this.#log.error(
        { event: "cloud.body_unreadable", topic, code: body.fault.code },
        "a body is not readable",
      );
      return;
    }
    for (const received of body.messages) {
      if (!received.ok || !isFromGateway(received.message)) continue;
      const { message } = received;
      if (topicUp(message) !== rest.join("/")) continue;
      if (message.type === "state") this.#heardOf(gateway, message);
      else if (!isRetained) this.#answer(gateway, body.session, message);
    }
  }

  #answer(gateway: string, session: string | null, message: GatewayMessage): void {
    if (message.type !== "hello" && (session === null || !this.#site.isCurrent(session))) {
      const reason = "the cloud does not know this session";
      this.#send(gateway, null, [{ type: "ctl", order: "hello", reason }]);
      return;
    }
    const answers = this.#site.receive(session, message);
    for (const answer of answers) {
      if (answer.type === "welcome") this.#sessions.set(gateway, answer.session);
    }
    this.#send(gateway, this.#sessions.get(gateway) ?? null, answers);
    this.#schedulePush();
  }

  /** The end of an older connection may be told late; it says nothing of the newer one. */
  #heardOf(gateway: string, presence: Presence): void {
    const known = this.#presence.get(gateway);
    const isSame = known?.boot === presence.boot && known.connection === presence.connection;
    if (presence.online || isSame) this.#presence.set(gateway, presence);
  }

  /** Many changes of one moment are pushed at once, after the answers. */
  #schedulePush(): void {
    if (this.#isPushDue) return;
    this.#isPushDue = true;
    queueMicrotask(() => {
      this.#isPushDue = false;
      if (this.#client.connected) this.#push();
    });
  }

  #push(): void {
    for (const [gateway, session] of this.#sessions) {
      if (this.#site.hasNews(session)) this.#send(gateway, session, this.#site.takeNews(session));
    }
    const { head, epoch, floor } = this.#site.feed;
    if (head === this.#headTold) return;
    this.#headTold = head;
    this.#send(this.#site.gatewayId, null, [{ type: "head", epoch, head, floor }]);
  }

  #send(gateway: string, session: string | null, messages: readonly CloudMessage[]): void {
    if (!this.#client.connected) return;
    for (const message of messages) {
      const topic = `${gatewayTopics(this.#site.siteId, gateway)}${topicDown(message)}`;
      const payload = Buffer.from(encodeBody(session, [message]));
      this.#client.publish(topic, payload, { qos: 1, retain: message.type === "head" });
    }
  }
}

function isFromGateway(message: Message): message is GatewayMessage | Presence {
  return ["hello", "pull", "fetch", "ev", "live", "state"].includes(message.type);
}

function clientOptions({ username, password, tls }: CloudMqttOptions): IClientOptions {
  return {
    reconnectPeriod: RECONNECT_EVERY_MS,
    reconnectOnConnackError: true,
    resubscribe: false,
    queueQoSZero: false,
    protocolVersion: 4,
    clean: true,
    log: () => undefined,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { ca: tls.ca, cert: tls.certificate, key: tls.key }),
  };
}
