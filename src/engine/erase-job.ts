import { DriverError, type Unit } from "#driver-api";
import { erasePlan } from "#src/cards/plan";
import { awaitCard, type CardOnEncoder, readCard } from "./card-session.js";
import type { Engine } from "./engine.js";
import { unread } from "./encode-job.js";
import { ownersOf } from "./encode-rules.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";

/**
 * Makes a card of ours blank again and reads it back. No intent is needed: until the card is proven blank every
 * credential keeps it among its live cards, which is the safe side.
 */
export async function erase(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const writer = unit.cardWriter;
  if (writer === undefined)
    throw new JobEnd("uncategorized_error", "this device cannot erase cards [device.wrong]");
  const { deps, jobs } = engine;
  try {
    const card = await awaitCard(deps, jobs, job, unit, writer);
    const built = erasePlan(card.profile, card.seen, card.keySets, card.read);
    if (!built.ok) throw new JobEnd("incompatible_card_format", `${built.message} [card.unwritable]`);
    if (built.plan.steps.length > 0) {
      jobs.say(job, "writing", "Erasing. Do not move the card.");
      try {
        await writer.write(card.seen, built.plan, { signal: job.control.signal });
      } catch (error) {
        if (!(error instanceof DriverError) || error.effect === "unknown") torn(engine, job, card);
        throw error;
      }
      jobs.say(job, "verifying", "Checking that the card is blank.");
      const after = await readCard(writer, card, job.control.signal).catch(unread);
      if (after.state.is !== "blank") {
        throw new DriverError("card.unwritable", "unknown", "the card is not blank after erasing");
      }
    }
    return proven(engine, job, card);
  } finally {
    await writer.release();
  }
}

function proven(engine: Engine, job: Job, { seen }: CardOnEncoder): Outcome {
  return engine.transact(job.cause, (tx) => {
    const owners = ownersOf(engine.deps, seen.uid, null);
    const data = { uid: seen.uid, encoder_id: job.encoderId };
    if (owners.length === 0) tx.journal({ k: "erased", id: null, gen: null, observed: null, data });
    for (const owner of owners) {
      const step = tx.credential(owner, { type: "card.erased", uid: seen.uid });
      if (step.refused) continue;
      const gen = step.row.record?.context.generation ?? 0;
      tx.journal({ k: "erased", id: owner.id, gen, observed: step.observed, data });
    }
    const result = { uid: seen.uid, acs_credential_ids: owners.map(({ id }) => id) };
    const outcome: Outcome = { status: "success", result, error: null };
    tx.finishAttempt(job.id, outcome);
    return outcome;
  });
}

function torn(engine: Engine, job: Job, { seen }: CardOnEncoder): void {
  engine.transact(job.cause, (tx) => {
    for (const owner of ownersOf(engine.deps, seen.uid, null)) {
      tx.credential(owner, { type: "card.torn", uid: seen.uid });
    }
  });
}
