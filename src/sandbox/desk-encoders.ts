import { randomBytes } from "node:crypto";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { type Pn532Faults, Pn532Simulator, type SimulatedCard } from "#drivers/pn532/simulator";
import { Twn4Simulator } from "#drivers/twn4/simulator";
import { UfrSimulator } from "#drivers/ufr/simulator";
import { SeamError } from "#src/api/model";
import { toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import type { SimulatedDevice } from "./attach.js";
import { MifareClassicCard } from "./cards/mifare-classic.js";
import { CARD_KINDS, type ContactlessCard, newCard } from "./cards/new-card.js";

/** Encoders that a simulated desk may have: those whose line is a pseudo-terminal. */
export const DESK_ENCODERS = ["pn532", "twn4", "ufr", "msr605"] as const;
export type DeskEncoderName = (typeof DESK_ENCODERS)[number];

/** Why the others cannot be chosen. */
const NOT_ON_A_DESK: Readonly<Record<string, string>> = {
  msr605x: "it is on USB HID, which needs a kernel's device; its command set is that of msr605",
  rrhfoem04: "it is on USB HID, which needs a kernel's device",
  pcprox: "it is on USB HID, and writes no cards",
  pcsc: "it needs the PC/SC service and a reader that the service knows",
  osdp: "it writes no cards; the demo has one at the gate",
  zwave: "it drives locks, and writes no cards",
  reference: "its device does not exist; the demo's locks are of this kind",
};

/** The encoder of that name, or why there is none. */
export function deskEncoderNamed(
  name: string,
): { readonly ok: true; readonly name: DeskEncoderName } | { readonly ok: false; readonly message: string } {
  const known = DESK_ENCODERS.find((each) => each === name);
  if (known !== undefined) return { ok: true, name: known };
  const why = Object.hasOwn(NOT_ON_A_DESK, name) ? `: ${NOT_ON_A_DESK[name] ?? ""}` : "";
  const message = `The demo has no encoder "${name}"${why}. Possible: ${DESK_ENCODERS.join(", ")}.`;
  return { ok: false, message };
}

/** A simulated encoder with the hand that brings cards to it. */
export interface DeskEncoder {
  /** The driver. */
  readonly name: DeskEncoderName;
  /** For a person. */
  readonly title: string;
  readonly simulator: SimulatedDevice;
  /** Card profiles of a system whose cards it makes, by their keys in the demo's configuration. */
  readonly profiles: readonly string[];
  readonly cardKinds: readonly string[];
  /** Brings a new card in place of whatever is there; answers what it is known by. */
  put(kind: string): string;
  /** Brings an earlier one again. */
  putAgain(card: string): string;
  /** Brings a card that another site's keys guard. */
  putForeign(): string;
  /** Brings a card that is taken away while it is written. */
  putRestless(): string;
  take(): void;
  /** While it lasts the encoder's answers are noise. */
  setGarbled(isGarbled: boolean): void;
}

export function deskEncoder(name: DeskEncoderName): DeskEncoder {
  const now = () => realClock.monotonic();
  switch (name) {
    case "pn532": {
      const chip = new Pn532Simulator();
      return new Antenna(name, "PN532", chip, (isGarbled) => {
        chip.faults.garble = isGarbled ? garbledFrom(chip.framesSent) : [];
      });
    }
    case "twn4":
      return new Antenna(name, "Elatec TWN4", new Twn4Simulator(now));
    case "ufr":
      return new Antenna(name, "D-Logic uFR", new UfrSimulator(now));
    case "msr605":
      return new Slot();
  }
}

interface LaidCardReader extends SimulatedDevice {
  putCard(card: SimulatedCard): void;
  takeCard(): void;
}

/** A reader that contactless cards are laid on. */
export class Antenna implements DeskEncoder {
  readonly name: DeskEncoderName;
  readonly title: string;
  readonly profiles = ["desfire", "classic", "ntag"];
  readonly cardKinds = CARD_KINDS;
  readonly simulator: SimulatedDevice;
  readonly setGarbled: (isGarbled: boolean) => void;
  readonly #reader: LaidCardReader;
  readonly #cards = new Map<string, ContactlessCard>();

  constructor(
    name: DeskEncoderName,
    title: string,
    reader: LaidCardReader,
    setGarbled?: (isGarbled: boolean) => void,
  ) {
    this.name = name;
    this.title = title;
    this.#reader = reader;
    const noisy = new NoisyLine(reader);
    this.simulator = setGarbled === undefined ? noisy : reader;
    this.setGarbled = setGarbled ?? ((isGarbled) => void (noisy.isNoisy = isGarbled));
  }

  put(kind: string): string {
    const known = CARD_KINDS.find((each) => each === kind);
    if (known === undefined) throw unknownKind(CARD_KINDS);
    return this.lay(newCard(known));
  }

  putAgain(uid: string): string {
    const card = this.#cards.get(uid.toLowerCase());
    if (card === undefined) throw unknownCard(uid);
    return this.lay(card);
  }

  putForeign(): string {
    return this.lay(foreignCard());
  }

  /** It leaves once a second block of it is written, stays as it was left, and can be laid on again. */
  putRestless(): string {
    const card = new MifareClassicCard({ uid: randomBytes(4) });
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
        if (writes === 2) this.take();
        return answer;
      },
    };
    return this.#lay(card, restless);
  }

  take(): void {
    this.#reader.takeCard();
  }

  /** Lays one card on in place of whatever is there; answers its UID. */
  lay(card: ContactlessCard): string {
    return this.#lay(card, card);
  }

  #lay(card: ContactlessCard, laid: SimulatedCard): string {
    const uid = toHex(card.uid);
    this.#cards.set(uid, card);
    this.take();
    this.#reader.putCard(laid);
    return uid;
  }
}

const STRIPE = "stripe";

/** An encoder for magnetic stripes. The hand pulls the card through whenever it is waited for. */
class Slot implements DeskEncoder {
  readonly name = "msr605";
  readonly title = "MSR605";
  readonly profiles = ["stripe"];
  readonly cardKinds = [STRIPE];
  readonly simulator: NoisyLine;
  readonly #encoder = new MsrSimulator(realClock);
  readonly #cards = new Map<string, SimulatedStripe>();

  constructor() {
    this.simulator = new NoisyLine(this.#encoder);
  }

  put(kind: string): string {
    if (kind !== STRIPE) throw unknownKind(this.cardKinds);
    return this.#hold(new SimulatedStripe());
  }

  /** A stripe has no number of its own: `card` is what `put` answered. */
  putAgain(card: string): string {
    const stripe = this.#cards.get(card);
    if (stripe === undefined) throw unknownCard(card);
    return this.#hold(stripe, card);
  }

  putForeign(): string {
    const tracks = ["", "", "123456789"] as const;
    return this.#hold(new SimulatedStripe("low", tracks));
  }

  /** The pull that should write it is too fast. */
  putRestless(): string {
    this.#encoder.faults.badPulls = 3;
    return this.put(STRIPE);
  }

  take(): void {
    this.#encoder.faults.badPulls = 0;
    this.#encoder.hold(null);
  }

  setGarbled(isGarbled: boolean): void {
    this.simulator.isNoisy = isGarbled;
  }

  #hold(stripe: SimulatedStripe, name = toHex(randomBytes(8))): string {
    this.#cards.set(name, stripe);
    this.#encoder.hold(stripe);
    return name;
  }
}

/** Turns over a bit of everything that a device says, while it is noisy. */
class NoisyLine implements SimulatedDevice {
  isNoisy = false;
  readonly #device: SimulatedDevice;

  constructor(device: SimulatedDevice) {
    this.#device = device;
  }

  receive(bytes: Uint8Array): void {
    this.#device.receive(bytes);
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    return this.#device.onSend((bytes) => listener(this.isNoisy ? bytes.map((byte) => byte ^ 0x40) : bytes));
  }
}

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

function unknownKind(kinds: readonly string[]): SeamError {
  const message = `"kind" must be one of ${kinds.join(", ")}`;
  return new SeamError(400, "invalid_input", message, undefined, "kind");
}

function unknownCard(card: string): SeamError {
  return new SeamError(404, "card_not_found", `No card ${card} was ever put on this encoder.`);
}
