import { type Call, DriverError, type Issued, type KeyFacts, type KeyIssuer } from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";
import { requests } from "./protocol.js";
import { refusal, type Session } from "./session.js";

/** How often the device is asked how far it is. */
const POLL_EVERY_MS = 250;

const CARD_NUMBER_CHARACTERS_MAX = 32;

export function createKeyIssuer(session: Session, unit: number, clock: Clock): KeyIssuer {
  return {
    issue: (facts, call) => issue(session, unit, clock, facts, call),
    async read(call) {
      const card = await session.order(requests.readIssued(unit), call);
      return card.cardNumber === "" ? null : { cardNumber: card.cardNumber, uid: card.uid || null };
    },
    async cancel(cardNumber, call) {
      if (!/^[\x21-\x7e]+$/.test(cardNumber) || cardNumber.length > CARD_NUMBER_CHARACTERS_MAX) {
        throw new DriverError("device.refused", "none", "this is no card number of this device");
      }
      await session.order(requests.cancelIssued(unit, cardNumber), call);
    },
  };
}

async function issue(
  session: Session,
  unit: number,
  clock: Clock,
  facts: KeyFacts,
  call: Call,
): Promise<Issued> {
  const request = requests.startIssue(unit, facts);
  if (request === undefined) {
    const limits = "entrances of one frame, dates from 1970 to 2106";
    throw new DriverError("device.refused", "none", `the device cannot hold these facts (${limits})`);
  }
  let isOrdered = false;
  try {
    await session.order(request, call);
    isOrdered = true;
    return await waitUntilMade(session, unit, clock, call);
  } catch (error) {
    const wasNeverOrdered = !isOrdered && error instanceof DriverError && error.effect === "none";
    throw wasNeverOrdered ? error : await stop(session, unit, error);
  }
}

async function waitUntilMade(session: Session, unit: number, clock: Clock, call: Call): Promise<Issued> {
  for (;;) {
    const progress = await session.order(requests.pollIssue(unit), call);
    switch (progress.is) {
      case "done":
        return { cardNumber: progress.card.cardNumber, uid: progress.card.uid || null };
      case "torn":
        throw refusal("pollIssue", "torn");
      case "idle":
        throw new DriverError("device.refused", "unknown", "the device no longer knows the order");
      case "working":
        await sleep(clock, POLL_EVERY_MS, call.signal).catch((reason: unknown) => {
          throw new DriverError("call.cancelled", "unknown", "cancelled while the card was made", reason);
        });
    }
  }
}

/**
 * The device would go on waiting for a card. It is told to stop, and only its word that no card was touched makes the
 * failure harmless. The caller's signal may be the reason for stopping, so it does not bound this one request; the
 * resends do.
 */
async function stop(session: Session, unit: number, error: unknown): Promise<unknown> {
  if (!(error instanceof DriverError)) return error;
  const { signal } = new AbortController();
  const isTouched = await session.order(requests.stopIssue(unit), { signal }).then(
    (stopped) => stopped.isTouched,
    () => true,
  );
  return new DriverError(error.code, isTouched ? "unknown" : "none", "the order was stopped", error);
}
