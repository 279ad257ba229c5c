import { encodeBody, parseBody } from "#src/cloud/body";
import type { Carrier, CarrierSink } from "#src/cloud/carrier";
import type { CloudMessage, GatewayMessage } from "#src/cloud/wire";
import type { Clock } from "#src/lib/deadline";
import type { CloudSite } from "#src/sandbox/cloud/site";

/** How one message gets to the other side, if it does. */
export type Travel = (bytes: Uint8Array, arrive: (bytes: Uint8Array) => void) => void;

/** Between a gateway and a stand-in cloud in the same process: each message by itself, as bytes, by `travel`. */
export class MemoryCarrier implements Carrier {
  readonly name = "memory";
  readonly isEncrypted = true;
  /** Without another one nothing is lost, and everything takes a millisecond. */
  travel: Travel;
  readonly #site: CloudSite;
  readonly #clock: Clock;
  #sink: CarrierSink | null = null;
  #unsubscribe = (): void => undefined;

  constructor(site: CloudSite, clock: Clock, travel?: Travel) {
    this.#site = site;
    this.#clock = clock;
    this.travel = travel ?? straightOn(clock);
  }

  open(sink: CarrierSink): void {
    this.close();
    this.#sink = sink;
    sink.up();
  }

  send(session: string | null, messages: readonly GatewayMessage[]): void {
    const sink = this.#sink;
    for (const message of messages) {
      this.travel(encodeBody(session, [message]), (bytes) => {
        const body = parseBody(bytes);
        for (const received of body.ok ? body.messages : []) {
          if (!received.ok) throw new Error("the gateway said what no cloud understands");
          this.#answer(sink, this.#site.receive(session, received.message as GatewayMessage));
        }
      });
    }
  }

  listen(session: string): void {
    const sink = this.#sink;
    const push = (): void => this.#answer(sink, this.#site.takeNews(session));
    this.#unsubscribe = this.#site.onChange(() => this.#clock.startTimer(0, push));
    push();
  }

  close(): void {
    this.#sink = null;
    this.#unsubscribe();
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
      this.travel(encodeBody(null, [message]), (bytes) => {
        if (this.#sink === sink) sink?.received(bytes);
      });
    }
  }
}

export function straightOn(clock: Clock): Travel {
  return (bytes, arrive) => void clock.startTimer(1, () => arrive(bytes));
}
