import {
  Attempt,
  type Call,
  type CardSeen,
  type CardTechnology,
  type CardWriter,
  type ReadBack,
  type ReadPlan,
  type WritePlan,
} from "#driver-api";
import { readSector, writeSector } from "./classic.js";
import { isDesfire, readFile, writeFile } from "./desfire.js";
import { ntagKind, readPages, writePages } from "./ntag.js";
import type { ContactlessReader, Target } from "./reader.js";

const POLL_EVERY_MS = 250;

/** SEL_RES of cards that are told apart by it alone (NXP AN10833). 88 is a Classic 1K made by Infineon. */
const TECHNOLOGY_BY_SAK: Readonly<Record<number, CardTechnology>> = {
  0x08: "mifare_classic_1k",
  0x88: "mifare_classic_1k",
  0x18: "mifare_classic_4k",
};
/** Ultralight, NTAG and others: only the card's version tells. */
const SAK_ASK_VERSION = 0x00;
/** ISO/IEC 14443-4 alone: DESFire, phones and many others. Only the card's version tells. */
const SAK_ISO_DEP = 0x20;

/** The encoder of the contract, on any reader that does the commands of `ContactlessReader`. */
export class ContactlessWriter implements CardWriter {
  readonly technologies: readonly CardTechnology[];
  readonly #reader: ContactlessReader;

  constructor(reader: ContactlessReader, technologies: readonly CardTechnology[]) {
    this.#reader = reader;
    this.technologies = technologies;
  }

  async present({ signal }: Call): Promise<CardSeen> {
    const attempt = new Attempt(signal);
    for (;;) {
      // A card that was halted, or is in the middle of a session, shows itself only after the field was off.
      await this.#reader.fieldOff(attempt);
      const [card, ...others] = await this.#reader.list(attempt);
      const seen = card !== undefined && others.length === 0 ? await this.#identify(card, attempt) : null;
      if (seen !== null) return seen;
      await this.#reader.pause(POLL_EVERY_MS, attempt);
      // The pause comes first, so that a caller who asks again at once does not keep the wire busy.
      if (others.length > 0)
        throw attempt.failure("card.several", "there is more than one card on the encoder");
    }
  }

  async read(card: CardSeen, plan: ReadPlan, { signal }: Call): Promise<ReadBack> {
    const attempt = new Attempt(signal);
    assertFits(card, plan, attempt);
    switch (plan.container) {
      case "classic":
        return readSector(this.#reader, card, plan, attempt);
      case "ntag":
        return readPages(this.#reader, card, plan, attempt);
      case "desfire":
        return readFile(this.#reader, card, plan, attempt);
    }
  }

  async write(card: CardSeen, plan: WritePlan, { signal }: Call): Promise<void> {
    const attempt = new Attempt(signal);
    assertFits(card, plan, attempt);
    switch (plan.container) {
      case "classic":
        return writeSector(this.#reader, card, plan, attempt);
      case "ntag":
        return writePages(this.#reader, card, plan, attempt);
      case "desfire":
        return writeFile(this.#reader, card, plan, attempt);
    }
  }

  async release(): Promise<void> {
    const attempt = new Attempt(new AbortController().signal);
    await this.#reader.fieldOff(attempt).catch(() => undefined);
  }

  /** Null when the card left before it was known. */
  async #identify({ sak, uid }: Target, attempt: Attempt): Promise<CardSeen | null> {
    const technology = TECHNOLOGY_BY_SAK[sak];
    if (technology !== undefined) return { uid, technology };
    const isIsoDep = sak === SAK_ISO_DEP;
    if (!isIsoDep && sak !== SAK_ASK_VERSION) return { uid, technology: "unknown" };
    const first = await this.#ask(uid, isIsoDep, attempt);
    if (first !== "unknown") return { uid, technology: first };
    // A card that does not know the question is silent from then on, and so is one that lies badly: ask once more.
    if (isIsoDep) await this.#reader.fieldOff(attempt);
    const [again] = await this.#reader.list(attempt);
    if (again?.uid !== uid) return null;
    return { uid, technology: await this.#ask(uid, isIsoDep, attempt) };
  }

  async #ask(uid: string, isIsoDep: boolean, attempt: Attempt): Promise<CardTechnology> {
    if (!isIsoDep) return ntagKind(this.#reader, attempt);
    return (await isDesfire(this.#reader, uid, attempt)) ? "mifare_desfire" : "unknown";
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
    case "mifare_desfire":
      return "desfire";
    case "unknown":
      return null;
  }
}
