import type { CardRead, CardReader } from "#driver-api";
import type { Session } from "./session.js";

export function createCardReader(session: Session, unit: number): CardReader {
  return {
    onCard: (listener: (card: CardRead) => void) =>
      session.onEvent((event) => {
        if (event.unit === unit && event.type === "card")
          listener({ bits: event.bits, bitCount: event.bitCount });
      }),
  };
}
