import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { OsdpSimulator, type SimulatedPeripheral } from "#drivers/osdp/simulator";
import { type Pn532Faults, Pn532Simulator, type SimulatedCard } from "#drivers/pn532/simulator";
import { ReferenceSimulator } from "#drivers/reference/simulator";
import { SeamError, type Simulation } from "#src/api/model";
import { toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { MifareClassicCard } from "./cards/mifare-classic.js";
import { CARD_KINDS, type CardKind, type ContactlessCard, newCard } from "./cards/new-card.js";
import { Plugged } from "./plugged.js";

/** A PIN that somebody set at the first lock before the gateway came. */
export const UNMANAGED_PIN = "864200";

/** A PN532 encoder, two keypad locks and an OSDP keypad on pseudo-terminals, and the cards that were ever put on the encoder. */
export class SimulatedSite {
  readonly encoder: Plugged<Pn532Simulator>;
  /** Two locks (`lock-1`, `lock-2`) and a vendor's key system (`issuer`). */
  readonly locks: Plugged<ReferenceSimulator>;
  /** An RS-485 line with one OSDP keypad on it, as it comes from the factory. */
  readonly readers: Plugged<OsdpSimulator>;
  /** The keypad of the gate (`gate`, address 1). */
  readonly gate: SimulatedPeripheral;
  readonly #cards = new Map<string, ContactlessCard>();

  constructor(stateDir: string) {
    this.encoder = new Plugged(join(stateDir, "encoder.tty"), new Pn532Simulator());
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
      cardKinds: CARD_KINDS,
      putCard: (id, wanted) => {
        known(id);
        return this.putCard("uid" in wanted ? this.#card(wanted.uid) : newCard(cardKind(wanted.kind)));
      },
      takeCard: (id) => {
        known(id);
        this.encoder.simulator.takeCard();
      },
      putForeignCard: (id) => {
        known(id);
        return this.putCard(foreignCard());
      },
      putRestlessCard: (id) => {
        known(id);
        return this.#putRestless(new MifareClassicCard({ uid: randomBytes(4) }));
      },
      setGarbled: (id, isGarbled) => {
        known(id);
        this.encoder.simulator.faults.garble = isGarbled
          ? garbledFrom(this.encoder.simulator.framesSent)
          : [];
      },
      ...this.#lockActs(),
    };
  }

  #lockActs(): Pick<Simulation, "setCodeAtLock" | "enterCode" | "lockByHand" | "setConnected"> {
    const { locks, readers, gate } = this;
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
      throw new SeamError(400, "invalid_input", "The gate's keypad keeps no codes and has no bolt.");
    };
    return {
      setCodeAtLock(ref, code) {
        const unit = unitOfLock(ref);
        const held = locks.simulator.codesOf(unit);
        const free = Array.from({ length: SLOTS }, (_, index) => SLOTS - index).find(
          (slot) => !(slot in held),
        );
        if (free === undefined)
          throw new SeamError(400, "no_space_for_access_code_on_device", "Every slot is taken.");
        locks.simulator.changeSlotAtLock(unit, free, code.reveal());
      },
      enterCode(ref, code) {
        const { device, unit } = partsOf(ref);
        if (device === "bus") gate.pressKeys(`${code.reveal()}#`);
        else locks.simulator.useCode(unit, code.reveal());
      },
      lockByHand: (ref) => locks.simulator.lockByHand(unitOfLock(ref)),
      async setConnected(ref, isConnected) {
        const line = partsOf(ref).device === "bus" ? readers : locks;
        if (isConnected === line.isPluggedIn) return;
        if (isConnected) await line.plugIn();
        else await line.unplug();
      },
    };
  }

  /** A card that leaves once a second block of it is written. It stays as it was left, and can be put on again. */
  #putRestless(card: MifareClassicCard): string {
    let writes = 0;
    const restless: SimulatedCard = {
      uid: card.uid,
      atqa: card.atqa,
      sak: card.sak,
      select: (wake) => card.select(wake),
      halt: () => card.halt(),
      reset: () => card.reset(),
      transceive: (frame) => {
        const answer = card.transceive(frame);
        writes += frame[0] === CLASSIC_WRITE ? 1 : 0;
        if (writes === 2) this.encoder.simulator.takeCard();
        return answer;
      },
    };
    const uid = toHex(card.uid);
    this.#cards.set(uid, card);
    this.encoder.simulator.takeCard();
    this.encoder.simulator.putCard(restless);
    return uid;
  }

  /** Puts one card on the antenna in place of whatever is there; answers its UID. */
  putCard(card: ContactlessCard): string {
    const uid = toHex(card.uid);
    this.#cards.set(uid, card);
    this.encoder.simulator.takeCard();
    this.encoder.simulator.putCard(card);
    return uid;
  }

  #card(uid: string): ContactlessCard {
    const card = this.#cards.get(uid.toLowerCase());
    if (card === undefined)
      throw new SeamError(404, "card_not_found", `No card ${uid} was ever put on this encoder.`);
    return card;
  }
}

/** Slots of a simulated lock. */
const SLOTS = 30;
/** MIFARE Classic's command to write a block. */
const CLASSIC_WRITE = 0xa0;

/** More frames than a job takes, each with a byte of its payload turned over: what is acknowledged is whole. */
function garbledFrom(frame: number): Pn532Faults["garble"] {
  return Array.from({ length: 4_000 }, (_, index) => ({ frame: frame + 1 + index, byte: 6, xor: 0xff }));
}

/** Its sectors open with keys that nobody here has. */
function foreignCard(): ContactlessCard {
  const card = new MifareClassicCard({ uid: randomBytes(4) });
  for (let trailer = 3; trailer < 64; trailer += 4) {
    card.memory.set(randomBytes(6), trailer * 16);
    card.memory.set(randomBytes(6), trailer * 16 + 10);
  }
  return card;
}

/** The kind of that name. */
export function cardKind(name: string): CardKind {
  const kind = CARD_KINDS.find((known) => known === name);
  if (kind !== undefined) return kind;
  const message = `"kind" must be one of ${CARD_KINDS.join(", ")}`;
  throw new SeamError(400, "invalid_input", message, undefined, "kind");
}
