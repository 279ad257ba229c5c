import { type CardSeen, type CardWriter, DriverError, type ReadBack, type Unit } from "#driver-api";
import type { CardState } from "#src/cards/card-state";
import { interpret, readPlan } from "#src/cards/plan";
import type { SiteKeys } from "#src/cards/site-keys";
import { type CardProfile, profileFor } from "#src/cards/profile";
import { DeadlineExceeded, sleep, withDeadline } from "#src/lib/deadline";
import { type EngineDeps, profilesOf } from "./engine-deps.js";
import { type Job, JobEnd, type Jobs } from "./jobs.js";

/** A card that is not taken lies there: how often it is looked whether it is gone. */
const LOOK_AGAIN_MS = 250;

/** A card on the encoder, and what was read from it. */
export interface CardOnEncoder {
  readonly seen: CardSeen;
  readonly profile: CardProfile;
  /** The same keys for reading, writing and verifying; newest first. */
  readonly keySets: readonly SiteKeys[];
  readonly read: ReadBack;
  readonly state: CardState;
}

/** Waits for a card, says so, and reads it: the first half of every job at a card writer. */
export async function awaitCard(
  deps: EngineDeps,
  jobs: Jobs,
  job: Job,
  unit: Unit,
  writer: CardWriter,
): Promise<CardOnEncoder> {
  const { signal } = job.control;
  jobs.say(job, "waiting_for_card", "Put one card on the encoder.");
  await unit.signals?.show("present_card", { signal });
  const seen = await presentOne(deps, jobs, job, writer);
  jobs.say(job, "card_seen", "Card seen. Leave it where it is.", {
    uid: seen.uid,
    technology: seen.technology,
  });
  const profile = profileOf(deps, job.encoderId, writer, seen);
  jobs.say(job, "reading", "Reading the card.");
  const keySets = deps.store.keySets.list();
  const { read, state } = await readCard(writer, { seen, profile, keySets }, signal);
  return { seen, profile, keySets, read, state };
}

export async function readCard(
  writer: CardWriter,
  { seen, profile, keySets }: Pick<CardOnEncoder, "seen" | "profile" | "keySets">,
  signal: AbortSignal,
): Promise<Pick<CardOnEncoder, "read" | "state">> {
  const read = await writer.read(seen, readPlan(profile, seen, keySets), { signal });
  return { read, state: interpret(profile, seen, keySets, read) };
}

async function presentOne(deps: EngineDeps, jobs: Jobs, job: Job, writer: CardWriter): Promise<CardSeen> {
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
function profileOf(deps: EngineDeps, encoderId: string, writer: CardWriter, seen: CardSeen): CardProfile {
  const encoder = deps.inventory.encoders.find(({ id }) => id === encoderId);
  const system = deps.inventory.systems.find(({ id }) => id === encoder?.systemId);
  const profile = profileFor(profilesOf(deps, system?.id ?? ""), seen, writer.technologies);
  if (profile !== undefined) return profile;
  throw new JobEnd(
    "incompatible_card_format",
    `this card (${seen.technology}) fits none of the card profiles of ${system?.name ?? "this system"}: use another kind of card [card.unwritable]`,
  );
}
