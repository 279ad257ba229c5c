import { type Device, DriverError, type Unit } from "#driver-api";
import type { DevicesPort, DeviceStatus, UnitRef } from "#src/engine/devices-port";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { LineOpeners } from "./lines.js";
import { type SupervisedDevice, Supervisor } from "./supervisor.js";

/** All configured devices, each under its own supervisor: one never delays another. */
export class Devices implements DevicesPort {
  readonly #supervisors = new Map<string, Supervisor>();
  readonly #listeners = new Set<(status: DeviceStatus) => void>();

  constructor(devices: readonly SupervisedDevice[], deps: { openers: LineOpeners; clock: Clock; log: Log }) {
    const changed = (status: DeviceStatus): void => {
      for (const listener of [...this.#listeners]) {
        try {
          listener(status);
        } catch (error) {
          // What a listener does with the news, such as writing it to a full disk, is no business of the device.
          deps.log.error(
            { event: "device.listener_failed", device: status.key, err: error },
            "device news lost",
          );
        }
      }
    };
    for (const device of devices)
      this.#supervisors.set(device.key, new Supervisor(device, { ...deps, changed }));
  }

  start(): void {
    for (const supervisor of this.#supervisors.values()) supervisor.start();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#supervisors.values()].map((supervisor) => supervisor.stop()));
  }

  status(): readonly DeviceStatus[] {
    return [...this.#supervisors.values()].map((supervisor) => supervisor.status());
  }

  isOnline(unit: UnitRef): boolean {
    return this.capabilities(unit) !== undefined;
  }

  takesWork(unit: UnitRef): boolean {
    const { device, key } = partsOf(unit);
    return this.#supervisors.get(device)?.takesWork(key) ?? false;
  }

  capabilities(unit: UnitRef): Unit | undefined {
    const { device, key } = partsOf(unit);
    return this.#supervisors.get(device)?.unit(key);
  }

  use<T>(unit: UnitRef, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T> {
    const { device, key } = partsOf(unit);
    const supervisor = this.#supervisors.get(device);
    if (supervisor === undefined) return Promise.reject(notConfigured(device));
    return supervisor.use(key, signal, work);
  }

  /** Keys of the connected devices that take locks in and out. */
  including(): readonly string[] {
    return [...this.#supervisors].flatMap(([key, { includes }]) => (includes ? [key] : []));
  }

  /** As `use`, for what is done with the device as a whole. */
  useDevice<T>(key: string, signal: AbortSignal, work: (device: Device) => Promise<T>): Promise<T> {
    const supervisor = this.#supervisors.get(key);
    if (supervisor === undefined) return Promise.reject(notConfigured(key));
    return supervisor.useDevice(signal, work);
  }

  onChange(listener: (status: DeviceStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function notConfigured(device: string): DriverError {
  return new DriverError("device.lost", "none", `no device ${device} is configured`);
}

function partsOf(unit: UnitRef): { device: string; key: string } {
  const [device = "", key = "main"] = unit.split("/");
  return { device, key };
}
