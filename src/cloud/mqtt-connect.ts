import type { IClientOptions } from "mqtt";
import type { Clock } from "#src/lib/deadline";
import type { Secret } from "#src/lib/secret";
import type { CarrierTls } from "./carrier.js";
import { LIMITS } from "./wire.js";

/** As the protocol numbers them: 4 is MQTT 3.1.1. */
export type MqttVersion = 4 | 5;

export interface MqttConnectOptions {
  readonly address: URL;
  readonly isEncrypted: boolean;
  readonly version: MqttVersion;
  /** Also the user's name. */
  readonly clientId: string;
  readonly token: Secret<string>;
  readonly tls: CarrierTls;
  readonly subscription: string;
  /** What the broker publishes, and keeps, when this connection ends without a word. */
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
}

const KEEP_ALIVE_S = 30;
/** Just long enough for the will's delay; the broker's queue is never used. */
const SESSION_EXPIRY_S = 30;
/** Presence does not flicker when the line is back so soon. */
const WILL_DELAY_S = 15;
const RECEIVE_MAXIMUM = 16;
/** A packet is a body, its topic and a few numbers. */
export const PACKET_BYTES = LIMITS.bodyBytes + 1_024;

/** How the library is to connect: it does the protocol and decides nothing. */
export function clientOptions(options: MqttConnectOptions, clock: Clock): IClientOptions {
  const { version, clientId, token, will } = options;
  return {
    manualConnect: true,
    // When to try again is the core's to say, and what to say again too.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    protocolId: "MQTT",
    protocolVersion: version,
    clientId,
    username: clientId,
    password: token.reveal(),
    clean: true,
    keepalive: KEEP_ALIVE_S,
    timerVariant: intervalsBy(clock),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    // No part of the address may set options.
    query: {},
    // The library would write whole packets, the token among them, where DEBUG asks for it.
    log: () => undefined,
    ...(version === 5 ? newInVersion5(will) : {}),
    ...(options.isEncrypted ? tlsOptions(options.tls) : {}),
  };
}

function newInVersion5({ topic, payload }: MqttConnectOptions["will"]): IClientOptions {
  return {
    properties: {
      sessionExpiryInterval: SESSION_EXPIRY_S,
      receiveMaximum: RECEIVE_MAXIMUM,
      maximumPacketSize: PACKET_BYTES,
    },
    will: {
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      retain: true,
      properties: { willDelayInterval: WILL_DELAY_S },
    },
  };
}

function tlsOptions({ ca, certificate, key }: CarrierTls): IClientOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  };
}

/** The library's pings by the injected clock. */
function intervalsBy(clock: Clock): NonNullable<IClientOptions["timerVariant"]> {
  const running = new Map<number, () => void>();
  let last = 0;
  return {
    set(fire, ms = 0) {
      const id = ++last;
      const turn = (): void => {
        running.set(id, clock.startTimer(ms, turn));
        Reflect.apply(fire, undefined, []);
      };
      running.set(id, clock.startTimer(ms, turn));
      return id;
    },
    clear(id) {
      running.get(id)?.();
      running.delete(id);
    },
  };
}
