import { DriverError, type KeyIssuer, type Unit } from "#driver-api";
import type { ForeignReason } from "#src/cards/card-state";
import { cardNumberOf, contentOf } from "#src/cards/content";
import { acsCredentialSpec } from "#src/domain/spec";
import { renderCredential } from "#src/domain/seam/credential";
import type { JsonObject } from "#src/lib/json";
import { type CardOnEncoder, notPlanned } from "./card-on-encoder.js";
import { withCard, worksOnCards } from "./card-session.js";
import type { Engine } from "./engine.js";
import { entitledSpec } from "./entitled.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";
import { anotherGuestsCard, ownersOf, refusalEnd, refuseBeyondLimits } from "./encode-rules.js";
import type { ObjectRow } from "./ports.js";

/**
 * Puts one credential on one card. The durable intent lies between reading the card and writing it; from then on
 * every failure is an unknown outcome unless the driver proves that nothing was sent.
 */
export async function encode(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  if (worksOnCards(unit)) return encodeCard(engine, job, unit);
  if (unit.keyIssuer !== undefined) return issueKey(engine, job, unit, unit.keyIssuer);
  throw new JobEnd("uncategorized_error", "this device cannot make cards [device.wrong]");
}

function encodeCard(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const { deps, jobs } = engine;
  return withCard({ deps, jobs, job, unit }, async (card) => {
    return settleDoubt(engine, job, card) ?? (await writeCard(engine, job, card));
  });
}

/** A card that may carry the doubtful write is read first: if it is intact, the work is done without writing. */
function settleDoubt(engine: Engine, job: Job, card: CardOnEncoder): Outcome | null {
  const row = engine.credentialOf(job);
  const doubt = row.record?.context.doubt ?? null;
  if (doubt === null || doubt.uid !== card.uid) return null;
  const left = generationLeft(row, card);
  if (left === null) return null; // The doubt stays, and with it the card cannot be written.
  return engine.transact(job.cause, (tx) => {
    const step = tx.credential(row, {
      type: "card.seen",
      jobId: job.id,
      uid: card.uid,
      left,
    });
    if (step.refused) throw refusalEnd(step.reason, doubt.uid);
    if (step.row.record?.context.job?.id === job.id) return null;
    return succeed(engine, tx, job, step.row);
  });
}

const UNREAD: ReadonlySet<string> = new Set<ForeignReason>(["unreadable", "unreadable_stripe"]);

/**
 * The generation of this credential that the card carries intact; 0 when it carries none; null when none of our keys
 * opened it, which proves neither.
 */
export function generationLeft(row: ObjectRow, { state }: Pick<CardOnEncoder, "state">): number | null {
  if (state.is === "foreign" && UNREAD.has(state.reason)) return null;
  return state.is === "ours" && state.credentialId === row.cardCredentialId ? state.generation : 0;
}

async function writeCard(engine: Engine, job: Job, card: CardOnEncoder): Promise<Outcome> {
  const { uid } = card;
  const stranger = anotherGuestsCard(engine.deps, job, card);
  if (stranger !== null) throw new JobEnd("credential_cannot_be_reissued", stranger);
  const intent = intend(engine, job, card);
  try {
    await intent.work.perform();
    return complete(engine, job, uid, intent.generation, intent.cardNumber);
  } catch (error) {
    if (!(error instanceof DriverError) || error.effect === "unknown") tearOthers(engine, job, uid);
    throw error;
  }
}

/** Builds the image of what is wanted now and stores the intent, in one step with every guard. */
function intend(engine: Engine, job: Job, card: CardOnEncoder) {
  const { deps } = engine;
  return engine.transact(job.cause, (tx) => {
    const row = engine.credentialOf(job);
    const spec = entitledSpec(deps.store.objects, deps.inventory, acsCredentialSpec.parse(row.spec));
    const record = row.record;
    if (record === null || row.cardCredentialId === null)
      throw new JobEnd("uncategorized_error", "not stepped yet");
    const content = contentOf(spec, card.profile, deps.inventory);
    if (!content.ok) throw new JobEnd("uncategorized_error", content.message);
    const generation = record.context.generation + 1;
    const wanted = { cardCredentialId: row.cardCredentialId, generation, content: content.content };
    const work = card.planWrite(wanted);
    if (!work.ok) throw notPlanned(work);
    refuseBeyondLimits(engine, row);
    const cardNumber = cardNumberOf(row.cardCredentialId);
    const step = tx.credential(row, {
      type: "write.intended",
      jobId: job.id,
      uid: card.uid,
      fingerprint: record.context.desired.fingerprint,
      validUntil: spec.ends_at === null ? null : Date.parse(spec.ends_at),
      cardNumber,
      dirty: row.dirty || row.blocked !== null,
    });
    if (step.refused) throw refusalEnd(step.reason, record.context.doubt?.uid ?? null);
    engine.offlineWork.countKey(row.provisional !== null);
    return { work, generation, cardNumber };
  });
}

/** The outcome is certain: store it with everything that follows from it for other credentials of the same card. */
function complete(
  engine: Engine,
  job: Job,
  uid: string | null,
  generation: number,
  cardNumber: string | null,
): Outcome {
  return engine.transact(job.cause, (tx) => {
    const row = engine.credentialOf(job);
    const step = tx.credential(row, {
      type: "write.verified",
      jobId: job.id,
      generation,
      uid,
      cardNumber,
    });
    if (step.refused)
      throw new DriverError("card.absent", "unknown", `a verified card came too late (${step.state})`);
    for (const owner of ownersOf(engine.deps, uid, row.id)) {
      tx.credential(owner, { type: "card.overwritten", uid: uid ?? "" });
    }
    return succeed(engine, tx, job, step.row);
  });
}

/** The write may have destroyed what the card carried for others: nothing certain is left of it. */
function tearOthers(engine: Engine, job: Job, uid: string): void {
  engine.transact(job.cause, (tx) => {
    for (const owner of ownersOf(engine.deps, uid, job.credentialId)) {
      tx.credential(owner, { type: "card.torn", uid });
    }
  });
}

/** The attempt's end: the credential as it stands. */
export function succeed(
  engine: Engine,
  tx: Parameters<Parameters<Engine["transact"]>[1]>[0],
  job: Job,
  row: ObjectRow,
): Outcome {
  const { store, inventory } = engine.deps;
  const spec = entitledSpec(store.objects, inventory, acsCredentialSpec.parse(row.spec));
  const result: JsonObject = renderCredential({
    spec,
    code: null,
    observed: engine.observe(row),
    inventory,
  });
  const outcome: Outcome = { status: "success", result, error: null };
  tx.finishAttempt(job.id, outcome);
  return outcome;
}

/** The vendor's system makes the card: facts in, a number out. Nothing is seen before the intent. */
async function issueKey(engine: Engine, job: Job, unit: Unit, issuer: KeyIssuer): Promise<Outcome> {
  const { deps, jobs } = engine;
  const { signal } = job.control;
  jobs.say(job, "waiting_for_card", "Put one card on the encoder.");
  await unit.signals?.show("present_card", { signal });
  const { facts, generation } = engine.transact(job.cause, (tx) => {
    const row = engine.credentialOf(job);
    const record = row.record;
    if (record === null) throw new JobEnd("uncategorized_error", "not stepped yet");
    refuseBeyondLimits(engine, row);
    const spec = entitledSpec(deps.store.objects, deps.inventory, acsCredentialSpec.parse(row.spec));
    const brand = spec.visionline_metadata ?? spec.assa_abloy_vostio_metadata;
    const next = record.context.generation + 1;
    const { fingerprint, startsAt, endsAt } = record.context.desired;
    const step = tx.credential(row, {
      type: "write.intended",
      jobId: job.id,
      uid: null,
      fingerprint,
      validUntil: endsAt,
      cardNumber: null,
      dirty: row.dirty || row.blocked !== null,
    });
    if (step.refused) throw refusalEnd(step.reason, null);
    engine.offlineWork.countKey(row.provisional !== null);
    const entrances = deps.inventory.entrances.filter(({ id }) => spec.allowed_acs_entrance_ids.includes(id));
    return {
      generation: next,
      facts: {
        credentialId: row.id,
        generation: next,
        entrances: entrances.map(({ key }) => key),
        startsAt,
        endsAt,
        holder: engine.holderOf(spec),
        ...(brand === undefined ? {} : { brand }),
      },
    };
  });
  jobs.say(job, "writing", "The lock system makes the card. Do not move it.");
  const issued = await issuer.issue(facts, { signal });
  jobs.say(job, "verifying", "The lock system says that the card is made.");
  return complete(engine, job, issued.uid, generation, issued.cardNumber);
}
