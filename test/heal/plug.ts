import { randomUUID } from "node:crypto";
import { realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SimulatedDevice } from "#src/sandbox/attach";
import { openPty, type PtyEnd } from "#src/sandbox/pty";

/** A command that the host sends to a PN532 (NXP UM0701-02, 6.2.1): what follows `D4`. */
export interface HostCommand {
  readonly code: number;
  readonly parameters: Uint8Array;
}

/** What becomes of bytes on their way to the device: they arrive, they are lost, or the line is cut before them. */
type Fate = "pass" | "lose" | "cut";

/**
 * A serial device that can be pulled out and put back. The port is a name that points to a pseudo-terminal, as the
 * names under /dev/serial/by-id do: it goes with the device, and may point elsewhere when the device comes back.
 */
export class Plug {
  /** Where the daemon finds the device. */
  readonly port: string;
  device: SimulatedDevice;
  /** Decides over every frame of the host, before the device hears it; null: it is no command. */
  fate: (command: HostCommand | null) => Fate = () => "pass";
  /** Does what the device says reach the host? */
  isHeard = true;
  /** Commands of the host that reached the device. */
  readonly commands: HostCommand[] = [];
  #pty: PtyEnd | null = null;
  #spare: PtyEnd | null = null;
  #stopWires = (): void => undefined;
  #going: Promise<void> = Promise.resolve();

  constructor(port: string, device: SimulatedDevice) {
    this.port = port;
    this.device = device;
  }

  /** The pseudo-terminal behind the name. */
  get terminal(): string {
    return realpathSync(this.port);
  }

  /** Makes the next terminal without giving it the name: nobody finds it there yet. */
  async warmUp(): Promise<string> {
    this.#spare ??= await openPty(join(dirname(this.port), `line-${randomUUID()}`));
    return this.#spare.path;
  }

  async plugIn(): Promise<void> {
    await this.#going;
    await this.warmUp();
    const pty = this.#spare;
    const { device } = this;
    if (pty === null) throw new Error("plugged in twice at once");
    this.#spare = null;
    this.#pty = pty;
    const stopIn = pty.onData((bytes) => this.#pass(bytes, device));
    const stopOut = device.onSend((bytes) => {
      if (this.isHeard) pty.write(bytes);
    });
    this.#stopWires = () => {
      stopIn();
      stopOut();
    };
    // A name is changed in one step, as udev does.
    symlinkSync(pty.path, `${this.port}.new`);
    renameSync(`${this.port}.new`, this.port);
  }

  /** From now on no byte passes either way; resolves when the line is gone. */
  unplug(): Promise<void> {
    this.#stopWires();
    this.#stopWires = () => undefined;
    rmSync(this.port, { force: true });
    const pty = this.#pty;
    this.#pty = null;
    this.fate = () => "pass";
    this.isHeard = true;
    this.#going = pty?.unplug() ?? Promise.resolve();
    return this.#going;
  }

  /** For ever. */
  async throwAway(): Promise<void> {
    await this.unplug();
    await this.#spare?.unplug();
  }

  /** To the host, in the device's place. */
  say(bytes: Uint8Array): void {
    this.#pty?.write(bytes);
  }

  #pass(bytes: Uint8Array, device: SimulatedDevice): void {
    const command = commandIn(bytes);
    const fate = this.fate(command);
    if (fate === "cut") void this.unplug();
    if (fate !== "pass") return;
    if (command !== null) this.commands.push(command);
    device.receive(bytes);
  }
}

/** The host sends one frame at a time and each in one piece, perhaps behind what wakes the chip up. */
function commandIn(bytes: Uint8Array): HostCommand | null {
  const start = Buffer.from(bytes).indexOf(Buffer.of(0x00, 0x00, 0xff));
  const [length = 0, , direction, code] = bytes.subarray(start + 3);
  if (start < 0 || direction !== 0xd4 || code === undefined) return null;
  return { code, parameters: bytes.slice(start + 7, start + 5 + length) };
}

/** InDataExchange with MIFARE's or NTAG's write: the card changes. */
export function isWrite(command: HostCommand | null): boolean {
  return command?.code === 0x40 && (command.parameters[1] === 0xa0 || command.parameters[1] === 0xa2);
}

/** InDataExchange with a read. */
export function isRead(command: HostCommand | null): boolean {
  return command?.code === 0x40 && command.parameters[1] === 0x30;
}

/** Something else than a PN532: a modem, which answers whatever it hears. */
export class OtherDevice implements SimulatedDevice {
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();

  receive(): void {
    for (const listener of [...this.#listeners]) listener(Buffer.from("\r\nERROR\r\n"));
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
