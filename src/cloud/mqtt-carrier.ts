import type { Clock } from "#src/lib/deadline";
import type { Secret } from "#src/lib/secret";
import { type Address, checkedAddress } from "./address.js";
import { encodeBody } from "./body.js";
import type { Carrier, CarrierSink, CarrierTls } from "./carrier.js";
import type { MqttVersion } from "./mqtt-connect.js";
import { type MqttEnding, MqttLine } from "./mqtt-line.js";
import { gatewayTopics, topicUp } from "./mqtt-topics.js";
import type { CarrierProblem } from "./sync-state.js";
import type { GatewayMessage, Presence } from "./wire.js";

export interface MqttCarrierConfig {
  /** Of the broker: `mqtts:` or `wss:`; `mqtt:` and `ws:` on this machine. */
  readonly url: string;
  readonly site: string;
  readonly gateway: string;
  readonly token: Secret<string>;
  readonly tls?: CarrierTls | undefined;
}

/**
 * Of two clients with one id a broker ends the older connection. MQTT 5 has a reason for that; in 3.1.1, and from
 * Mosquitto 2.0 in either, nothing is said. A broker that is ill would not let everybody in at once each time.
 */
const HANG_UPS_MAX = 3;
/** From one connection to the next; longer than the longest rest of the other client. */
const HANG_UPS_WITHIN_MS = 10 * 60_000;

/**
 * MQTT: each message is a body of its own on the topic of its kind. MQTT 5 is tried first, 3.1.1 is as good. The
 * broker is a pipe: it keeps no session for the gateway and nothing is left to its queues; whatever ends a connection
 * ends the session, and the core begins again with hello.
 */
export function createMqttCarrier(config: MqttCarrierConfig, clock: Clock): Carrier {
  return new MqttCarrier(config, clock);
}

class MqttCarrier implements Carrier {
  readonly name = "mqtt";
  readonly isEncrypted: boolean;
  readonly #config: MqttCarrierConfig;
  readonly #clock: Clock;
  readonly #address: Address;
  readonly #topics: string;
  readonly #leaving = new Set<Promise<void>>();
  #line: MqttLine | null = null;
  #presence: Presence = { type: "state", online: false, boot: 0, connection: 0 };
  /** Once a broker said that it does not speak MQTT 5, it is not asked again. */
  #version: MqttVersion = 5;
  /** In a row, with a connection each time in between. */
  #hangUps = 0;
  #upAt = 0;

  constructor(config: MqttCarrierConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#address = checkedAddress(config.url, {
      key: "cloud.url",
      safe: ["mqtts:", "wss:"],
      plain: ["mqtt:", "ws:"],
    });
    this.isEncrypted = this.#address.isEncrypted;
    this.#topics = gatewayTopics(config.site, config.gateway);
  }

  open(sink: CarrierSink, boot: number): void {
    this.close();
    const connection = this.#presence.boot === boot ? this.#presence.connection + 1 : 1;
    this.#presence = { type: "state", online: false, boot, connection };
    this.#dial(sink, this.#version);
  }

  send(session: string | null, messages: readonly GatewayMessage[]): void {
    for (const message of messages) {
      this.#line?.publish({
        topic: `${this.#topics}${topicUp(message)}`,
        payload: encodeBody(session, [message]),
        isDroppable: message.type === "live",
        retain: false,
      });
    }
  }

  listen(session: string): void {
    this.#line?.publish({
      topic: this.#stateTopic(),
      payload: encodeBody(session, [{ ...this.#presence, online: true }]),
      isDroppable: false,
      retain: true,
    });
  }

  close(): void {
    const line = this.#line;
    if (line === null) return;
    this.#line = null;
    const left = line.leave().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  async destroy(): Promise<void> {
    this.close();
    await Promise.all(this.#leaving);
  }

  #dial(sink: CarrierSink, version: MqttVersion): void {
    const line: MqttLine = new MqttLine(
      {
        address: this.#address.url,
        isEncrypted: this.isEncrypted,
        version,
        clientId: this.#config.gateway,
        token: this.#config.token,
        tls: this.#config.tls ?? {},
        subscription: `${this.#topics}d/+`,
        will: { topic: this.#stateTopic(), payload: encodeBody(null, [this.#presence]) },
      },
      {
        up: () => this.#up(sink),
        received: (bytes) => sink.received(bytes),
        ended: (ending) => this.#ended(line, sink, ending),
      },
      this.#clock,
    );
    this.#line = line;
    line.connect();
  }

  #ended(line: MqttLine, sink: CarrierSink, { problem, version, kind }: MqttEnding): void {
    if (this.#line !== line) return;
    this.close();
    if (version === 5 && (kind === "version_refused" || kind === "hung_up_at_the_door")) {
      if (kind === "version_refused") this.#version = 4;
      this.#dial(sink, 4);
      return;
    }
    this.#hangUps = kind === "hung_up" ? this.#hangUps + 1 : 0;
    sink.down(this.#hangUps < HANG_UPS_MAX ? problem : this.#takenOver());
  }

  #up(sink: CarrierSink): void {
    const now = this.#clock.monotonic();
    if (now - this.#upAt > HANG_UPS_WITHIN_MS) this.#hangUps = 0;
    this.#upAt = now;
    sink.up();
  }

  #takenOver(): CarrierProblem {
    return {
      code: "carrier.taken_over",
      message: `the broker at ${this.#address.url.host} let this gateway in and hung up ${this.#hangUps} times in a row: perhaps another client has its id; is a copy of this gateway running somewhere?`,
    };
  }

  #stateTopic(): string {
    return `${this.#topics}u/state`;
  }
}
