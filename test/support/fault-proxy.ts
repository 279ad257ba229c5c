import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What the line does to bytes that pass, in either direction. */
export interface LineWeather {
  /** Nothing passes and nothing is closed, as when a router dies: what was under way comes when it is over. */
  isHeld: boolean;
  /** Each piece arrives so much later. */
  delayMs: number;
  bytesPerSecond: number;
  /** Of so many bytes towards the caller one has a bit flipped; Infinity: none. What the caller says arrives as it was. */
  corruptOneIn: number;
}

const FINE: Readonly<LineWeather> = {
  isHeld: false,
  delayMs: 0,
  bytesPerSecond: Infinity,
  corruptOneIn: Infinity,
};
/** A slow line passes pieces of this size, so that it is slow and does not stutter. */
const SLOW_PIECE_BYTES = 512;

/** A TCP line to a port of this machine that can be as bad as a real one. It knows nothing of what passes. */
export class FaultProxy {
  readonly weather: LineWeather = { ...FINE };
  /** Bytes that were changed on their way. */
  corrupted = 0;
  /** Connections so far. */
  connections = 0;
  readonly #targetPort: number;
  readonly #below: (limit: number) => number;
  readonly #ends = new Set<Socket>();
  readonly #onHeal = new Set<() => void>();
  #server: Server;
  #port = 0;

  /** `below` gives whole numbers below its limit, from a seed: which bytes are hit. */
  static async start(
    targetPort: number,
    below: (limit: number) => number = (limit) => limit >> 1,
  ): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort, below);
    await proxy.accept();
    return proxy;
  }

  private constructor(targetPort: number, below: (limit: number) => number) {
    this.#targetPort = targetPort;
    this.#below = below;
    this.#server = createServer();
  }

  get port(): number {
    return this.#port;
  }

  get openConnections(): number {
    return this.#ends.size / 2;
  }

  /** Ends every connection without a goodbye; new ones are let in. */
  cut(): void {
    for (const end of this.#ends) end.resetAndDestroy();
  }

  /** Ends every connection and lets no new one in, as when nobody listens there. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Lets connections in, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port; // It listens on TCP.
  }

  /** The line is a good one again; connections that are open go on. */
  async heal(): Promise<void> {
    Object.assign(this.weather, FINE);
    for (const resume of [...this.#onHeal]) resume();
    await this.accept();
  }

  async close(): Promise<void> {
    await this.heal();
    await this.refuse();
  }

  #join(near: Socket): void {
    this.connections += 1;
    const far = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true });
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#ends.add(end);
      end.setNoDelay(true);
      end.on("error", () => undefined);
      end.once("close", (hasFailed) => {
        this.#ends.delete(end);
        // Whoever waits for the line to heal must see that there is nothing left to wait for.
        for (const resume of [...this.#onHeal]) resume();
        if (hasFailed) other.destroy();
      });
      void this.#carry(end, other, end === far);
    }
  }

  async #carry(from: Socket, to: Socket, isAnswer: boolean): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const piece of this.#piecesOf(chunk)) {
          await this.#wait(piece.length, from);
          if (to.destroyed) return void from.destroy();
          if (!to.write(isAnswer ? this.#damaged(piece) : piece))
            await Promise.race([once(to, "drain"), once(to, "close")]);
        }
      }
      await this.#healed(from);
      to.end();
    } catch {
      to.destroy();
    }
  }

  *#piecesOf(chunk: Buffer): Generator<Buffer> {
    const size = this.weather.bytesPerSecond === Infinity ? chunk.length : SLOW_PIECE_BYTES;
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  }

  async #wait(bytes: number, from: Socket): Promise<void> {
    const { delayMs, bytesPerSecond } = this.weather;
    const ms = delayMs + (bytes / bytesPerSecond) * 1_000;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#healed(from);
  }

  async #healed(from: Socket): Promise<void> {
    while (this.weather.isHeld && !from.destroyed) {
      await new Promise<void>((resolve) => {
        const resume = () => {
          this.#onHeal.delete(resume);
          resolve();
        };
        this.#onHeal.add(resume);
      });
    }
  }

  #damaged(piece: Buffer): Buffer {
    const { corruptOneIn } = this.weather;
    if (corruptOneIn === Infinity) return piece;
    const bytes = Buffer.from(piece);
    for (let at = 0; at < bytes.length; at++) {
      if (this.#below(corruptOneIn) !== 0) continue;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#below(8));
      this.corrupted += 1;
    }
    return bytes;
  }
}
