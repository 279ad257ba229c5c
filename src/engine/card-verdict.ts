import { type CardState, REASONS } from "#src/cards/card-state";
import type { CardVerdict } from "#src/domain/seam/scan";
import { acsCredentialSpec } from "#src/domain/spec";
import { siteTime } from "#src/lib/site-time";
import type { Engine } from "./engine.js";
import type { ObjectRow } from "./ports.js";

/** Epoch milliseconds; null: no bound. */
interface Validity {
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** What a technician wants to know of the card in his hand: whose it is, and whether it opens anything. */
export function verdictOnCard(engine: Engine, state: CardState, owner: ObjectRow | null): CardVerdict {
  switch (state.is) {
    case "blank":
      return { state: "blank", message: "The card is blank.", holder: null };
    case "torn":
      return { state: "torn", message: sentence(REASONS[state.reason]), holder: null };
    case "foreign":
      return { state: "foreign", message: sentence(REASONS[state.reason]), holder: null };
    case "ours": {
      const { validFrom, validTo, generation } = state;
      const validity = {
        startsAt: validFrom === null ? null : validFrom * 1_000,
        endsAt: validTo === null ? null : validTo * 1_000,
      };
      return standing(engine, owner, validity, generation);
    }
  }
}

/** A badge says no dates: those of its credential count, and a revocation counts at once. */
export function verdictOnBadge(engine: Engine, owner: ObjectRow | null): CardVerdict {
  if (owner === null) return { state: "unknown", message: "Nobody has this badge here.", holder: null };
  const { starts_at, ends_at } = acsCredentialSpec.parse(owner.spec);
  const validity = {
    startsAt: starts_at === null ? null : Date.parse(starts_at),
    endsAt: ends_at === null ? null : Date.parse(ends_at),
  };
  return standing(engine, owner, validity, null);
}

/** `generation`: the one on the card; null: it is a badge, which says none. */
function standing(
  engine: Engine,
  owner: ObjectRow | null,
  { startsAt, endsAt }: Validity,
  generation: number | null,
): CardVerdict {
  const { time, inventory } = engine.deps;
  const { now, certain, quality } = time.read();
  const isOver = endsAt !== null && endsAt <= (quality === "unknown" ? certain : now);
  const end = endsAt === null ? "has no end date" : `opens until ${siteTime(endsAt, inventory.timeZone)}`;
  if (owner === null) {
    const message = isOver
      ? "It is a card of this site whose credential is gone, and its time is over."
      : `It is a card of this site whose credential is gone. It ${end}: erase it.`;
    return { state: "unknown", message, holder: null };
  }
  const spec = acsCredentialSpec.parse(owner.spec);
  const holder = engine.holderOf(spec);
  const context = owner.record?.context;
  const verdict = (state: CardVerdict["state"], message: string) => ({ state, message, holder });
  if (isOver) return verdict("expired", "Its time is over.");
  if (context?.denied != null) {
    const message =
      generation === null ? "It was revoked and opens nothing." : `It was revoked. It ${end}: erase it.`;
    return verdict("revoked", message);
  }
  const newest = context?.issued?.generation;
  if (generation !== null && newest !== undefined && newest > generation)
    return verdict(
      "replaced",
      `A newer card was made for it. Until a lock has seen that one, it ${end}: erase it or collect it.`,
    );
  if (context?.desired.allowed === false)
    return generation === null
      ? verdict("suspended", "It is suspended and opens nothing.")
      : verdict("suspended", `It is suspended here. Locks that ask nobody do not know: it ${end}.`);
  if (startsAt !== null && startsAt > now)
    return verdict("not_yet_valid", `It opens from ${siteTime(startsAt, inventory.timeZone)} on.`);
  return verdict("valid", "It is valid.");
}

function sentence(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}
