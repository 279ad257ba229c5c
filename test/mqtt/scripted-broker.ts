import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A control packet as it came: its type (MQTT section 2.2.1 / 2.1.2), the four flags, and what follows the length. */
export interface RawPacket {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

export const CONNECT = 1;
export const PUBLISH = 3;
export const PUBACK = 4;
export const SUBSCRIBE = 8;
export const DISCONNECT = 14;

type Answer = (packet: RawPacket, socket: Socket) => Uint8Array | null;

/**
 * A broker that says what its script says, byte for byte: for what a good broker never does, or not at that moment.
 * Unless the script answers, it lets everybody in, grants every subscription and acknowledges nothing.
 */
export class ScriptedBroker {
  readonly packets: RawPacket[] = [];
  /** Connections so far. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(answer: Answer = () => null): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(answer);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  private constructor(answer: Answer) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      let unread: Buffer = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        unread = Buffer.concat([unread, chunk]);
        for (let next = takePacket(unread); next !== null; next = takePacket(unread)) {
          unread = next.rest;
          this.packets.push(next.packet);
          const said = answer(next.packet, socket) ?? usual(next.packet);
          if (said !== null && !socket.destroyed) socket.write(said);
        }
      });
    });
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  of(type: number): readonly RawPacket[] {
    return this.packets.filter((packet) => packet.type === type);
  }

  say(bytes: Uint8Array): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.hangUp();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

/** 4 or 5, of a CONNECT: the byte behind the protocol's name. */
export function versionOf({ body }: RawPacket): number {
  return body[2 + body.readUInt16BE(0)] ?? 0;
}

/** Of a SUBSCRIBE or PUBACK. */
export function packetIdOf({ body }: RawPacket): number {
  return body.readUInt16BE(0);
}

/** Of a PUBLISH at QoS 1. */
export function publishIdOf({ body }: RawPacket): number {
  return body.readUInt16BE(2 + body.readUInt16BE(0));
}

export function topicOf({ body }: RawPacket): string {
  return body.subarray(2, 2 + body.readUInt16BE(0)).toString();
}

/** `properties` as they are written, each with its identifier. */
export function connack5(reason: number, properties: readonly number[] = []): Uint8Array {
  return frame(2, 0, [0, reason, properties.length, ...properties]);
}

export function connack4(code: number): Uint8Array {
  return frame(2, 0, [0, code]);
}

export function suback5(id: number, reason: number): Uint8Array {
  return frame(9, 0, [id >> 8, id & 0xff, 0, reason]);
}

export function puback(id: number): Uint8Array {
  return frame(PUBACK, 0, [id >> 8, id & 0xff]);
}

/** At QoS 1, for MQTT 5. */
export function publish5(
  topic: string,
  payload: Uint8Array,
  { id = 7, isRetained = false } = {},
): Uint8Array {
  const name = Buffer.from(topic);
  return frame(PUBLISH, isRetained ? 0b0011 : 0b0010, [
    name.length >> 8,
    name.length & 0xff,
    ...name,
    id >> 8,
    id & 0xff,
    0,
    ...payload,
  ]);
}

export function disconnect5(reason: number): Uint8Array {
  return frame(DISCONNECT, 0, [reason, 0]);
}

function usual(packet: RawPacket): Uint8Array | null {
  if (packet.type === CONNECT) return versionOf(packet) === 5 ? connack5(0) : connack4(0);
  if (packet.type !== SUBSCRIBE) return null;
  const id = packetIdOf(packet);
  // In MQTT 5 the properties stand between the id and the topics; without any their length is zero.
  return packet.body[2] === 0 && packet.body[3] === 0 ? suback5(id, 1) : frame(9, 0, [id >> 8, id & 0xff, 1]);
}

function frame(type: number, flags: number, body: readonly number[]): Uint8Array {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Uint8Array.from([(type << 4) | flags, ...length, ...body]);
}

function takePacket(bytes: Buffer): { readonly packet: RawPacket; readonly rest: Buffer } | null {
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7, at++) {
    const byte = bytes[at];
    if (byte === undefined) return null;
    length |= (byte & 0x7f) << shift;
    if ((byte & 0x80) === 0) break;
  }
  const end = at + 1 + length;
  if (bytes.length < end) return null;
  const first = bytes[0] ?? 0;
  const packet = { type: first >> 4, flags: first & 0x0f, body: bytes.subarray(at + 1, end) };
  return { packet, rest: bytes.subarray(end) };
}
