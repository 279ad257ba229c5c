import { randomBytes } from "node:crypto";
import type { CardTechnology } from "#driver-api";
import { DesfireCard } from "#src/sandbox/cards/desfire";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import type { DriverRig } from "#test/conformance/rig";
import { PcscSimulator } from "./simulator.js";

const WHOLE =
  "the PC/SC service hands over whole answers, in order, or says that it cannot: no byte of them can be wrong";
const ONE_CARD = "a PC/SC reader shows one card and is silent about a second one";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardWriter"],
  cards: ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216", "mifare_desfire"],
  exempt: {
    D02: WHOLE,
    D06: WHOLE,
    D08: WHOLE,
    T05: WHOLE,
    T06: WHOLE,
    T07: WHOLE,
    T10: WHOLE,
    T11: WHOLE,
    T12: WHOLE,
    T14: WHOLE,
    T15: "the service makes whoever comes second wait",
    C07: WHOLE,
    C08: WHOLE,
    C09: ONE_CARD,
    C16: ONE_CARD,
  },
  plugIn() {
    const simulator = new PcscSimulator();
    const smartCards: DesfireCard[] = [];
    return {
      receive: (bytes) => simulator.receive(bytes),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return smartCards.reduce((sum, { changes }) => sum + changes, simulator.cardWrites);
      },
      putCard(technology) {
        const card = blankCard(technology);
        if (card instanceof DesfireCard) smartCards.push(card);
        simulator.putCard(card);
      },
      takeCards: () => simulator.takeCard(),
    };
  },
};

/** With user memory all zeros, as the suite counts a blank card. */
export function blankCard(technology: CardTechnology): MifareClassicCard | NtagCard | DesfireCard {
  // 04 is NXP's own first byte.
  const uid = Uint8Array.of(0x04, ...randomBytes(6));
  switch (technology) {
    case "mifare_classic_1k":
      return new MifareClassicCard({ uid: randomBytes(4) });
    case "mifare_classic_4k":
      return new MifareClassicCard({ uid: randomBytes(4), size: "4k" });
    case "ntag213":
    case "ntag215":
    case "ntag216": {
      const card = new NtagCard({ uid, kind: technology });
      card.memory.fill(0, 16, 32);
      return card;
    }
    case "mifare_desfire":
      return new DesfireCard({ uid });
    case "unknown":
      throw new RangeError("there is no card of an unknown kind");
  }
}
