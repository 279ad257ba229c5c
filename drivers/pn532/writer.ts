import type { Call, CardSeen, CardTechnology, CardWriter, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { Antenna } from "./antenna.js";
import { readSector, writeSector } from "./classic.js";
import { ntagKind, readPages, writePages } from "./ntag.js";
import type { Target } from "./protocol.js";
import { Attempt, type Session } from "./session.js";

const POLL_EVERY_MS = 250;

/** SEL_RES of cards that are told apart by it alone (NXP AN10833). 88 is a Classic 1K made by Infineon. */
const TECHNOLOGY_BY_SAK: Readonly<Record<number, CardTechnology>> = {
  0x08: "mifare_classic_1k",
  0x88: "mifare_classic_1k",
  0x18: "mifare_classic_4k",
};
/** Ultralight, NTAG and others: only the card's version tells. */
const SAK_ASK_VERSION = 0x00;

/** The encoder of the contract, on a PN532. */
export class Pn532Writer implements CardWriter {
  readonly technologies: readonly CardTechnology[] = [
    "mifare_classic_1k",
    "mifare_classic_4k",
    "ntag213",
    "ntag215",
    "ntag216",
  ];
  readonly #session: Session;
  readonly #antenna: Antenna;

  constructor(session: Session) {
    this.#session = session;
    this.#antenna = new Antenna(session);
  }

  async present({ signal }: Call): Promise<CardSeen> {
    const attempt = new Attempt(signal);
    // A card left halted on the antenna shows itself only after the field was off.
    await this.#antenna.fieldOff(attempt);
    for (;;) {
      const [card, ...others] = await this.#antenna.list(attempt);
      const seen = card !== undefined && others.length === 0 ? await this.#identify(card, attempt) : null;
      if (seen !== null) return seen;
      await this.#session.pause(POLL_EVERY_MS, attempt);
      // The pause comes first, so that a caller who asks again at once does not keep the wire busy.
      if (others.length > 0)
        throw attempt.failure("card.several", "there is more than one card on the encoder");
    }
  }

  async read(card: CardSeen, plan: ReadPlan, { signal }: Call): Promise<ReadBack> {
    const attempt = new Attempt(signal);
    assertFits(card, plan, attempt);
    return plan.container === "classic"
      ? readSector(this.#antenna, card, plan, attempt)
      : readPages(this.#antenna, card, plan, attempt);
  }

  async write(card: CardSeen, plan: WritePlan, { signal }: Call): Promise<void> {
    const attempt = new Attempt(signal);
    assertFits(card, plan, attempt);
    return plan.container === "classic"
      ? writeSector(this.#antenna, card, plan, attempt)
      : writePages(this.#antenna, card, plan, attempt);
  }

  async release(): Promise<void> {
    const attempt = new Attempt(new AbortController().signal);
    await this.#antenna.fieldOff(attempt).catch(() => undefined);
  }

  /** Null when the card left before it was known. */
  async #identify({ sak, uid }: Target, attempt: Attempt): Promise<CardSeen | null> {
    const seen = { uid: toHex(uid), technology: TECHNOLOGY_BY_SAK[sak] ?? "unknown" } as const;
    if (sak !== SAK_ASK_VERSION) return seen;
    const technology = await ntagKind(this.#antenna, attempt);
    if (technology !== "unknown") return { ...seen, technology };
    // A card that does not know the question is silent from then on, and so is one that lies badly: ask once more.
    const [again] = await this.#antenna.list(attempt);
    if (again === undefined || toHex(again.uid) !== seen.uid) return null;
    return { ...seen, technology: await ntagKind(this.#antenna, attempt) };
  }
}

function assertFits({ technology }: CardSeen, { container }: ReadPlan | WritePlan, attempt: Attempt): void {
  if (containerOf(technology) === container) return;
  throw attempt.failure(
    "card.unwritable",
    `a plan for ${container} cards does not fit this one (${technology})`,
  );
}

function containerOf(technology: CardTechnology): WritePlan["container"] | null {
  switch (technology) {
    case "mifare_classic_1k":
    case "mifare_classic_4k":
      return "classic";
    case "ntag213":
    case "ntag215":
    case "ntag216":
      return "ntag";
    case "unknown":
      return null;
  }
}
