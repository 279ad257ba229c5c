import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Pn532Faults, Pn532Simulator, type SimulatedCard } from "#drivers/pn532/simulator";
import { SeamError, type Simulation } from "#src/api/model";
import { toHex } from "#src/lib/hex";
import { DesfireCard } from "./cards/desfire.js";
import { MifareClassicCard } from "./cards/mifare-classic.js";
import { NtagCard } from "./cards/ntag.js";
import { openPty, type PtyEnd } from "./pty.js";
import { ReaderLine } from "./reader-line.js";
import { ReferenceDevice } from "./reference-device.js";

const CARD_KINDS = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare_desfire",
] as const;
type CardKind = (typeof CARD_KINDS)[number];
type Card = MifareClassicCard | NtagCard | DesfireCard;

/** A PIN that somebody set at the first lock before the gateway came. */
export const UNMANAGED_PIN = "864200";

/** A PN532 encoder, two keypad locks and an OSDP keypad on pseudo-terminals, and the cards that were ever put on the encoder. */
export class SimulatedSite {
  readonly simulator = new Pn532Simulator();
  /** Where the daemon finds the encoder. */
  readonly port: string;
  /** Two locks (`lock-1`, `lock-2`) and a vendor's key system (`issuer`). */
  readonly locks: ReferenceDevice;
  /** The keypad of the gate. */
  readonly readers: ReaderLine;
  readonly #cards = new Map<string, Card>();
  #pty: PtyEnd | null = null;
  #stopWires = (): void => undefined;

  constructor(stateDir: string) {
    this.port = join(stateDir, "encoder.tty");
    this.locks = new ReferenceDevice(join(stateDir, "locks.tty"));
    this.readers = new ReaderLine(join(stateDir, "readers.tty"));
    this.locks.simulator.changeSlotAtLock("lock-1", 30, UNMANAGED_PIN);
  }

  async plugIn(): Promise<void> {
    await this.locks.plugIn();
    await this.readers.plugIn();
    const pty = await openPty(this.port);
    const stopIn = pty.onData((bytes) => this.simulator.receive(bytes));
    const stopOut = this.simulator.onSend((bytes) => pty.write(bytes));
    this.#stopWires = () => {
      stopIn();
      stopOut();
    };
    this.#pty = pty;
  }

  async unplug(): Promise<void> {
    this.#stopWires();
    await this.#pty?.unplug();
    this.#pty = null;
    await this.locks.unplug();
    await this.readers.unplug();
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
        return this.putCard("uid" in wanted ? this.#card(wanted.uid) : newCard(wanted.kind));
      },
      takeCard: (id) => {
        known(id);
        this.simulator.takeCard();
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
        this.simulator.faults.garble = isGarbled ? garbledFrom(this.simulator.framesSent) : [];
      },
      ...this.#lockActs(),
    };
  }

  #lockActs(): Pick<Simulation, "setCodeAtLock" | "enterCode" | "lockByHand" | "setConnected"> {
    const { locks, readers } = this;
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
        if (device === "bus") readers.gate.pressKeys(`${code.reveal()}#`);
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
        if (writes === 2) this.simulator.takeCard();
        return answer;
      },
    };
    const uid = toHex(card.uid);
    this.#cards.set(uid, card);
    this.simulator.takeCard();
    this.simulator.putCard(restless);
    return uid;
  }

  /** Puts one card on the antenna in place of whatever is there; answers its UID. */
  putCard(card: Card): string {
    const uid = toHex(card.uid);
    this.#cards.set(uid, card);
    this.simulator.takeCard();
    this.simulator.putCard(card);
    return uid;
  }

  #card(uid: string): Card {
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
function foreignCard(): Card {
  const card = new MifareClassicCard({ uid: randomBytes(4) });
  for (let trailer = 3; trailer < 64; trailer += 4) {
    card.memory.set(randomBytes(6), trailer * 16);
    card.memory.set(randomBytes(6), trailer * 16 + 10);
  }
  return card;
}

export function newCard(kind: string): Card {
  if (!isCardKind(kind)) {
    throw new SeamError(
      400,
      "invalid_input",
      `"kind" must be one of ${CARD_KINDS.join(", ")}`,
      undefined,
      "kind",
    );
  }
  // 04 is NXP's own first byte.
  const uid = Uint8Array.of(0x04, ...randomBytes(6));
  switch (kind) {
    case "mifare_desfire":
      return new DesfireCard({ uid });
    case "mifare_classic_1k":
      return new MifareClassicCard({ uid: randomBytes(4) });
    case "mifare_classic_4k":
      return new MifareClassicCard({ uid: randomBytes(4), size: "4k" });
    case "ntag213":
    case "ntag215":
    case "ntag216":
      return new NtagCard({ uid, kind });
  }
}

function isCardKind(kind: string): kind is CardKind {
  return (CARD_KINDS as readonly string[]).includes(kind);
}
