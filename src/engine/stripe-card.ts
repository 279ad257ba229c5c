import type { StripeChange, StripeRead, StripeWriter } from "#driver-api";
import type { CardState } from "#src/cards/card-state";
import type { WantedCard } from "#src/cards/plan";
import type { CardProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import {
  eraseStripe,
  interpretStripe,
  type StripePlanned,
  verifyStripe,
  writeStripe,
} from "#src/cards/stripe";
import { DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import { toHex } from "#src/lib/hex";
import { type CardOnEncoder, type CardSession, type CardWork, notAsWritten } from "./card-on-encoder.js";
import { type EngineDeps, profilesOf } from "./engine-deps.js";
import { JobEnd } from "./jobs.js";

/** A stripe has no number of its own; one that we do not know yet gets so many random bytes. */
const NUMBER_BYTES = 8;

/** A card with a magnetic stripe, which the encoder sees only while it is pulled through. */
export async function awaitStripe(session: CardSession, writer: StripeWriter): Promise<CardOnEncoder> {
  const { deps, jobs, job, unit } = session;
  const { signal } = job.control;
  const profile = stripeProfile(deps, job.encoderId);
  const keySets = deps.store.keySets.list();
  jobs.say(job, "waiting_for_card", "Pull a card through the encoder.");
  await unit.signals?.show("present_card", { signal });
  for (;;) {
    const read = await firstPull(session, writer);
    const state = interpretStripe(read, keySets);
    const uid = identityOf(deps, state);
    if ((job.exceptCards ?? []).includes(uid)) {
      jobs.say(job, "waiting_for_card", "Take this card away and pull the next one through.");
      continue;
    }
    jobs.say(job, "card_seen", "Card read. Keep it at hand.", { technology: "magstripe" });
    return new StripeCard(session, writer, { uid, profile, state, keySets });
  }
}

class StripeCard implements CardOnEncoder {
  readonly uid: string;
  readonly profile: CardProfile;
  readonly state: CardState;
  readonly #session: CardSession;
  readonly #writer: StripeWriter;
  readonly #keySets: readonly SiteKeys[];

  constructor(
    session: CardSession,
    writer: StripeWriter,
    facts: Pick<CardOnEncoder, "uid" | "profile" | "state"> & { readonly keySets: readonly SiteKeys[] },
  ) {
    this.#session = session;
    this.#writer = writer;
    this.#keySets = facts.keySets;
    this.uid = facts.uid;
    this.profile = facts.profile;
    this.state = facts.state;
  }

  planWrite(wanted: WantedCard): CardWork {
    return this.#work(writeStripe(this.state, this.#keySets, wanted), "to write it", (back) => {
      const verified = verifyStripe(back, this.#keySets, wanted);
      if (!verified.ok) throw notAsWritten(`the card does not hold what was written (${verified.differs})`);
    });
  }

  planErase(): CardWork {
    return this.#work(eraseStripe(this.state), "to erase it", (back) => {
      if (interpretStripe(back, this.#keySets).is !== "blank")
        throw notAsWritten("the card is not blank after erasing");
    });
  }

  #work(planned: StripePlanned, why: string, check: (back: StripeRead) => void): CardWork {
    if (!planned.ok) return planned;
    const { changes } = planned;
    return {
      ok: true,
      isNothing: changes.length === 0,
      perform: async () => {
        for (const change of changes) check(await this.#change(change, why));
      },
    };
  }

  #change(change: StripeChange, why: string): Promise<StripeRead> {
    const { jobs, job } = this.#session;
    jobs.say(job, "writing", `Pull the same card through again ${why}.`);
    return this.#writer.change(change, { signal: job.control.signal }, () =>
      jobs.say(job, "verifying", "Pull it through once more to check it."),
    );
  }
}

/** Waits for the first pull as long as for any card; the pulls after it, as long as the job may last. */
async function firstPull({ deps, job }: CardSession, writer: StripeWriter): Promise<StripeRead> {
  const { clock, limits } = deps;
  try {
    const wait = { clock, ms: limits.cardWaitMs, parent: job.control.signal };
    return await withDeadline(wait, (signal) => writer.read({ signal }));
  } catch (error) {
    if (error instanceof DeadlineExceeded) {
      throw new JobEnd("no_credential_on_encoder", "no card was pulled through in time [card.absent]");
    }
    throw error;
  }
}

/**
 * What our records know this card by: the number that was given to the card which this credential and generation were
 * written on. A copy of the digits on another card is, to all who read it, that card. Anything else is a new one.
 */
function identityOf({ store, random }: EngineDeps, state: CardState): string {
  const fresh = (): string => toHex(random(NUMBER_BYTES));
  if (state.is !== "ours") return fresh();
  const context = store.objects.byCardCredentialId(state.credentialId)?.record?.context;
  const known = [...(context?.cards ?? []), ...(context?.doubt ? [context.doubt] : [])];
  return known.find(({ generation }) => generation === state.generation)?.uid ?? fresh();
}

function stripeProfile(deps: EngineDeps, encoderId: string): CardProfile {
  const encoder = deps.inventory.encoders.find(({ id }) => id === encoderId);
  const system = deps.inventory.systems.find(({ id }) => id === encoder?.systemId);
  const profile = profilesOf(deps, system?.id ?? "").find(({ container }) => container === "magstripe");
  if (profile !== undefined) return profile;
  throw new JobEnd(
    "incompatible_card_format",
    `${system?.name ?? "this system"} has no card profile for magnetic stripes: add one, or use another encoder [no_card_profile]`,
  );
}
