import { join } from "node:path";
import { OsdpSimulator, type SimulatedPeripheral } from "#drivers/osdp/simulator";
import { ReferenceSimulator } from "#drivers/reference/simulator";
import type { SimulatedLock } from "#drivers/zwave/simulator-lock";
import { SeamError, type Simulation } from "#src/api/model";
import type { LockIncident } from "#src/domain/simulation-order";
import { realClock } from "#src/ops/clock";
import type { SimulatedDevice } from "./attach.js";
import { type DeskEncoder, deskEncoder, type DeskEncoderName } from "./desk-encoders.js";
import { Plugged } from "./plugged.js";
import { Radio } from "./radio.js";

/** A PIN that somebody set at the first lock before the gateway came. */
export const UNMANAGED_PIN = "864200";

/** An encoder, two keypad locks and an OSDP keypad on pseudo-terminals. */
export class SimulatedSite {
  /** The encoder, and the hand that brings cards to it. */
  readonly desk: DeskEncoder;
  readonly encoder: Plugged<SimulatedDevice>;
  /** Two locks (`lock-1`, `lock-2`) and a vendor's key system (`issuer`). */
  readonly locks: Plugged<ReferenceSimulator>;
  /** An RS-485 line with one OSDP keypad on it, as it comes from the factory. */
  readonly readers: Plugged<OsdpSimulator>;
  /** The keypad of the gate (`gate`, address 1). */
  readonly gate: SimulatedPeripheral;
  /** A Z-Wave lock, where one is wanted and the library is installed. */
  readonly radio: Radio | null;

  constructor(stateDir: string, encoder: DeskEncoderName = "pn532", hasRadio = false) {
    this.radio = hasRadio ? Radio.in(stateDir) : null;
    this.desk = deskEncoder(encoder);
    this.encoder = new Plugged(join(stateDir, "encoder.tty"), this.desk.simulator);
    this.locks = new Plugged(join(stateDir, "locks.tty"), new ReferenceSimulator(realClock));
    this.readers = new Plugged(join(stateDir, "readers.tty"), new OsdpSimulator(realClock));
    this.gate = this.readers.simulator.add({ address: 1 });
    this.locks.simulator.changeSlotAtLock("lock-1", 30, UNMANAGED_PIN);
  }

  async plugIn(): Promise<void> {
    for (const device of this.#devices()) await device.plugIn();
  }

  async unplug(): Promise<void> {
    for (const device of this.#devices()) await device.unplug();
    await this.radio?.end();
  }

  #devices(): readonly { plugIn(): Promise<void>; unplug(): Promise<void> }[] {
    return [this.locks, this.readers, this.encoder];
  }

  /** The routes and commands that act on the simulated hardware. There is one encoder: `encoderId`. */
  simulation(encoderId: () => string): Simulation {
    const known = (id: string): void => {
      if (id !== encoderId())
        throw new SeamError(404, "acs_encoder_not_found", `There is no simulated encoder ${id}.`);
    };
    return {
      cardKinds: this.desk.cardKinds,
      putCard: (id, wanted) => {
        known(id);
        return "uid" in wanted ? this.desk.putAgain(wanted.uid) : this.desk.put(wanted.kind);
      },
      takeCard: (id) => {
        known(id);
        this.desk.take();
      },
      putForeignCard: (id) => {
        known(id);
        return this.desk.putForeign();
      },
      putRestlessCard: (id) => {
        known(id);
        return this.desk.putRestless();
      },
      setGarbled: (id, isGarbled) => {
        known(id);
        this.desk.setGarbled(isGarbled);
      },
      ...this.#lockActs(),
    };
  }

  #lockActs(): Pick<Simulation, "setCodeAtLock" | "enterCode" | "lockByHand" | "befall" | "setConnected"> {
    const { locks, readers, gate, radio } = this;
    const partsOf = (ref: string): { readonly device: string; readonly unit: string } => {
      const [device = "", unit = ""] = ref.split("/");
      if (device !== "locks" && device !== "bus")
        throw new SeamError(404, "device_not_found", `There is no simulated lock ${ref}.`);
      return { device, unit };
    };
    /** A keypad that only reports has neither codes nor a bolt. */
    const unitOfLock = (ref: string): string => {
      const { device, unit } = partsOf(ref);
      if (device === "locks") return unit;
      throw new SeamError(
        400,
        "invalid_input",
        "The gate's keypad keeps no codes and has neither bolt nor battery.",
      );
    };
    return {
      async setCodeAtLock(ref, code) {
        if (ref === radio?.unit) return (await radio.lock()).addAtKeypad(code.reveal());
        const unit = unitOfLock(ref);
        const held = locks.simulator.codesOf(unit);
        const free = Array.from({ length: SLOTS }, (_, index) => SLOTS - index).find(
          (slot) => !(slot in held),
        );
        if (free === undefined)
          throw new SeamError(400, "no_space_for_access_code_on_device", "Every slot is taken.");
        locks.simulator.changeSlotAtLock(unit, free, code.reveal());
      },
      async enterCode(ref, code) {
        if (ref === radio?.unit) {
          await (await radio.lock()).pressKeys(code.reveal());
          return;
        }
        const { device, unit } = partsOf(ref);
        if (device === "bus") gate.pressKeys(`${code.reveal()}#`);
        else locks.simulator.useCode(unit, code.reveal());
      },
      async lockByHand(ref) {
        if (ref === radio?.unit) return (await radio.lock()).lockByHand();
        locks.simulator.lockByHand(unitOfLock(ref));
      },
      async befall(ref, incident) {
        if (ref === radio?.unit) return befallRadioLock(await radio.lock(), incident);
        if (partsOf(ref).device === "bus" && incident.is === "tampered") {
          // And closed again, so that it can be opened another time.
          gate.openCover();
          gate.openCover(false);
        } else befallLock(locks.simulator, unitOfLock(ref), incident);
      },
      async setConnected(ref, isConnected) {
        if (ref === radio?.unit) {
          await radio.setConnected(isConnected);
          return;
        }
        const line = partsOf(ref).device === "bus" ? readers : locks;
        if (isConnected === line.isPluggedIn) return;
        if (isConnected) await line.plugIn();
        else await line.unplug();
      },
    };
  }
}

function befallLock(simulator: ReferenceSimulator, unit: string, incident: LockIncident): void {
  switch (incident.is) {
    case "jammed": {
      simulator.jam(unit);
      return;
    }
    case "tampered": {
      simulator.tamper(unit);
      return;
    }
    case "door": {
      simulator.openDoor(unit, incident.isOpen);
      return;
    }
    case "battery": {
      simulator.reportBattery(unit, Math.round(incident.level * 100));
      return;
    }
  }
}

function befallRadioLock(lock: SimulatedLock, incident: LockIncident): Promise<void> {
  switch (incident.is) {
    case "jammed":
      return lock.notify(11);
    case "tampered":
      return lock.tamper();
    case "door":
      return lock.openDoor(incident.isOpen);
    case "battery":
      return lock.reportBattery(Math.round(incident.level * 100));
  }
}

/** Slots of a simulated lock. */
const SLOTS = 30;
