import type { Unit } from "#driver-api";
import { checkCredentialAssign } from "#src/domain/seam/rules";
import { renderCredential } from "#src/domain/seam/credential";
import { acsCredentialSpec, acsUserSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Engine } from "./engine.js";
import { entitledSpec } from "./entitled.js";
import { type Job, JobEnd, type Outcome } from "./jobs.js";
import { credentialOnCard } from "./scan-job.js";

/** Reads a card and hands the credential on it to the job's user. Never writes a card. */
export async function scanToAssign(engine: Engine, job: Job, unit: Unit): Promise<Outcome> {
  const found = await credentialOnCard(engine, job, unit);
  if (found === null) {
    const message = "the card on the encoder carries no credential of this site";
    throw new JobEnd("no_credential_on_encoder", message);
  }
  return handOver(engine, job, found.id);
}

/** The credential is the job's user's from now on. */
export function handOver(engine: Engine, job: Job, credentialId: string): Outcome {
  const { store, inventory } = engine.deps;
  const row = store.objects.get("acs_credential", credentialId);
  const holder = job.userId === null ? undefined : store.objects.get("acs_user", job.userId);
  if (row === undefined || row.gone) throw new JobEnd("credential_deleted", "the credential is gone");
  if (holder === undefined || holder.gone) throw new JobEnd("uncategorized_error", "the acs_user is gone");
  const checked = checkCredentialAssign(acsCredentialSpec.parse(row.spec), acsUserSpec.parse(holder.spec));
  if (!checked.ok) throw new JobEnd("uncategorized_error", checked.fault.message);
  const spec = JSON.parse(JSON.stringify(checked.value)) as JsonObject;
  const assigned = engine.localChange(
    { kind: "acs_credential", id: row.id, spec, code: row.code },
    job.cause,
    "assigned acs_credential",
  );
  return engine.transact(job.cause, (tx) => {
    const result = renderCredential({
      spec: entitledSpec(store.objects, inventory, acsCredentialSpec.parse(assigned.spec)),
      code: null,
      observed: engine.observe(assigned),
      inventory,
    });
    const outcome: Outcome = { status: "success", result, error: null };
    tx.finishAttempt(job.id, outcome);
    return outcome;
  });
}
