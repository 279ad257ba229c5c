import { stat } from "node:fs/promises";
import { DriverError, type PcscLine } from "#driver-api";
import { type Clock, DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import { PCSC_ADDRESS_FORM, pcscReaderOf } from "#src/lib/pcsc-address";
import { LineLife } from "./line-life.js";
import { PortError } from "./port-error.js";

/** Optional: it is built from source, and needs libpcsclite-dev. Not in the types, so that all is well without it. */
const PACKAGE = "@pokusew/pcsclite";
/** Where Debian's service listens. */
const SERVICE_SOCKET = "/run/pcscd/pcscd.comm";
const FIND_LIMIT_MS = 3_000;
/** It tells its readers one by one as soon as it is asked. */
const LIST_MS = 300;
const CONNECT_LIMIT_MS = 3_000;
/** A DESFire card may take seconds to be formatted. */
const TRANSMIT_LIMIT_MS = 6_000;
const SILENT = new DriverError("device.silent", "unknown", "the PC/SC service does not answer");
/** A short APDU's answer: 256 bytes and the status. */
const ANSWER_MAX = 258;

/** As much of the package as is used. */
interface Service {
  on(event: "reader", listener: (reader: Reader) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  close(): void;
}
interface Reader {
  readonly name: string;
  readonly SCARD_STATE_PRESENT: number;
  readonly SCARD_SHARE_EXCLUSIVE: number;
  readonly SCARD_UNPOWER_CARD: number;
  readonly connected: boolean;
  on(event: "status", listener: (status: { state: number; atr?: Uint8Array }) => void): void;
  on(event: "end", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  connect(
    options: { share_mode: number },
    done: (error: Error | null | undefined, protocol: number) => void,
  ): void;
  disconnect(disposition: number, done: (error: Error | null) => void): void;
  transmit(
    apdu: Buffer,
    answerMax: number,
    protocol: number,
    done: (error: Error | null | undefined, answer: Buffer) => void,
  ): void;
  close(): void;
}

/** Changes when the service starts anew; null while there is none. */
export async function pcscMark(): Promise<string | null> {
  try {
    const { ino, ctimeNs } = await stat(SERVICE_SOCKET, { bigint: true });
    return `pcsc:${ino}:${ctimeNs}`;
  } catch {
    return null;
  }
}

/** The names of all readers; none where the service or the addon is missing. Never rejects. */
export async function pcscReaders(clock: Clock): Promise<readonly string[]> {
  if ((await pcscMark()) === null) return [];
  const names: string[] = [];
  try {
    const service = await begin();
    service.on("error", () => undefined);
    service.on("reader", (reader) => {
      reader.on("error", () => undefined);
      names.push(reader.name.replace(/[^\x20-\x7e]/g, "?"));
    });
    await new Promise<void>((resolve) => clock.startTimer(LIST_MS, resolve));
    service.close();
  } catch {
    // No addon: whoever configures such a reader is told how to get it.
  }
  return names.sort();
}

/** Opens the first reader whose name begins as the address says. Rejects with `PortError` only, within seconds. */
export async function openPcscLine(address: string, { clock }: { readonly clock: Clock }): Promise<PcscLine> {
  const wanted = pcscReaderOf(address);
  if (wanted === null)
    throw new PortError("port.missing", `${address} names no reader: ${PCSC_ADDRESS_FORM}`);
  if ((await pcscMark()) === null)
    throw new PortError("port.missing", "the PC/SC service does not run: start pcscd");
  const service = await begin();
  const names: string[] = [];
  try {
    const parent = new AbortController().signal;
    return await withDeadline({ clock, ms: FIND_LIMIT_MS, parent }, () =>
      findReader(service, wanted, names, clock),
    );
  } catch (cause) {
    service.close();
    if (!(cause instanceof DeadlineExceeded))
      throw new PortError("port.refused", `the PC/SC service refuses: ${(cause as Error).message}`, cause);
    const there = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    throw new PortError("port.missing", `PC/SC has no reader "${wanted}": ${there}`, cause);
  }
}

async function begin(): Promise<Service> {
  try {
    const loaded = (await import(PACKAGE)) as { readonly default: () => Service };
    return loaded.default();
  } catch (cause) {
    throw new PortError(
      "port.refused",
      `PC/SC readers need the package ${PACKAGE}, which is not installed: install libpcsclite-dev, then run npm install ${PACKAGE}`,
      cause,
    );
  }
}

function findReader(service: Service, wanted: string, names: string[], clock: Clock): Promise<OpenReader> {
  return new Promise((resolve, reject) => {
    service.on("error", reject);
    service.on("reader", (reader) => {
      names.push(reader.name);
      // An error that nobody listens for would end the process.
      reader.on("error", () => undefined);
      // At once: the reader tells its state right after this, and then only when it changes.
      if (reader.name.startsWith(wanted)) resolve(new OpenReader(service, reader, clock));
    });
  });
}

class OpenReader implements PcscLine {
  readonly #service: Service;
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #life: LineLife;
  #state = 0;
  #atr: Uint8Array | null = null;
  #protocol = 0;

  constructor(service: Service, reader: Reader, clock: Clock) {
    this.#service = service;
    this.#reader = reader;
    this.#clock = clock;
    this.#life = new LineLife("the reader", clock, () => this.#release());
    reader.on("status", ({ state, atr }) => {
      this.#state = state;
      this.#atr = atr === undefined || atr.length === 0 ? null : Uint8Array.from(atr);
    });
    reader.on("error", (error) => this.#life.lose(error.message));
    reader.on("end", () => this.#life.lose("the reader was unplugged"));
    service.on("error", (error) => this.#life.lose(error.message));
  }

  get readerName(): string {
    return this.#reader.name;
  }

  get isOpen(): boolean {
    return this.#life.isOpen;
  }

  present(signal: AbortSignal): Promise<boolean> {
    return this.#life.carry(signal, { ms: CONNECT_LIMIT_MS, late: SILENT }, () =>
      Promise.resolve(this.#isPresent),
    );
  }

  async connect(signal: AbortSignal): Promise<Uint8Array | null> {
    await this.disconnect();
    return this.#life.carry(signal, { ms: CONNECT_LIMIT_MS, late: SILENT }, async () => {
      if (!this.#isPresent) return null;
      const options = { share_mode: this.#reader.SCARD_SHARE_EXCLUSIVE };
      const isConnected = await new Promise<boolean>((resolve) => {
        this.#reader.connect(options, (error, protocol) => {
          this.#protocol = protocol;
          resolve(error == null);
        });
      });
      return isConnected ? this.#atr : null;
    });
  }

  transmit(apdu: Uint8Array, signal: AbortSignal): Promise<Uint8Array | null> {
    return this.#life.carry(signal, { ms: TRANSMIT_LIMIT_MS, late: SILENT }, () => {
      if (!this.#reader.connected) return Promise.resolve(null);
      return new Promise((resolve) => {
        this.#reader.transmit(Buffer.from(apdu), ANSWER_MAX, this.#protocol, (error, answer) => {
          // Whatever the service says of a card that it cannot talk to: it does not answer.
          resolve(error == null ? Uint8Array.from(answer) : null);
        });
      });
    });
  }

  async disconnect(): Promise<void> {
    if (!this.#reader.connected || !this.isOpen) return;
    await this.#powerDown();
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#life.onClose(listener);
  }

  close(): Promise<void> {
    return this.#life.close();
  }

  get #isPresent(): boolean {
    return (this.#state & this.#reader.SCARD_STATE_PRESENT) !== 0;
  }

  async #release(): Promise<void> {
    if (this.#reader.connected) await this.#powerDown();
    this.#reader.close();
    this.#service.close();
  }

  async #powerDown(): Promise<void> {
    const limit = { clock: this.#clock, ms: CONNECT_LIMIT_MS, parent: new AbortController().signal };
    const ended = new Promise<void>((resolve) => {
      this.#reader.disconnect(this.#reader.SCARD_UNPOWER_CARD, () => resolve());
    });
    await withDeadline(limit, () => ended).catch(() => undefined);
  }
}
