import type { Unit } from "#driver-api";
import type { CardOnEncoder, CardSession } from "./card-on-encoder.js";
import { awaitLaidCard } from "./laid-card.js";
import { awaitStripe } from "./stripe-card.js";

/** Can this unit read and write cards by itself? */
export function worksOnCards({ cardWriter, stripeWriter }: Unit): boolean {
  return cardWriter !== undefined || stripeWriter !== undefined;
}

/** Waits for a card, says so, reads it, and hands it to `work`: every job at a unit that works on cards. */
export async function withCard<T>(
  session: CardSession,
  work: (card: CardOnEncoder) => Promise<T> | T,
): Promise<T> {
  const { cardWriter, stripeWriter } = session.unit;
  if (cardWriter === undefined) {
    if (stripeWriter === undefined) throw new Error("this unit does not work on cards");
    return work(await awaitStripe(session, stripeWriter));
  }
  try {
    return await work(await awaitLaidCard(session, cardWriter));
  } finally {
    await cardWriter.release();
  }
}
