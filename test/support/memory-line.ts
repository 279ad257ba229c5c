import { DriverError, type SerialLine } from "#driver-api";

/** The device's end of a serial line, as every simulator offers it. */
export interface LineDevice {
  receive(bytes: Uint8Array): void;
  onSend(listener: (bytes: Uint8Array) => void): () => void;
  /** The host's end changes its speed; for a device to whom that matters. */
  setBaudRate?(baud: number): void;
}

/** Where a line breaks: after so many bytes in one direction since `faults.cut` was set. */
export interface Cut {
  readonly side: "to_device" | "to_host";
  readonly afterBytes: number;
  /** `unplugged`: both ends see it. `swallowed`: the wire is dead and nobody is told. */
  readonly how: "unplugged" | "swallowed";
}

/** What the line does to bytes, as data; change it at any time. */
export interface LineFaults {
  /** Largest chunk in bytes that reaches the host; 0: as the device sent it. */
  chunkBytes: number;
  /** Comes before everything that the device says next, once. */
  noise: Uint8Array;
  /** After so many more chunks, what the device says is kept back until `release`; null: never. */
  heldAfterChunks: number | null;
  /** After so many more chunks, one bit turns over in the middle of each of the next `count`. */
  garble: { afterChunks: number; count: number };
  /** Every chunk to the host is glued behind a copy of the one before. */
  repeatsPrevious: boolean;
}

/**
 * A serial line in memory. Bytes arrive in later microtasks, never while a virtual clock stands still and never by a
 * timer, so that a clock without pending timers really means that the driver has none.
 */
export class MemoryLine implements SerialLine {
  readonly faults: LineFaults = {
    chunkBytes: 0,
    noise: new Uint8Array(),
    heldAfterChunks: null,
    garble: { afterChunks: 0, count: 0 },
    repeatsPrevious: false,
  };
  /** Bytes handed over so far, by direction. */
  readonly carried = { to_device: 0, to_host: 0 };

  /** Length of the packets that the line carries whole or not at all, as USB HID does; 0: a stream of bytes. */
  packetBytes = 0;

  readonly #device: LineDevice;
  readonly #dataListeners = new Set<(chunk: Uint8Array) => void>();
  readonly #closeListeners = new Set<(reason: string) => void>();
  readonly #stopDevice: () => void;
  #held: Uint8Array[] = [];
  #previous: Uint8Array = new Uint8Array();
  #cut: { side: Cut["side"]; left: number; how: Cut["how"] } | undefined;
  #isSwallowing = false;
  /** Unplugged, and the ends are about to learn it. */
  #isBreaking = false;
  #closedBecause: string | undefined;

  constructor(device: LineDevice) {
    this.#device = device;
    this.#stopDevice = device.onSend((bytes) => this.#fromDevice(bytes.slice()));
  }

  get isOpen(): boolean {
    return this.#closedBecause === undefined;
  }

  /** Listeners that are still attached. */
  get listenerCount(): number {
    return this.#dataListeners.size + this.#closeListeners.size;
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return Promise.reject(new DriverError("call.cancelled", "none", "cancelled before the write"));
    }
    if (!this.isOpen) return Promise.reject(new DriverError("device.lost", "none", "the line is gone"));
    const passed = this.#pass("to_device", bytes.slice());
    const isWhole = this.packetBytes === 0 || passed.length === bytes.length;
    if (passed.length > 0 && isWhole) queueMicrotask(() => this.#device.receive(passed));
    return this.#isBreaking
      ? Promise.reject(new DriverError("device.lost", "unknown", "the line went away in a write"))
      : Promise.resolve();
  }

  onData(listener: (chunk: Uint8Array) => void): () => void {
    this.#dataListeners.add(listener);
    return () => this.#dataListeners.delete(listener);
  }

  onClose(listener: (reason: string) => void): () => void {
    if (this.#closedBecause !== undefined) {
      listener(this.#closedBecause);
      return () => undefined;
    }
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  setBaudRate(baud: number): Promise<void> {
    this.#device.setBaudRate?.(baud);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.unplug("closed");
    return Promise.resolve();
  }

  unplug(reason = "unplugged"): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = reason;
    this.#stopDevice();
    const listeners = [...this.#closeListeners];
    this.#closeListeners.clear();
    for (const listener of listeners) listener(reason);
  }

  /** From here on the line breaks as `cut` says. */
  cutAt({ side, afterBytes, how }: Cut): void {
    this.#cut = { side, left: afterBytes, how };
  }

  /** The cut has been reached. */
  get isBroken(): boolean {
    return this.#isSwallowing;
  }

  /** Something is kept back. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Lets go of what was held, in order and in one piece. */
  release(): void {
    this.faults.heldAfterChunks = null;
    const held = Buffer.concat(this.#held);
    this.#held = [];
    if (held.length > 0) this.#toHost(held);
  }

  /** What comes through of `bytes`; cuts the line when their end was reached. */
  #pass(side: Cut["side"], bytes: Uint8Array): Uint8Array {
    if (this.#isSwallowing) return new Uint8Array();
    let passed = bytes;
    if (this.#cut?.side === side) {
      passed = bytes.subarray(0, this.#cut.left);
      this.#cut.left -= passed.length;
      if (this.#cut.left === 0) this.#break(this.#cut.how);
    }
    this.carried[side] += passed.length;
    return passed;
  }

  #break(how: Cut["how"]): void {
    this.#isSwallowing = true;
    if (how === "swallowed") return;
    this.#isBreaking = true;
    // The last bytes still reach their end before it learns that the line is gone.
    queueMicrotask(() => queueMicrotask(() => this.unplug()));
  }

  #fromDevice(bytes: Uint8Array): void {
    if (this.faults.heldAfterChunks === 0) {
      this.#held.push(bytes);
      return;
    }
    if (this.faults.heldAfterChunks !== null) this.faults.heldAfterChunks -= 1;
    this.#toHost(bytes);
  }

  #garble(bytes: Uint8Array): void {
    const { garble } = this.faults;
    if (garble.count === 0 || bytes.length === 0) return;
    if (garble.afterChunks > 0) {
      garble.afterChunks -= 1;
      return;
    }
    garble.count -= 1;
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
  }

  #toHost(bytes: Uint8Array): void {
    const noise = this.packetBytes === 0 ? this.faults.noise : packet(this.faults.noise, this.packetBytes);
    const glued = Buffer.concat([
      noise,
      this.faults.repeatsPrevious ? this.#previous : new Uint8Array(),
      bytes,
    ]);
    this.faults.noise = new Uint8Array();
    this.#previous = bytes;
    this.#garble(glued);
    const passed = this.#pass("to_host", glued);
    const wanted = this.faults.chunkBytes > 0 ? this.faults.chunkBytes : Math.max(1, passed.length);
    const size = this.packetBytes || wanted;
    for (let at = 0; at < passed.length; at += size) {
      const chunk = Uint8Array.from(passed.subarray(at, at + size));
      if (chunk.length < this.packetBytes) return;
      queueMicrotask(() => {
        if (this.isOpen) for (const listener of [...this.#dataListeners]) listener(chunk);
      });
    }
  }
}

/** No packet for no bytes. */
function packet(bytes: Uint8Array, size: number): Uint8Array {
  const whole = new Uint8Array(bytes.length === 0 ? 0 : size);
  whole.set(bytes.subarray(0, size));
  return whole;
}
