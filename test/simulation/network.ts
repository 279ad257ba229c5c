import { encodeBody, parseBody } from "#src/cloud/body";
import type { Carrier, CarrierSink } from "#src/cloud/carrier";
import type { CloudMessage, GatewayMessage } from "#src/cloud/wire";
import type { JsonObject } from "#src/lib/json";
import type { CloudSite } from "#src/sandbox/cloud/site";
import type { Chance } from "./chance.js";
import type { Timeline } from "./timeline.js";

export interface Weather {
  /** Chances per message, 0 to 1. */
  lost: number;
  repeated: number;
  /** Of all that the cloud answers to one message. */
  replyLost: number;
  /** Messages take up to this long, so that they overtake each other. */
  delayMaxMs: number;
  /** Nothing goes through, and no connection comes about. */
  isDown: boolean;
}

export const FINE: Readonly<Weather> = { lost: 0, repeated: 0, replyLost: 0, delayMaxMs: 5, isDown: false };

/** Sees what reaches a living daemon, as the cloud sent it. May change it: that is how a rule is blinded. */
export type Customs = (message: JsonObject) => JsonObject;

export interface NetworkDeps {
  readonly site: CloudSite;
  readonly timeline: Timeline;
  readonly chance: Chance;
}

/** The way between one run of the daemon and the cloud. Each message travels by itself, as bytes. */
export class SimulatedCarrier implements Carrier {
  readonly name = "simulated";
  readonly isEncrypted = true;
  readonly #deps: NetworkDeps;
  readonly #weather: Weather;
  readonly #customs: Customs;
  #sink: CarrierSink | null = null;
  #isDead = false;
  #unsubscribe = (): void => undefined;
  /** The session that the daemon listens in. */
  session: string | null = null;

  constructor(deps: NetworkDeps, weather: Weather, customs: Customs) {
    this.#deps = deps;
    this.#weather = weather;
    this.#customs = customs;
  }

  /** Its process died. */
  kill(): void {
    this.#isDead = true;
    this.close();
  }

  open(sink: CarrierSink): void {
    this.close();
    if (this.#isDead) return;
    this.#sink = sink;
    this.#deps.timeline.startTimer(10, () => {
      if (this.#sink !== sink) return;
      if (this.#weather.isDown) this.breakDown();
      else sink.up();
    });
  }

  send(session: string | null, messages: readonly GatewayMessage[]): void {
    const sink = this.#sink;
    if (this.#isDead) return;
    for (const message of messages) {
      this.#travel(encodeBody(session, [message]), (bytes) => {
        const body = parseBody(bytes);
        for (const received of body.ok ? body.messages : []) {
          if (!received.ok)
            throw new Error(`the gateway sends what nobody can read: ${received.fault.message}`);
          const answers = this.#deps.site.receive(session, received.message as GatewayMessage);
          if (this.#deps.chance.next() >= this.#weather.replyLost) this.#answer(sink, answers);
        }
      });
    }
  }

  listen(session: string): void {
    if (this.#isDead) return;
    const sink = this.#sink;
    const { site, timeline } = this.#deps;
    this.session = session;
    let isDue = false;
    const push = (): void => {
      isDue = false;
      if (this.#sink === sink) this.#answer(sink, site.takeNews(session));
    };
    const soon = (): void => {
      if (isDue) return;
      isDue = true;
      timeline.startTimer(1, push);
    };
    this.#unsubscribe();
    this.#unsubscribe = site.onChange(soon);
    soon();
  }

  close(): void {
    this.#sink = null;
    this.session = null;
    this.#unsubscribe();
    this.#unsubscribe = () => undefined;
  }

  destroy(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  breakDown(): void {
    const sink = this.#sink;
    this.close();
    sink?.down({ code: "carrier.unreachable", message: "cut" });
  }

  #answer(sink: CarrierSink | null, messages: readonly CloudMessage[]): void {
    for (const message of messages) {
      this.#travel(encodeBody(null, [message]), (bytes) => {
        if (this.#sink === sink) sink?.received(this.#inspected(bytes));
      });
    }
  }

  #inspected(bytes: Uint8Array): Uint8Array {
    const body = JSON.parse(Buffer.from(bytes).toString()) as { messages: JsonObject[] };
    return Buffer.from(JSON.stringify({ ...body, messages: body.messages.map(this.#customs) }));
  }

  #travel(bytes: Uint8Array, arrive: (bytes: Uint8Array) => void): void {
    const { chance, timeline } = this.#deps;
    const { lost, repeated, delayMaxMs, isDown } = this.#weather;
    if (isDown || chance.next() < lost) return;
    const times = chance.next() < repeated ? 2 : 1;
    for (let n = 0; n < times; n++) {
      timeline.startTimer(1 + chance.below(delayMaxMs), () => {
        if (!this.#weather.isDown) arrive(bytes);
      });
    }
  }
}
