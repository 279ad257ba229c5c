import type { Unit } from "#driver-api";
import type { CardState } from "#src/cards/card-state";
import { cardNumberOf } from "#src/cards/content";
import { acsCredentialSpec } from "#src/domain/spec";
import { renderCredential } from "#src/domain/seam/credential";
import { type CardVerdict, renderScan } from "#src/domain/seam/scan";
import type { CardOnEncoder } from "./card-on-encoder.js";
import { verdictOnCard } from "./card-verdict.js";
import { withCard, worksOnCards } from "./card-session.js";
import type { Engine } from "./engine.js";
import { generationLeft } from "./encode-job.js";
import { ownersOf } from "./encode-rules.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";
import type { ObjectRow } from "./ports.js";
import type { EngineTransaction } from "./transaction.js";

/** Reads a card and says whose it is. Never writes; what it proves settles doubts. */
export async function scan(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  if (!worksOnCards(unit)) return scanByIssuer(engine, job, unit);
  const { deps, jobs } = engine;
  try {
    return await withCard({ deps, jobs, job, unit }, (card) =>
      engine.transact(job.cause, (tx) => report(engine, tx, job, card)),
    );
  } catch (error) {
    if (!isOfAnotherKind(error)) throw error;
    return engine.transact(job.cause, (tx) => reportOtherKind(tx, job, error.message));
  }
}

/** No profile of the system is for such a card: nobody can read it here, which is an answer too. */
function isOfAnotherKind(error: unknown): error is JobEnd {
  return error instanceof JobEnd && error.type === "incompatible_card_format";
}

function reportOtherKind(tx: EngineTransaction, job: Job, why: string): Outcome {
  const verdict = { state: "foreign", message: why, holder: null } as const;
  const card = { cardNumber: null, validity: null, isIssued: null, verdict };
  const outcome: Outcome = { status: "success", result: renderScan({ card, seam: null }), error: null };
  tx.finishAttempt(job.id, outcome);
  return outcome;
}

/** Whose credential the card on the encoder carries; null for a card that is blank or of somebody else. */
export async function credentialOnCard(engine: Engine, job: Job, unit: Unit): Promise<ObjectRow | null> {
  if (!worksOnCards(unit)) {
    const card = await readByIssuer(engine, job, unit);
    return card === null ? null : ownerOfIssued(engine, card);
  }
  const { deps, jobs } = engine;
  try {
    return await withCard({ deps, jobs, job, unit }, (card) => {
      engine.transact(job.cause, (tx) => settle(engine, tx, card));
      return ownerOf(engine, card);
    });
  } catch (error) {
    if (!isOfAnotherKind(error)) throw error;
    return null;
  }
}

/** What the card shows of those that it may have been written for. */
function settle(engine: Engine, tx: EngineTransaction, card: CardOnEncoder): void {
  const { uid } = card;
  for (const row of ownersOf(engine.deps, uid, null)) {
    const left = generationLeft(row, card);
    if (left !== null) tx.credential(row, { type: "card.seen", jobId: null, uid, left });
  }
}

function report(engine: Engine, tx: EngineTransaction, job: Job, card: CardOnEncoder): Outcome {
  settle(engine, tx, card);
  const owner = ownerOf(engine, card);
  const generation = card.state.is === "ours" ? card.state.generation : 0;
  const result = renderScan({
    card: cardSide(card.state, verdictOnCard(engine, card.state, owner)),
    seam: owner === null ? null : seamSide(engine, owner, generation),
  });
  const outcome: Outcome = { status: "success", result, error: null };
  tx.finishAttempt(job.id, outcome);
  return outcome;
}

function cardSide(state: CardState, verdict: CardVerdict) {
  switch (state.is) {
    case "blank":
      return null;
    case "ours":
      return {
        cardNumber: cardNumberOf(state.credentialId),
        validity: {
          startsAt: state.validFrom === null ? null : state.validFrom * 1_000,
          endsAt: state.validTo === null ? null : state.validTo * 1_000,
        },
        isIssued: true,
        verdict,
      };
    case "torn":
    case "foreign":
      return { cardNumber: null, validity: null, isIssued: null, verdict };
  }
}

function ownerOf(engine: Engine, { state }: CardOnEncoder): ObjectRow | null {
  if (state.is !== "ours") return null;
  const row = engine.deps.store.objects.byCardCredentialId(state.credentialId);
  return row === undefined || row.gone ? null : row;
}

/** `generation`: the one on the card; null: it is a badge, which says none. */
export function seamSide(engine: Engine, row: ObjectRow, generation: number | null) {
  const spec = acsCredentialSpec.parse(row.spec);
  const observed = engine.observe(row);
  return {
    credential: renderCredential({ spec, code: null, observed, inventory: engine.deps.inventory }),
    startsAt: spec.starts_at === null ? null : Date.parse(spec.starts_at),
    endsAt: spec.ends_at === null ? null : Date.parse(spec.ends_at),
    isNewest: generation === null || (row.record?.context.issued?.generation ?? generation) === generation,
    isRevoked: row.record?.context.denied != null,
    isSynced: observed?.isSynced ?? false,
  };
}

async function scanByIssuer(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const card = await readByIssuer(engine, job, unit);
  return engine.transact(job.cause, (tx) => {
    const owner = card === null ? null : ownerOfIssued(engine, card);
    const result = renderScan({
      card: card === null ? null : { cardNumber: card.cardNumber, validity: null, isIssued: true },
      seam: owner === null ? null : seamSide(engine, owner, owner.record?.context.issued?.generation ?? 0),
    });
    const outcome: Outcome = { status: "success", result, error: null };
    tx.finishAttempt(job.id, outcome);
    return outcome;
  });
}

type IssuedCard = NonNullable<Awaited<ReturnType<NonNullable<NonNullable<Unit["keyIssuer"]>["read"]>>>>;

async function readByIssuer(engine: Engine, job: Job, unit: Unit): Promise<IssuedCard | null> {
  const issuer = unit.keyIssuer;
  if (issuer?.read === undefined)
    throw new JobEnd("uncategorized_error", "this device cannot read cards [device.wrong]");
  engine.jobs.say(job, "waiting_for_card", "Put one card on the encoder.");
  return issuer.read({ signal: job.control.signal });
}

function ownerOfIssued(engine: Engine, card: IssuedCard): ObjectRow | null {
  const rows = card.uid === null ? [] : ownersOf(engine.deps, card.uid, null);
  return rows.find((row) => row.record?.context.issued?.cardNumber === card.cardNumber && !row.gone) ?? null;
}
