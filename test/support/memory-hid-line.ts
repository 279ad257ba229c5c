import { DriverError, type HidLine, type HidSettings } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { LineDevice, MemoryLine } from "#test/support/memory-line";

/** Linux gives up a control transfer after five seconds. */
export const CONTROL_LIMIT_MS = 5_000;
/** Before a feature report on its way through the byte line: what it is. */
export const SET_FEATURE = 0x01;
export const GET_FEATURE = 0x02;

/**
 * A HID line over a line in memory, so that the troubles of the one come over the other too. A report arrives whole or
 * not at all: what comes in pieces is put together, what is glued is cut, and what is left over is dropped.
 */
export class MemoryHidLine implements HidLine {
  readonly #line: MemoryLine;
  readonly #settings: HidSettings;
  readonly #clock: Clock;

  constructor(line: MemoryLine, settings: HidSettings | undefined, clock: Clock) {
    this.#line = line;
    this.#settings = settings ?? { reportBytes: 64 };
    this.#clock = clock;
    line.packetBytes = this.#settings.featureBytes ?? this.#settings.reportBytes;
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  write(report: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#line.write(filled(report, this.#settings.reportBytes), signal);
  }

  onReport(listener: (report: Uint8Array) => void): () => void {
    return this.#line.onData(listener);
  }

  setFeature(report: Uint8Array, signal: AbortSignal): Promise<void> {
    const body = filled(report, this.#settings.featureBytes ?? 0);
    return this.#line.write(Uint8Array.of(SET_FEATURE, ...body), signal);
  }

  getFeature(signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        stopTimer();
        stopData();
        stopClose();
        signal.removeEventListener("abort", onAbort);
      };
      const fail = (code: "device.silent" | "device.lost" | "call.cancelled") => {
        settle();
        reject(new DriverError(code, "unknown", "the feature report did not come"));
      };
      const onAbort = () => fail("call.cancelled");
      const stopTimer = this.#clock.startTimer(CONTROL_LIMIT_MS, () => fail("device.silent"));
      // A control transfer has no queue: whatever else is said in this moment, the newest is what is fetched.
      let newest: Uint8Array | null = null;
      const stopData = this.#line.onData((report) => {
        if (newest === null) setImmediate(() => finish());
        newest = report;
      });
      const finish = () => {
        settle();
        resolve(newest ?? new Uint8Array());
      };
      let stopClose = (): void => undefined;
      stopClose = this.#line.onClose(() => queueMicrotask(() => fail("device.lost")));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#line.write(Uint8Array.of(GET_FEATURE), signal).catch((error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#line.onClose(listener);
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}

function filled(report: Uint8Array, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  whole.set(report);
  return whole;
}

/** A device that has feature reports only, at the other end of a `MemoryHidLine`. */
export function featureDevice(device: {
  setFeature(report: readonly number[]): void;
  getFeature(): readonly number[];
}): LineDevice {
  const listeners = new Set<(bytes: Uint8Array) => void>();
  return {
    receive([what, ...report]) {
      if (what === SET_FEATURE) device.setFeature(report);
      if (what !== GET_FEATURE) return;
      for (const listener of [...listeners]) listener(Uint8Array.from(device.getFeature()));
    },
    onSend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
