import { DriverError, type Unit } from "#driver-api";
import { type CardOnEncoder, notPlanned } from "./card-on-encoder.js";
import { withCard, worksOnCards } from "./card-session.js";
import type { Engine } from "./engine.js";
import { ownersOf } from "./encode-rules.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";

/**
 * Makes a card of ours blank again and reads it back. No intent is needed: until the card is proven blank every
 * credential keeps it among its live cards, which is the safe side.
 */
export async function erase(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  if (!worksOnCards(unit))
    throw new JobEnd("uncategorized_error", "this device cannot erase cards [device.wrong]");
  const { deps, jobs } = engine;
  return withCard({ deps, jobs, job, unit }, async (card) => {
    const work = card.planErase();
    if (!work.ok) throw notPlanned(work);
    if (work.isNothing) return proven(engine, job, card);
    try {
      await work.perform();
    } catch (error) {
      if (!(error instanceof DriverError) || error.effect === "unknown") torn(engine, job, card);
      throw error;
    }
    return proven(engine, job, card);
  });
}

function proven(engine: Engine, job: Job, { uid }: CardOnEncoder): Outcome {
  return engine.transact(job.cause, (tx) => {
    const owners = ownersOf(engine.deps, uid, null);
    const data = { uid, encoder_id: job.encoderId };
    if (owners.length === 0) tx.journal({ k: "erased", id: null, gen: null, observed: null, data });
    for (const owner of owners) {
      const step = tx.credential(owner, { type: "card.erased", uid });
      if (step.refused) continue;
      const gen = step.row.record?.context.generation ?? 0;
      tx.journal({ k: "erased", id: owner.id, gen, observed: step.observed, data });
    }
    const result = { uid, acs_credential_ids: owners.map(({ id }) => id) };
    const outcome: Outcome = { status: "success", result, error: null };
    tx.finishAttempt(job.id, outcome);
    return outcome;
  });
}

function torn(engine: Engine, job: Job, { uid }: CardOnEncoder): void {
  engine.transact(job.cause, (tx) => {
    for (const owner of ownersOf(engine.deps, uid, null)) {
      tx.credential(owner, { type: "card.torn", uid });
    }
  });
}
