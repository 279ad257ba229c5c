import { type Device, DriverError, type KeypadInput, type OnGatewayKeypad } from "#driver-api";
import driver from "#drivers/osdp/index";
import { OsdpSimulator } from "#drivers/osdp/simulator";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";

export const KEY = "c0ffee00c0ffee11c0ffee22c0ffee33";
export const OLD_KEY = "0badc0de0badc0de0badc0de0badc0de";

/** Simulated readers on a line in memory, in virtual time, with the driver before them. */
export class OsdpLine {
  readonly clock = new VirtualClock();
  readonly simulator = new OsdpSimulator(this.clock);
  readonly line: MemoryLine;
  /** Everything that was logged. */
  readonly logged: { readonly event?: string; readonly [field: string]: unknown }[] = [];
  /** Commands that went over the wire, whole. */
  readonly sent: string[] = [];
  /** Keys of the site, the newest first; the same for every reader. */
  siteKeys: readonly string[] | undefined;
  /** What readers called themselves when the site was asked for their keys. */
  readonly askedFor: string[] = [];
  #device: Device | undefined;

  constructor() {
    this.line = new MemoryLine({
      receive: (bytes) => {
        this.sent.push(toHex(bytes));
        this.simulator.receive(bytes);
      },
      onSend: (listener) => this.simulator.onSend(listener),
      setBaudRate: (baud) => this.simulator.setBaudRate(baud),
    });
  }

  get device(): Device {
    if (this.#device === undefined) throw new Error("the line is not open");
    return this.#device;
  }

  async open(config: Record<string, unknown>): Promise<Device> {
    this.#device = await this.run(this.begin(config));
    return this.#device;
  }

  begin(config: Record<string, unknown>, signal = new AbortController().signal): Promise<Device> {
    const note = (fields: object, message: string) => this.logged.push({ ...fields, message });
    const context = { line: this.line, clock: this.clock, log: { debug: note, warn: note } };
    const keys = this.siteKeys?.map((key) => new Secret(fromHex(key)));
    const keysOf = (id: string) => {
      this.askedFor.push(id);
      return Promise.resolve(keys ?? []);
    };
    return driver.open(
      driver.config.parse(config),
      { ...context, ...(keys !== undefined && { keys: keysOf }) },
      { signal },
    );
  }

  run<T>(work: Promise<T>, msMax = 20_000): Promise<T> {
    return this.clock.until(work, { msMax });
  }

  /** The DriverError that the work must fail with. */
  async failure(work: Promise<unknown>): Promise<DriverError> {
    const outcome: unknown = await this.run(work.catch((error: unknown) => error));
    if (outcome instanceof DriverError) return outcome;
    throw new Error("it did not fail with a DriverError", { cause: outcome });
  }

  door(key = "door"): OnGatewayKeypad {
    const keypad = this.device.units.find((unit) => unit.key === key)?.keypadLock;
    if (keypad?.codes !== "on_gateway") throw new Error(`${key} is no door`);
    return keypad;
  }

  /** What is typed and held from here on, in clear for the test. */
  listen(key = "door"): string[] {
    const heard: string[] = [];
    this.door(key).onInput((input) => heard.push(shown(input)));
    return heard;
  }

  events(name: string) {
    return this.logged.filter(({ event }) => event === name);
  }

  /** Is it polled and usable, by the device's own list? */
  get unitKeys(): readonly string[] {
    return this.device.units.map(({ key }) => key);
  }
}

function shown(input: KeypadInput): string {
  return input.type === "keys" ? input.keys.reveal() : `${toHex(input.card.bits)}/${input.card.bitCount}`;
}

export const calm = () => ({ signal: new AbortController().signal });
