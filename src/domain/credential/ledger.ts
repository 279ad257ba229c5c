import { type Badge, badgeNumber } from "../badge.js";
import type { CredentialContext } from "./credential.schema.js";

/**
 * The ledger of one credential: which physical cards carry it, or may. Each function says what changes in the context
 * when something became known. A card stays listed until it is proven dead, and a card carries only what was written
 * to it last.
 */
type Card = CredentialContext["cards"][number];
type Intent = NonNullable<CredentialContext["doubt"]>;
type Change = Partial<CredentialContext>;

/** Why a card that was the last one no longer opens; with one of these in `why` the credential is `invalidated`. */
export type LossCause = "overwritten" | "erased" | "cancelled" | "moved";
const LOSS_CAUSES: readonly string[] = ["overwritten", "erased", "cancelled", "moved"] satisfies LossCause[];

/** The write that has begun and whose outcome is not known yet. */
export function openIntent({ job }: CredentialContext): Intent | null {
  return job?.intent ?? null;
}

/** Can anything that was written for this credential still open a door, as far as is known here? */
export function mayOpen(context: CredentialContext): boolean {
  return context.cards.length > 0 || openIntent(context) !== null;
}

/** The last card was overwritten, erased or cancelled: nothing of a good credential is left, and nobody asked for that. */
export function isEveryCardGone({ cards, why }: CredentialContext): boolean {
  return cards.length === 0 && why !== null && LOSS_CAUSES.includes(why);
}

/** Does the last issued card carry what is wanted? */
export function isCardAsDesired({ issued, desired }: CredentialContext): boolean {
  return issued !== null && issued.good && saysWhatIsWanted(issued, desired);
}

/** A badge says nothing but its number, so nothing on it can be other than what is wanted. */
export function saysWhatIsWanted(
  { fingerprint, badge }: NonNullable<CredentialContext["issued"]>,
  desired: CredentialContext["desired"],
): boolean {
  return badge !== undefined || fingerprint === desired.fingerprint;
}

/** Key servers name no card: two unnamed cards are never known to be the same. */
function isSameCard(a: string | null, b: string | null): boolean {
  return a !== null && a === b;
}

interface Proof {
  readonly at: number;
  readonly uid: string | null;
  readonly cardNumber: string | null;
  readonly encoderId: string | null;
}

/** The write of `intent` is proven: this card is the newest, and whatever the same card carried before is gone. */
export function proveWritten(context: CredentialContext, intent: Intent, proof: Proof): Change {
  const { generation, fingerprint, validUntil } = intent;
  const uid = proof.uid ?? intent.uid;
  const cardNumber = proof.cardNumber ?? intent.cardNumber;
  const others = context.cards.filter((card) => card.generation !== generation && !isSameCard(card.uid, uid));
  return {
    issued: {
      generation,
      fingerprint,
      uid,
      cardNumber,
      encoderId: proof.encoderId,
      at: proof.at,
      good: true,
    },
    cards: [...others, { generation, uid, certainty: "written", validUntil }],
    doubt: null,
    why: context.denied === null ? null : context.why,
  };
}

/**
 * This badge is its card from now on. What it opens is decided where it is read, so it is not listed among the cards that
 * live until they are proven dead.
 */
export function enrol(
  context: CredentialContext,
  { badge, encoderId, at }: { readonly badge: Badge; readonly encoderId: string | null; readonly at: number },
): Change {
  const generation = context.generation + 1;
  const { fingerprint } = context.desired;
  const cardNumber = badgeNumber(badge);
  return {
    generation,
    issued: { generation, fingerprint, uid: null, cardNumber, encoderId, at, good: true, badge },
    job: null,
    why: null,
  };
}

/** Its badge is another credential's. */
export function loseBadge({ issued, denied, why }: CredentialContext): Change {
  if (issued?.badge === undefined) return {};
  const { generation, fingerprint, uid, cardNumber, encoderId, at } = issued;
  const left = { generation, fingerprint, uid, cardNumber, encoderId, at, good: false };
  return { issued: left, why: denied === null ? ("moved" satisfies LossCause) : why };
}

/** The write of `intent` may or may not have happened, wholly or in part. */
export function doubtWritten(context: CredentialContext, intent: Intent): Change {
  const { generation, uid, validUntil } = intent;
  return {
    ...doubtCard(context, uid),
    cards: [
      ...context.cards.map((card) => (isSameCard(card.uid, uid) ? maybe(card) : card)),
      { generation, uid, certainty: "maybe", validUntil },
    ],
    doubt: intent,
  };
}

/** Somebody began to write to this card, and nothing certain is left on it. */
export function doubtCard({ cards, issued }: CredentialContext, uid: string | null): Change {
  return {
    cards: cards.map((card) => (isSameCard(card.uid, uid) ? maybe(card) : card)),
    issued: issued !== null && isSameCard(issued.uid, uid) ? { ...issued, good: false } : issued,
  };
}

function maybe(card: Card): Card {
  return { ...card, certainty: "maybe" };
}

/**
 * The card in doubt was read and does not carry the doubtful generation: that write did not happen. `left` is the
 * generation that it does carry. If that one is listed, it is certain now; everything else on the card is gone.
 */
export function disproveDoubt(context: CredentialContext, left: number): Change {
  const { doubt, issued } = context;
  if (doubt === null) return {};
  const isOnCard = (card: { uid: string | null }) => isSameCard(card.uid, doubt.uid);
  const found = context.cards.find((card) => isOnCard(card) && card.generation === left);
  const cards = context.cards
    .filter((card) => card.generation !== doubt.generation && (!isOnCard(card) || card === found))
    .map((card): Card => (card === found ? { ...card, certainty: "written" } : card));
  return {
    cards,
    doubt: null,
    issued: issued && { ...issued, good: isGoodBeside(issued, isOnCard(issued), found) },
  };
}

/** Is the issued card good, now that `found` is known to be all that the doubtful card carries? */
function isGoodBeside(
  issued: NonNullable<CredentialContext["issued"]>,
  isSame: boolean,
  found: Card | undefined,
): boolean {
  if (isSame) return found?.generation === issued.generation;
  // A newer card turned up whose content is no longer known here: the issued one is not the newest any more.
  return issued.good && (found === undefined || found.generation < issued.generation);
}

/** This card was overwritten or erased: whatever it carried of this credential is dead. */
export function loseCard(context: CredentialContext, uid: string, cause: LossCause): Change {
  return lose(context, (card) => isSameCard(card.uid, uid), cause);
}

/** A person says that the card of this generation no longer exists; with it goes all else it ever carried. */
export function loseDestroyed(context: CredentialContext, generation: number): Change {
  const uid = context.cards.find((card) => card.generation === generation)?.uid ?? null;
  return lose(context, (card) => card.generation === generation || isSameCard(card.uid, uid), "destroyed");
}

/** A lock or the vendor's server proves that no card opens any more. */
export function loseAll(context: CredentialContext): Change {
  return {
    ...lose(context, () => true, "cancelled"),
    // Also where nothing was ever written: the other side has cancelled the credential itself.
    why: context.denied === null ? "cancelled" : context.why,
  };
}

function lose(context: CredentialContext, isLost: (card: Card) => boolean, cause: string): Change {
  const { issued, denied, why } = context;
  const change = without(context, isLost);
  if (change.cards.length === context.cards.length) return {};
  const isNewestLost = context.cards.some((card) => card.generation === issued?.generation && isLost(card));
  const isLastLost = issued !== null && denied === null && change.cards.length === 0;
  return {
    ...change,
    issued: issued !== null && isNewestLost ? { ...issued, good: false } : issued,
    why: isLastLost ? cause : why,
  };
}

/** Cards past their date are dead. That makes no good card a bad one: it carries what it should. */
export function expireCards(context: CredentialContext, at: number): Change {
  return without(context, ({ validUntil }) => validUntil !== null && validUntil <= at);
}

function without(
  { cards, doubt }: CredentialContext,
  isDead: (card: Card) => boolean,
): Pick<CredentialContext, "cards" | "doubt"> {
  const left = cards.filter((card) => !isDead(card));
  const isDoubtLeft = left.some((card) => card.generation === doubt?.generation);
  return { cards: left, doubt: isDoubtLeft ? doubt : null };
}
