import type { Driver, HidLine, HidSettings } from "#driver-api";
import { openHidLine } from "#src/transports/hid";
import { type Behind, Listening, type OpenPort, portClock, type Ports } from "#test/conformance/ports";
import { CONTROL_LIMIT_MS, GET_FEATURE, SET_FEATURE } from "#test/support/memory-hid-line";
import { PtyEnd } from "#test/support/pty-end";
import { takePty } from "#test/support/ptys";
import type { DeviceEnd, HidWorld } from "../hid/world.js";

const NEVER_ABORTS = new AbortController().signal;
/** Of no importance: a driver is not told what it is plugged in as. */
const USB_ID = { vid: "0801", pid: "0003" };

/** A device that is plugged in, and the port that was opened for it. */
interface Plugged {
  readonly driverId: string;
  readonly device: DeviceEnd;
  readonly end: PtyEnd;
  readonly port: HidLine;
}

/**
 * `src/transports/hid.ts`, the real node-hid and the devices of an emulated machine. Plugging in and closing take tens of
 * milliseconds each: a port that comes back open, and with nothing on its way, serves the next bench.
 */
export class HidPorts implements Ports {
  /** About two in each report, which arrives whole or not at all. */
  readonly byteStep = 31;
  /** Reports go one by one. */
  readonly floodBytes = 5 << 17;
  readonly #world: HidWorld;
  readonly #idle: Plugged[] = [];
  #count = 0;

  constructor(world: HidWorld) {
    this.#world = world;
  }

  async open(driver: Driver, behind: Behind): Promise<OpenPort> {
    const { id, hid } = driver;
    if (hid === undefined) throw new Error(`${id} is no driver of a HID device`);
    const at = this.#idle.findIndex(({ driverId }) => driverId === id);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    const openings = behind.traffic.lane("openings");
    const plugged = idle ?? (await openings.during(this.#plug(id, hid)));
    return new CountedHid(plugged, hid, behind, () => this.#idle.push(plugged));
  }

  async #plug(driverId: string, reports: HidSettings): Promise<Plugged> {
    const number = this.#count++;
    const { fd, path } = takePty();
    const end = new PtyEnd({ fd, path });
    const at = `1-${number + 1}`;
    const device = await this.#world.plug(number, { ...USB_ID, ...reports, at, terminal: path });
    const address = `hid:${USB_ID.vid}:${USB_ID.pid}/at:${at}`;
    return { driverId, device, end, port: await openHidLine(address, reports, { clock: portClock }) };
  }
}

/** An open HID device of which it is known what is on its way. */
class CountedHid implements OpenPort, HidLine {
  readonly line = this;
  readonly #plugged: Plugged;
  readonly #reports: HidSettings;
  readonly #behind: Behind;
  readonly #keep: () => void;
  readonly #lanes;
  readonly #listening = new Listening();
  readonly #stops: readonly (() => void)[];
  /** Answers the one feature report that is asked for. */
  #answer: (report: Uint8Array | null) => void = () => undefined;

  constructor(plugged: Plugged, reports: HidSettings, behind: Behind, keep: () => void) {
    const { port, end, device } = plugged;
    const { line, traffic } = behind;
    this.#plugged = plugged;
    this.#reports = reports;
    this.#behind = behind;
    this.#keep = keep;
    this.#lanes = {
      calls: traffic.lane("calls to the port"),
      set: traffic.lane("feature reports to the device"),
      get: traffic.lane("questions for a feature report"),
      given: traffic.lane("feature reports to the host"),
      hangingUp: traffic.lane("hanging up"),
    };
    line.packetBytes = reports.featureBytes ?? reports.reportBytes;
    // Before each report goes its number, which an unnumbered one has not.
    end.join(traffic, (bytes) => this.#carryOn(bytes.subarray(1)));
    device.onFeature((report) => {
      this.#carryOn(Uint8Array.of(SET_FEATURE, ...report));
      this.#lanes.set.arrive();
    });
    device.answerFeature(() => this.#asked());
    this.#stops = [
      // Before any listener of the driver: what it hears is no longer on its way.
      port.onReport((report) => end.heard(report.length)),
      port.onClose(() => {
        end.drop();
        for (const lane of Object.values(this.#lanes)) lane.clear();
      }),
      line.onData((report) => (reports.featureBytes === undefined ? end.say(report) : this.#answer(report))),
      line.onClose(() => void this.#unplug()),
    ];
  }

  get listenerCount(): number {
    return this.#listening.count;
  }

  get isOpen(): boolean {
    return this.#plugged.port.isOpen;
  }

  write(report: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#goesOut(signal)) this.#plugged.end.wrote(this.#reports.reportBytes + 1);
    return this.#lanes.calls.during(this.#plugged.port.write(report, signal));
  }

  setFeature(report: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#goesOut(signal)) this.#lanes.set.leave();
    return this.#lanes.calls.during(this.#plugged.port.setFeature(report, signal));
  }

  async getFeature(signal: AbortSignal): Promise<Uint8Array> {
    if (this.#goesOut(signal)) this.#lanes.get.leave();
    try {
      return await this.#plugged.port.getFeature(signal);
    } finally {
      this.#answer(null);
      this.#lanes.given.clear();
    }
  }

  onReport(listener: (report: Uint8Array) => void): () => void {
    return this.#listening.add(() => this.#plugged.port.onReport(listener));
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#listening.addEnd(this.#plugged.port, listener);
  }

  close(): Promise<void> {
    return this.#plugged.port.close();
  }

  async release(): Promise<void> {
    for (const stop of this.#stops) stop();
    if (this.isOpen && this.#behind.traffic.isStill) {
      this.#keep();
      return;
    }
    await this.#plugged.port.close();
    this.#plugged.end.drop();
  }

  /** Otherwise it is refused before anything has left. */
  #goesOut(signal: AbortSignal): boolean {
    return this.isOpen && !signal.aborted;
  }

  #carryOn(bytes: Uint8Array): void {
    this.#behind.line.write(bytes, NEVER_ABORTS).catch(() => undefined);
  }

  /** The host waits for the feature report, as long as Linux lets it: in the device's time. */
  #asked(): Promise<Uint8Array | null> {
    return new Promise((resolve) => {
      const give = (report: Uint8Array | null) => {
        this.#answer = () => undefined;
        stopTimer();
        resolve(report);
      };
      const stopTimer = this.#behind.clock.startTimer(CONTROL_LIMIT_MS, () => {
        this.#lanes.given.leave();
        give(null);
      });
      // A control transfer has no queue: whatever else is said in this moment, the newest is what is fetched.
      let newest: Uint8Array | null = null;
      this.#answer = (report) => {
        if (report === null) {
          give(null);
          return;
        }
        if (newest === null) {
          this.#lanes.given.leave();
          setImmediate(() => give(newest));
        }
        newest = report;
      };
      this.#lanes.get.arrive();
      this.#carryOn(Uint8Array.of(GET_FEATURE));
    });
  }

  async #unplug(): Promise<void> {
    const { port, device, end } = this.#plugged;
    if (port.isOpen) this.#lanes.hangingUp.leave();
    await device.unplug();
    await end.hangUp();
  }
}
