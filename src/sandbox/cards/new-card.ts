import { randomBytes } from "node:crypto";
import { DesfireCard } from "./desfire.js";
import { MifareClassicCard } from "./mifare-classic.js";
import { NtagCard } from "./ntag.js";

export const CARD_KINDS = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare_desfire",
] as const;
export type CardKind = (typeof CARD_KINDS)[number];
export type ContactlessCard = MifareClassicCard | NtagCard | DesfireCard;

/** A card as it comes from the factory, with a UID of its own. */
export function newCard(kind: CardKind): ContactlessCard {
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
