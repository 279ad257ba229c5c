import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fromHex, toHex } from "#src/lib/hex";

/** A device that can be plugged into the emulated machine. */
export interface PluggedDevice {
  readonly vid: string;
  readonly pid: string;
  /** The USB socket. */
  readonly at: string;
  readonly reportBytes: number;
  readonly featureBytes?: number;
  readonly serial?: string;
  readonly interface?: number;
  readonly maker?: string;
  readonly product?: string;
  /** The near end of a terminal that carries the reports, each behind its number on the way out; left out: the world does. */
  readonly terminal?: string;
}

/** What a plugged-in device hears, and how it answers. */
export interface DeviceEnd {
  readonly node: number;
  /** Output reports, without their number. */
  onOutput(listener: (report: Uint8Array) => void): void;
  onFeature(listener: (report: Uint8Array) => void): void;
  /** What a host that asks for the feature report gets; null: nothing, and the host gives up. */
  answerFeature(give: () => Uint8Array | null | Promise<Uint8Array | null>): void;
  input(report: Uint8Array): void;
  unplug(): Promise<void>;
}

interface Ends {
  output: (report: Uint8Array) => void;
  feature: (report: Uint8Array) => void;
  give: () => Uint8Array | null | Promise<Uint8Array | null>;
}

interface Told {
  readonly is: "plugged" | "unplugged" | "output" | "set" | "get" | "error";
  readonly node?: number;
  readonly hex?: string;
  readonly message?: string;
}

/** The machine of `world.py`, from inside: this process sees the devices that it plugs in itself. */
export class HidWorld {
  readonly #socket: Socket;
  readonly #ends = new Map<number, Ends>();
  /** Orders are carried out one after the other. */
  readonly #whenDone: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => this.#hear(JSON.parse(line) as Told));
  }

  static async enter(path: string): Promise<HidWorld> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new HidWorld(socket);
  }

  leave(): void {
    this.#socket.destroy();
  }

  /** `node`: the number in /dev/hidrawN, and `mode` its permissions. */
  async plug(node: number, device: PluggedDevice, mode = 0o600): Promise<DeviceEnd> {
    const ends: Ends = { output: () => undefined, feature: () => undefined, give: () => null };
    this.#ends.set(node, ends);
    const { reportBytes, featureBytes = 0, ...rest } = device;
    await this.#order({
      do: "plug",
      node,
      mode,
      ...rest,
      report_bytes: reportBytes,
      descriptor: toHex(descriptor(reportBytes, featureBytes)),
    });
    return {
      node,
      onOutput: (listener) => (ends.output = listener),
      onFeature: (listener) => (ends.feature = listener),
      answerFeature: (give) => (ends.give = give),
      input: (report) => this.#say({ do: "input", node, hex: toHex(report) }),
      unplug: () => {
        this.#ends.delete(node);
        return this.#order({ do: "unplug", node });
      },
    };
  }

  #order(order: object): Promise<void> {
    return new Promise((resolve) => {
      this.#whenDone.push(resolve);
      this.#say(order);
    });
  }

  #say(what: object): void {
    this.#socket.write(`${JSON.stringify(what)}\n`);
  }

  async #give(node: number, answer: ReturnType<Ends["give"]> | undefined): Promise<void> {
    const report = (await answer) ?? null;
    if (this.#ends.has(node))
      this.#say({ do: "feature", node, hex: report === null ? null : `00${toHex(report)}` });
  }

  #hear({ is, node = 0, hex = "", message }: Told): void {
    const ends = this.#ends.get(node);
    switch (is) {
      case "plugged":
      case "unplugged":
        this.#whenDone.shift()?.();
        return;
      case "output":
        // The first byte is the number of the report, which an unnumbered one has not.
        ends?.output(fromHex(hex).slice(1));
        return;
      case "set":
        ends?.feature(fromHex(hex).slice(1));
        return;
      case "get":
        void this.#give(node, ends?.give());
        return;
      case "error":
        throw new Error(`the emulated machine failed: ${message ?? ""}`);
    }
  }
}

/** A vendor's own page with unnumbered input, output and, if wanted, feature reports. */
function descriptor(reportBytes: number, featureBytes: number): Uint8Array {
  const items = `06ff00 0901 a101 1500 26ff00 7508 95${byte(reportBytes)} 0901 8102 0902 9102`;
  const feature = featureBytes === 0 ? "" : `95${byte(featureBytes)} 0903 b102`;
  return fromHex(`${items} ${feature} c0`);
}

function byte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
