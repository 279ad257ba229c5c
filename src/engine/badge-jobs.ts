import type { CardRead, Unit } from "#driver-api";
import { badgeNameOf, readBadge } from "#src/cards/badges";
import type { Badge } from "#src/domain/badge";
import { badgeNumber } from "#src/domain/badge";
import { checkCredentialCreate } from "#src/domain/seam/rules";
import { renderScan } from "#src/domain/seam/scan";
import { acsCredentialSpec, acsUserSpec } from "#src/domain/spec";
import { toHex } from "#src/lib/hex";
import type { JsonObject } from "#src/lib/json";
import { uuidV7 } from "#src/lib/uuid";
import { awaitBadge } from "./badge-reader.js";
import { verdictOnBadge } from "./card-verdict.js";
import { succeed } from "./encode-job.js";
import type { Engine } from "./engine.js";
import { badgeFormatsOf } from "./engine-deps.js";
import { enrolBadge, holderOfBadge, livingHolderOfBadge } from "./enrol-badge.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";
import type { ObjectRow } from "./ports.js";
import { seamSide } from "./scan-job.js";
import { handOver } from "./scan-to-assign-job.js";

/** What is done at a reader that names the badges which people have already. Nothing is ever written to one. */

export function badgeJob(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  switch (job.kind) {
    case "scan":
      return scanBadge(engine, job, unit);
    case "encode":
      return encodeBadge(engine, job, unit);
    case "scan_to_assign":
      return assignBadge(engine, job, unit);
    case "erase":
      throw new JobEnd("uncategorized_error", "this device cannot erase cards [device.wrong]");
  }
}

/** Says whose badge it is. */
async function scanBadge(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const card = await awaitBadge(engine, job, unit);
  return engine.transact(job.cause, (tx) => {
    const owner = holderOfBadge(engine, badgeNameOf(card));
    const known = owner?.record?.context.issued?.badge ?? null;
    const reading = readBadge(card, formatsAt(engine, job));
    const badge = known ?? (reading.is === "badge" ? reading.badge : null);
    const result = renderScan({
      card: {
        cardNumber: badge === null ? null : badgeNumber(badge),
        validity: null,
        isIssued: owner === null ? null : true,
        verdict: verdictOnBadge(engine, owner),
        badge: badge ?? {
          bitCount: card.bitCount,
          bits: toHex(card.bits),
          problem: reading.is === "badge" ? "" : reading.message,
        },
      },
      seam: owner === null ? null : seamSide(engine, owner, null),
    });
    const outcome: Outcome = { status: "success", result, error: null };
    tx.finishAttempt(job.id, outcome);
    return outcome;
  });
}

/** Makes the badge the card of the job's credential. */
async function encodeBadge(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const badge = understood(engine, job, await awaitBadge(engine, job, unit));
  return engine.transact(job.cause, (tx) => {
    const { id: jobId, encoderId, overwrite: isTaken } = job;
    const row = enrolBadge(engine, tx, engine.credentialOf(job), { badge, jobId, encoderId, isTaken });
    return succeed(engine, tx, job, row);
  });
}

/**
 * A badge that is somebody's is handed to the user with its credential. Any other becomes the card of the user's
 * credential that waits for one, or of a new one.
 */
async function assignBadge(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const card = await awaitBadge(engine, job, unit);
  const known = livingHolderOfBadge(engine, badgeNameOf(card));
  if (known !== null) return handOver(engine, job, known.id);
  const badge = understood(engine, job, card);
  // A credential that is made for the badge stays only with it.
  return engine.group(() => {
    const { id } = waitingCredential(engine, job) ?? newCredential(engine, job);
    return engine.transact(job.cause, (tx) => {
      const row = engine.deps.store.objects.get("acs_credential", id);
      if (row === undefined) throw new JobEnd("credential_deleted", "the credential is gone");
      const from = { badge, jobId: null, encoderId: job.encoderId, isTaken: false };
      return succeed(engine, tx, job, enrolBadge(engine, tx, row, from));
    });
  });
}

function understood(engine: Engine, job: Job, card: CardRead): Badge {
  const reading = readBadge(card, formatsAt(engine, job));
  switch (reading.is) {
    case "badge":
      return reading.badge;
    case "ambiguous":
      throw new JobEnd(
        "uncategorized_error",
        `${reading.message}: list the right one under badge_formats of the system [badge.ambiguous]`,
      );
    case "unknown":
      throw new JobEnd("uncategorized_error", `${reading.message} [badge.unknown]`);
  }
}

/** The user's credential that waits for a card, when there is one; several are not guessed among. */
function waitingCredential(engine: Engine, job: Job): ObjectRow | null {
  const { store } = engine.deps;
  const waiting = store.objects
    .list("acs_credential", { systemId: systemOf(engine, job), userId: job.userId ?? "", limit: HELD_MAX })
    .filter(({ record }) => record?.issuance === "presented" && record.state === "waiting_to_be_issued");
  const [row, another] = waiting;
  if (another === undefined) return row ?? null;
  throw new JobEnd(
    "uncategorized_error",
    `${waiting.length} credentials of this user wait for a card: encode the one that this badge is for [badge.several_credentials]`,
  );
}

function newCredential(engine: Engine, job: Job): ObjectRow {
  const { store, inventory, time, random } = engine.deps;
  const { now, certain } = time.read();
  const user = job.userId === null ? undefined : store.objects.get("acs_user", job.userId);
  if (user === undefined || user.gone) throw new JobEnd("uncategorized_error", "the acs_user is gone");
  const checked = checkCredentialCreate(
    {
      systemId: systemOf(engine, job),
      userId: user.id,
      accessMethod: "card",
      entranceIds: [],
      isOneTimeUse: false,
      isMultiPhoneSync: false,
      brandMetadata: [],
    },
    { id: uuidV7(now, random(10)), now, certain, inventory, user: acsUserSpec.parse(user.spec) },
  );
  if (!checked.ok) throw new JobEnd("uncategorized_error", checked.fault.message);
  const id = acsCredentialSpec.parse(checked.value).acs_credential_id;
  const spec = JSON.parse(JSON.stringify(checked.value)) as JsonObject;
  return engine.localChange(
    { kind: "acs_credential", id, spec, code: null },
    job.cause,
    "created acs_credential for a badge",
  );
}

/** Far beyond what one person holds. */
const HELD_MAX = 1_000;

function systemOf({ deps: { inventory } }: Engine, { encoderId }: Job): string {
  return inventory.encoders.find(({ id }) => id === encoderId)?.systemId ?? "";
}

function formatsAt(engine: Engine, job: Job) {
  return badgeFormatsOf(engine.deps, systemOf(engine, job));
}
