import type { CardTechnology } from "#driver-api";
import type { SimulatedDevice } from "#src/sandbox/attach";
import { DesfireCard } from "#src/sandbox/cards/desfire";
import { CARD_KINDS, type ContactlessCard, newCard } from "#src/sandbox/cards/new-card";
import { NtagCard } from "#src/sandbox/cards/ntag";
import type { RigDevice } from "./rig.js";

/** A simulated reader that cards are laid on. */
interface LaidCardReader extends SimulatedDevice {
  /** Blocks and pages written so far; a DESFire card counts its own. */
  readonly cardWrites: number;
  putCard(card: ContactlessCard): void;
  takeCard(): void;
}

/** The reader on the bench, with a hand that lays blank cards on it and takes them away. */
export function benchOfLaidCards(reader: LaidCardReader): RigDevice {
  const smartCards: DesfireCard[] = [];
  return {
    receive: (bytes) => reader.receive(bytes),
    onSend: (listener) => reader.onSend(listener),
    get changes() {
      return smartCards.reduce((sum, { changes }) => sum + changes, reader.cardWrites);
    },
    putCard(technology) {
      const card = blankCard(technology);
      if (card instanceof DesfireCard) smartCards.push(card);
      reader.putCard(card);
    },
    takeCards: () => reader.takeCard(),
  };
}

/** With user memory all zeros, as the suite counts a blank card. */
export function blankCard(technology: CardTechnology): ContactlessCard {
  const kind = CARD_KINDS.find((known) => known === technology);
  if (kind === undefined) throw new RangeError(`there is no card of the kind ${technology}`);
  const card = newCard(kind);
  if (card instanceof NtagCard) card.memory.fill(0, 16, 32);
  return card;
}
