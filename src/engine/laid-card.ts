import { type CardSeen, type CardWriter, DriverError, type ReadBack } from "#driver-api";
import type { CardState } from "#src/cards/card-state";
import {
  erasePlan,
  interpret,
  readPlan,
  verify,
  verifyPlan,
  type WantedCard,
  writePlan,
} from "#src/cards/plan";
import { type LaidProfile, profileFor } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { DeadlineExceeded, sleep, withDeadline } from "#src/lib/deadline";
import {
  type CardOnEncoder,
  type CardSession,
  type CardWork,
  notAsWritten,
  unread,
} from "./card-on-encoder.js";
import { type EngineDeps, profilesOf } from "./engine-deps.js";
import { JobEnd } from "./jobs.js";

/** A card that is not taken lies there: how often it is looked whether it is gone. */
const LOOK_AGAIN_MS = 250;

/** A card that lies on the encoder as long as the job lasts. */
export async function awaitLaidCard(session: CardSession, writer: CardWriter): Promise<CardOnEncoder> {
  const { deps, jobs, job, unit } = session;
  const { signal } = job.control;
  jobs.say(job, "waiting_for_card", "Put one card on the encoder.");
  await unit.signals?.show("present_card", { signal });
  const seen = await presentOne(session, writer);
  jobs.say(job, "card_seen", "Card seen. Leave it where it is.", {
    uid: seen.uid,
    technology: seen.technology,
  });
  const profile = profileOf(deps, job.encoderId, writer, seen);
  jobs.say(job, "reading", "Reading the card.");
  const card = new LaidCard(session, writer, seen, profile);
  await card.read();
  return card;
}

class LaidCard implements CardOnEncoder {
  readonly uid: string;
  readonly profile: LaidProfile;
  readonly #session: CardSession;
  readonly #writer: CardWriter;
  readonly #seen: CardSeen;
  /** The same keys for reading, writing and verifying; newest first. */
  readonly #keySets: readonly SiteKeys[];
  #sight: { readonly read: ReadBack; readonly state: CardState } | null = null;

  constructor(session: CardSession, writer: CardWriter, seen: CardSeen, profile: LaidProfile) {
    this.#session = session;
    this.#writer = writer;
    this.#seen = seen;
    this.#keySets = session.deps.store.keySets.list();
    this.uid = seen.uid;
    this.profile = profile;
  }

  get state(): CardState {
    return this.#seenAtLast.state;
  }

  async read(): Promise<void> {
    const plan = readPlan(this.profile, this.#seen, this.#keySets);
    const read = await this.#writer.read(this.#seen, plan, { signal: this.#signal });
    this.#sight = { read, state: interpret(this.profile, this.#seen, this.#keySets, read) };
  }

  planWrite(wanted: WantedCard): CardWork {
    const built = writePlan(this.profile, this.#seen, this.#keySets, this.#seenAtLast.read, wanted);
    if (!built.ok) return built;
    return {
      ok: true,
      isNothing: false,
      perform: async () => {
        this.#say("writing", "Writing. Do not move the card.");
        await this.#writer.write(this.#seen, built.plan, { signal: this.#signal });
        this.#say("verifying", "Checking what was written.");
        await this.#verify(wanted).catch(unread);
      },
    };
  }

  planErase(): CardWork {
    const built = erasePlan(this.profile, this.#seen, this.#keySets, this.#seenAtLast.read);
    if (!built.ok) return built;
    return {
      ok: true,
      isNothing: built.plan.steps.length === 0,
      perform: async () => {
        this.#say("writing", "Erasing. Do not move the card.");
        await this.#writer.write(this.#seen, built.plan, { signal: this.#signal });
        this.#say("verifying", "Checking that the card is blank.");
        await this.read().catch(unread);
        if (this.state.is !== "blank") throw notAsWritten("the card is not blank after erasing");
      },
    };
  }

  async #verify(wanted: WantedCard): Promise<void> {
    const [newest] = this.#keySets;
    if (newest === undefined) throw notAsWritten("there are no keys to verify with");
    const plan = verifyPlan(this.profile, this.#seen, newest);
    const back = await this.#writer.read(this.#seen, plan, { signal: this.#signal });
    const verified = verify(this.profile, this.#seen, this.#keySets, back, wanted);
    if (!verified.ok) throw notAsWritten(`the card does not hold what was written (${verified.differs})`);
  }

  get #seenAtLast(): { readonly read: ReadBack; readonly state: CardState } {
    if (this.#sight === null) throw new Error("the card is read before anything else");
    return this.#sight;
  }

  get #signal(): AbortSignal {
    return this.#session.job.control.signal;
  }

  #say(step: "writing" | "verifying", say: string): void {
    this.#session.jobs.say(this.#session.job, step, say);
  }
}

async function presentOne({ deps, jobs, job }: CardSession, writer: CardWriter): Promise<CardSeen> {
  const { clock, limits } = deps;
  const saidSeveral = { value: false };
  let saidAnother = false;
  const look = async (signal: AbortSignal): Promise<CardSeen> => {
    for (;;) {
      try {
        const seen = await writer.present({ signal });
        if (!(job.exceptCards ?? []).includes(seen.uid)) return seen;
        if (!saidAnother) jobs.say(job, "waiting_for_card", "Take this card away and put the next one.");
        saidAnother = true;
        await sleep(clock, LOOK_AGAIN_MS, signal);
      } catch (error) {
        if (!(error instanceof DriverError) || error.code !== "card.several") throw error;
        if (!saidSeveral.value)
          jobs.say(job, "waiting_for_card", "More than one card: leave only one on the encoder.");
        saidSeveral.value = true;
      }
    }
  };
  try {
    return await withDeadline({ clock, ms: limits.cardWaitMs, parent: job.control.signal }, look);
  } catch (error) {
    if (error instanceof DeadlineExceeded) {
      throw new JobEnd("no_credential_on_encoder", "no card was put on the encoder in time [card.absent]");
    }
    throw error;
  }
}

/** The profile for this card, or the end of the job: nothing the system uses fits it. */
function profileOf(deps: EngineDeps, encoderId: string, writer: CardWriter, seen: CardSeen): LaidProfile {
  const encoder = deps.inventory.encoders.find(({ id }) => id === encoderId);
  const system = deps.inventory.systems.find(({ id }) => id === encoder?.systemId);
  const profile = profileFor(profilesOf(deps, system?.id ?? ""), seen, writer.technologies);
  if (profile !== undefined) return profile;
  throw new JobEnd(
    "incompatible_card_format",
    `this card (${seen.technology}) fits none of the card profiles of ${system?.name ?? "this system"}: use another kind of card [card.unwritable]`,
  );
}
