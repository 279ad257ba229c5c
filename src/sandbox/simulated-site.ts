import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import { SeamError, type Simulation } from "#src/api/model";
import { toHex } from "#src/lib/hex";
import { DesfireCard } from "./cards/desfire.js";
import { MifareClassicCard } from "./cards/mifare-classic.js";
import { NtagCard } from "./cards/ntag.js";
import { openPty, type PtyEnd } from "./pty.js";
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

/** A PN532 encoder and two keypad locks on pseudo-terminals, and the cards that were ever put on the encoder. */
export class SimulatedSite {
  readonly simulator = new Pn532Simulator();
  /** Where the daemon finds the encoder. */
  readonly port: string;
  /** Two locks (`lock-1`, `lock-2`), the keypad of a gate (`door-1`) and a vendor's key system (`issuer`). */
  readonly locks: ReferenceDevice;
  readonly #cards = new Map<string, Card>();
  #pty: PtyEnd | null = null;
  #stopWires = (): void => undefined;

  constructor(stateDir: string) {
    this.port = join(stateDir, "encoder.tty");
    this.locks = new ReferenceDevice(join(stateDir, "locks.tty"));
    this.locks.simulator.changeSlotAtLock("lock-1", 30, UNMANAGED_PIN);
  }

  async plugIn(): Promise<void> {
    await this.locks.plugIn();
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
    };
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
