import { Socket } from "node:net";
import { connect, type IPublishPacket, type MqttClient } from "mqtt";
import type { Clock } from "#src/lib/deadline";
import { clientOptions, type MqttConnectOptions, type MqttVersion, PACKET_BYTES } from "./mqtt-connect.js";
import {
  isVersionRefused,
  problemOfMqttError,
  problemOfReason,
  problemOfStreamError,
} from "./mqtt-problems.js";
import type { CarrierProblem } from "./sync-state.js";
import { LIMITS } from "./wire.js";

export interface MqttLineEvents {
  /** Connected, let in and subscribed. */
  up(): void;
  /** Must have stored what it wants to keep when it returns: the message is acknowledged then. */
  received(bytes: Uint8Array): void;
  /** Once, and nothing after it. */
  ended(ending: MqttEnding): void;
}

export interface MqttEnding {
  readonly problem: CarrierProblem;
  readonly version: MqttVersion;
  /** Whether a reason is known. Hanging up at the door, before it let this gateway in, may mean the version. */
  readonly kind: "told" | "version_refused" | "hung_up_at_the_door" | "hung_up";
}

export interface Outgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** Worth nothing when late: sent at QoS 0, and not at all while others wait. */
  readonly isDroppable: boolean;
}

const UP_WITHIN_MS = 10_000;
const GOODBYE_WITHIN_MS = 1_000;
/** Messages sent and not acknowledged by the broker; the broker may want fewer. */
const WINDOW = 16;
/** Messages waiting for room in the window. The core resends by itself, so a longer queue only repeats it. */
const OUTBOX_MAX = 64;
/** Bytes that may come before a packet is complete: one packet, and what a socket hands over at once. */
const UNREAD_BYTES_MAX = PACKET_BYTES + 128 * 1_024;

/** One connection to a broker, from dialling to its end. */
export class MqttLine {
  readonly #options: MqttConnectOptions;
  readonly #events: MqttLineEvents;
  readonly #clock: Clock;
  readonly #client: MqttClient;
  readonly #closed: Promise<void>;
  #phase: "dialling" | "subscribing" | "up" | "over" = "dialling";
  #hasSocket = false;
  #isHandingOver = false;
  #unreadBytes = 0;
  #outbox: Outgoing[] = [];
  #inFlight = 0;
  #window = WINDOW;
  #packetBytesMax = PACKET_BYTES;
  #cancelDeadline = (): void => undefined;

  constructor(options: MqttConnectOptions, events: MqttLineEvents, clock: Clock) {
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#client = connect(options.address.href, clientOptions(options, clock));
    this.#closed = new Promise((resolve) => this.#client.once("close", resolve));
  }

  connect(): void {
    const client = this.#client;
    // Set before anything can arrive: the library acknowledges a message that no handler holds back.
    client.handleMessage = (packet, done) => this.#take(packet, done);
    client.on("packetreceive", () => (this.#unreadBytes = 0));
    client.on("connect", ({ properties }) => {
      this.#window = Math.min(WINDOW, properties?.receiveMaximum ?? WINDOW);
      this.#packetBytesMax = Math.min(PACKET_BYTES, properties?.maximumPacketSize ?? PACKET_BYTES);
      this.#subscribe();
    });
    client.on("disconnect", ({ reasonCode }) => this.#end(problemOfReason(reasonCode ?? 0, this.#host)));
    client.on("error", (error) => {
      if (isReset(error)) this.#hungUp();
      else {
        const kind = isVersionRefused(error) ? "version_refused" : "told";
        this.#end(problemOfMqttError(error, this.#host), kind);
      }
    });
    client.on("close", () => this.#hungUp());
    this.#cancelDeadline = this.#clock.startTimer(UP_WITHIN_MS, () =>
      this.#end({
        code: "carrier.timeout",
        message: `the broker at ${this.#host} did not answer within ${UP_WITHIN_MS / 1_000} s`,
      }),
    );
    try {
      client.connect();
    } catch (error) {
      // Damaged certificates are found before there is a socket.
      this.#end(problemOfMqttError(error, this.#host));
      return;
    }
    this.#hasSocket = true;
    // Acknowledgement and answer are two small packets: the second is not to wait until the first has arrived.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    client.stream.on("data", (chunk: Uint8Array) => this.#watchSize(chunk.length));
    client.stream.on("error", (error: Error) => {
      const problem = problemOfStreamError(error, this.#host);
      if (problem !== null) this.#end(problem);
    });
  }

  publish(message: Outgoing): void {
    if (this.#phase !== "up") return;
    if (message.isDroppable && this.#isBusy()) return;
    this.#outbox.push(message);
    if (this.#outbox.length > OUTBOX_MAX) {
      this.#end({
        code: "carrier.timeout",
        message: `the broker at ${this.#host} does not take the messages of this gateway`,
      });
    } else this.#drain();
  }

  /** Ends the line for good; nothing is reported any more. Says goodbye where it can. Resolves when all is freed. */
  async leave(): Promise<void> {
    // In the midst of a message nothing can be said: that one must stay without an acknowledgement.
    const canSpeak = this.#phase === "up" && !this.#isHandingOver && this.#client.connected;
    this.#over();
    if (!canSpeak) return this.#hangUp();
    const { topic, payload } = this.#options.will;
    this.#client.publish(topic, Buffer.from(payload), { qos: 1, retain: true });
    this.#client.end(false);
    const cancel = this.#clock.startTimer(GOODBYE_WITHIN_MS, () => this.#client.stream.destroy());
    await this.#closed;
    cancel();
  }

  #subscribe(): void {
    this.#phase = "subscribing";
    const { subscription } = this.#options;
    // What the broker kept is older than the welcome, which says it better.
    this.#client.subscribe(subscription, { qos: 1, rh: 2 }, (error) => {
      if (this.#phase !== "subscribing") return;
      if (error !== null) {
        this.#end({
          code: "carrier.unauthorized",
          message: `the broker at ${this.#host} does not let this gateway subscribe to ${subscription}; check its rights there`,
        });
        return;
      }
      this.#cancelDeadline();
      this.#phase = "up";
      this.#events.up();
    });
  }

  #take(packet: IPublishPacket, done: () => void): void {
    if (this.#phase === "over") {
      this.#client.stream.destroy();
      return;
    }
    if (!packet.retain) {
      const { payload } = packet;
      this.#isHandingOver = true;
      this.#events.received(typeof payload === "string" ? Buffer.from(payload) : payload);
      this.#isHandingOver = false;
    }
    if (!this.#isOver()) done();
  }

  #drain(): void {
    while (this.#inFlight < this.#window && this.#phase === "up") {
      const next = this.#outbox.shift();
      if (next === undefined) return;
      this.#write(next);
    }
  }

  #write({ topic, payload, retain, isDroppable }: Outgoing): void {
    if (payload.length + topic.length + 16 > this.#packetBytesMax) {
      const message = `the broker at ${this.#host} takes packets up to ${this.#packetBytesMax} bytes, and the batch was bigger`;
      this.#end({ code: "carrier.batch_too_big", message });
      return;
    }
    this.#inFlight++;
    this.#client.publish(topic, Buffer.from(payload), { qos: isDroppable ? 0 : 1, retain }, (error) => {
      this.#inFlight--;
      if (this.#phase !== "up") return;
      if (error) this.#end(problemOfMqttError(error, this.#host));
      else this.#drain();
    });
  }

  #isBusy(): boolean {
    return this.#outbox.length > 0 || this.#inFlight >= this.#window;
  }

  /** A broker without MQTT 5 does not know how big a packet may be for us: what never ends is cut. */
  #watchSize(bytes: number): void {
    this.#unreadBytes += bytes;
    if (this.#unreadBytes <= UNREAD_BYTES_MAX) return;
    this.#end({
      code: "carrier.answer_too_big",
      message: `the cloud's answer is larger than ${LIMITS.bodyBytes} bytes`,
    });
  }

  #end(problem: CarrierProblem, kind: MqttEnding["kind"] = "told"): void {
    if (this.#phase === "over") return;
    const { version } = this.#options;
    this.#over();
    void this.#hangUp();
    this.#events.ended({ problem, version, kind });
  }

  #hungUp(): void {
    const isLetIn = this.#phase !== "dialling";
    const when = isLetIn ? "" : " before it let this gateway in";
    const message = `the broker at ${this.#host} ended the connection${when} and did not say why`;
    this.#end({ code: "carrier.unreachable", message }, isLetIn ? "hung_up" : "hung_up_at_the_door");
  }

  async #hangUp(): Promise<void> {
    if (!this.#hasSocket) return;
    this.#client.end(true);
    await this.#closed;
  }

  #over(): void {
    this.#phase = "over";
    this.#outbox = [];
    this.#cancelDeadline();
  }

  #isOver(): boolean {
    return this.#phase === "over";
  }

  get #host(): string {
    return this.#options.address.host;
  }
}

function isReset(error: Error): boolean {
  return "code" in error && error.code === "ECONNRESET";
}
