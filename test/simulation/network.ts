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
  /** Chance that what the cloud says arrives as something else. */
  damaged: number;
  /** Nothing goes through, and no connection comes about. */
  isDown: boolean;
  /** Whoever connects is turned away. */
  refusal: "unauthorized" | "busy" | null;
}

export const FINE: Readonly<Weather> = {
  lost: 0,
  repeated: 0,
  replyLost: 0,
  delayMaxMs: 5,
  damaged: 0,
  isDown: false,
  refusal: null,
};

/** Sees what reaches a living daemon, as the cloud sent it. */
export interface Customs {
  /** Is this body looked into? */
  readonly opens: (bytes: Uint8Array) => boolean;
  /** May change the message: that is how a rule is blinded. */
  readonly inspect: (message: JsonObject) => JsonObject;
}

export interface NetworkDeps {
  readonly site: CloudSite;
  readonly timeline: Timeline;
  readonly chance: Chance;
  /** Does the next connection bundle what it carries? */
  readonly bundles: () => boolean;
}

/** How long a connection that nobody answers is tried, and how often. */
const DIALS_FOR_MS = 60_000;
const DIALS_EVERY_MS = 200;

/**
 * The way between one run of the daemon and the cloud, as bytes. It changes with every connection: over the one kind
 * each message travels by itself, over the other an answer brings along whatever else is to be said.
 */
export class SimulatedCarrier implements Carrier {
  readonly name = "simulated";
  readonly isEncrypted = true;
  readonly #deps: NetworkDeps;
  readonly #weather: Weather;
  readonly #customs: Customs;
  #sink: CarrierSink | null = null;
  #isBundling = false;
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
    this.#isBundling = this.#deps.bundles();
    const waits = this.#weather.isDown && this.#deps.chance.isOneIn(2);
    this.#dial(sink, waits ? DIALS_FOR_MS : 0);
  }

  /** A network that is away refuses at once, or swallows what is sent until it is back. */
  #dial(sink: CarrierSink, ms: number): void {
    this.#deps.timeline.startTimer(ms > 0 ? DIALS_EVERY_MS : 10, () => {
      if (this.#sink !== sink) return;
      const { isDown, refusal } = this.#weather;
      if (isDown && ms > 0) this.#dial(sink, ms - DIALS_EVERY_MS);
      else if (isDown) this.breakDown();
      else if (refusal === null) sink.up();
      else this.#refuse(sink, refusal);
    });
  }

  #refuse(sink: CarrierSink, refusal: NonNullable<Weather["refusal"]>): void {
    this.close();
    if (refusal === "unauthorized") sink.down({ code: "carrier.unauthorized", message: "401" });
    else {
      const retryAfterMs = 1_000 + this.#deps.chance.below(30_000);
      sink.down({ code: "carrier.busy", message: "503", retryAfterMs });
    }
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
          const news =
            this.#isBundling && this.session !== null ? this.#deps.site.takeNews(this.session) : [];
          if (this.#deps.chance.next() >= this.#weather.replyLost) this.#answer(sink, [...answers, ...news]);
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
    const bodies =
      this.#isBundling && messages.length > 0 ? [messages] : messages.map((message) => [message]);
    for (const body of bodies) {
      this.#travel(encodeBody(null, body), (bytes) => {
        if (this.#sink !== sink) return;
        const isDamaged = this.#deps.chance.next() < this.#weather.damaged;
        const inspected = this.#inspected(bytes);
        sink?.received(isDamaged ? damaged(inspected, this.#deps.chance) : inspected);
      });
    }
  }

  #inspected(bytes: Uint8Array): Uint8Array {
    if (!this.#customs.opens(bytes)) return bytes;
    const body = JSON.parse(Buffer.from(bytes).toString()) as { messages: JsonObject[] };
    return Buffer.from(
      JSON.stringify({ ...body, messages: body.messages.map((message) => this.#customs.inspect(message)) }),
    );
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

/** What proxies, portals and broken clouds make of a body. */
function damaged(bytes: Uint8Array, chance: Chance): Uint8Array {
  const body = JSON.parse(Buffer.from(bytes).toString()) as { messages: Record<string, unknown>[] };
  const messages = body.messages.map((message) => {
    switch (chance.below(4)) {
      case 0:
        return { ...message, type: "firework" };
      case 1:
        return Array.isArray(message["items"])
          ? { ...message, items: Array.from({ length: 120 }, () => null) }
          : { ...message, session: 7, jid: 7, epoch: 7, snapshot: 7 };
      case 2:
        return typeof message["data"] === "string"
          ? { ...message, data: message["data"].replace(/.(?=.{40})/, "!") }
          : message;
      default:
        return message;
    }
  });
  switch (chance.below(6)) {
    case 0:
      return Buffer.from("<!doctype html><title>Hotel WLAN</title>");
    case 1:
      return bytes.subarray(0, bytes.length / 2);
    case 2:
      return Buffer.from([0x1f, 0x8b, 0, 0, 1]);
    default:
      return Buffer.from(JSON.stringify({ ...body, messages }));
  }
}
