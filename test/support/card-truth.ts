import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import type { CredentialSeamEvent } from "#src/domain/credential/derive";

/** What the last whole write of the credential left on a card. */
export interface Ours {
  readonly generation: number;
  readonly fingerprint: string;
  readonly validUntil: number | null;
  /** A lock or a server refuses it, whatever lies on it. */
  isCancelled: boolean;
}
export type Content = Ours | "blank" | "torn" | "another guest's";

/** Everything that is so, known or not. */
export interface Truth {
  readonly now: number;
  /** Physical cards. Those of a key server have a place that nobody is told; it begins with `unnamed`. */
  readonly cards: ReadonlyMap<string, Content>;
  /** Where each generation was written, and its end. */
  readonly written: ReadonlyMap<number, { readonly place: string; readonly validUntil: number | null }>;
  /** Generations that a person declared destroyed though they are not: the person's word, not the record's. */
  readonly declared: ReadonlySet<number>;
  /** Generations lost where nobody on site could see it. */
  readonly lostUnseen: ReadonlySet<number>;
}

/** What the record, or an event that was told, says against the truth; null when nothing does. */
export function contradictionOf(
  record: CredentialRecord,
  events: readonly CredentialSeamEvent[],
  truth: Truth,
): string | null {
  const { state, context } = record;
  const open = [...truth.cards].filter(([, content]) => opens(content, truth));
  const isDeclaredDead = state === "invalidated" || events.includes("acs_credential.invalidated");
  if (isDeclaredDead && open.length > 0) return "invalidated, and a card still opens";
  for (const [place, content] of open) {
    if (typeof content === "object" && !isListed(record, place, content)) {
      return `generation ${content.generation} on ${place} opens and is not listed`;
    }
  }
  const { doubt, cards, issued } = context;
  if (doubt !== null && !cards.some(({ generation }) => generation === doubt.generation)) {
    return "the card in doubt is not listed";
  }
  return state === "issued" && issued?.good === true ? contradictionOfIssued(record, issued, truth) : null;
}

function opens(content: Content, { now, declared }: Truth): boolean {
  if (typeof content !== "object" || content.isCancelled || declared.has(content.generation)) return false;
  return content.validUntil === null || content.validUntil > now;
}

function isListed({ context: { cards, job } }: CredentialRecord, place: string, content: Ours): boolean {
  const uid = place.startsWith("unnamed") ? null : place;
  const isCard = (card: { generation: number; uid: string | null }) =>
    card.generation === content.generation && card.uid === uid;
  return cards.some(isCard) || (job?.intent ? isCard(job.intent) : false);
}

function contradictionOfIssued(
  { context }: CredentialRecord,
  { generation, fingerprint }: NonNullable<CredentialRecord["context"]["issued"]>,
  truth: Truth,
): string | null {
  if (fingerprint !== context.desired.fingerprint) return "issued, and not as desired";
  const { place, validUntil } = truth.written.get(generation) ?? { place: "none", validUntil: null };
  const content = truth.cards.get(place);
  const isThere =
    typeof content === "object" && content.generation === generation && content.fingerprint === fingerprint;
  // A card past its date is not watched any more; what was lost unseen cannot be known.
  const isWatched = validUntil === null || validUntil > truth.now;
  if (!isThere && isWatched && !truth.lostUnseen.has(generation)) {
    return `issued, and card ${place} does not carry generation ${generation}`;
  }
  for (const other of truth.cards.values()) {
    if (typeof other === "object" && other.generation > generation && opens(other, truth)) {
      return `issued with generation ${generation}, and ${other.generation} opens`;
    }
  }
  return null;
}
