import { makeBadge } from "#src/cards/badges";
import { acsCredentialSpec } from "#src/domain/spec";
import { badgeFormatsOf } from "#src/engine/engine-deps";
import { enrolBadge } from "#src/engine/enrol-badge";
import type { Engine } from "#src/engine/engine";
import { JobEnd } from "#src/engine/jobs";
import type { ObjectRow } from "#src/engine/ports";
import { causeOf } from "./gateway-attempts.js";
import { missing } from "./fault.js";
import { type Caller, SeamError, type TypedBadge } from "./model.js";

/** A badge whose number somebody typed becomes a credential's card, as if it had been held to a reader. */
export function enrolTypedBadge(engine: Engine, typed: TypedBadge, by: Caller): ObjectRow {
  const { credentialId, format, facility, number, overwrite: isTaken } = typed;
  const row = engine.deps.store.objects.get("acs_credential", credentialId);
  if (row === undefined || row.gone) throw missing("acs_credential", credentialId);
  const { acs_system_id: systemId } = acsCredentialSpec.parse(row.spec);
  const made = makeBadge({ facility, number }, badgeFormatsOf(engine.deps, systemId), format);
  if (!made.ok) throw new SeamError(400, "invalid_input", made.message, undefined, PARAMETERS[made.what]);
  try {
    return engine.transact(causeOf(by), (tx) => {
      const from = { badge: made.badge, jobId: null, encoderId: null, isTaken };
      const enrolled = enrolBadge(engine, tx, row, from);
      tx.audit("enrolled a badge by its number", credentialId);
      return enrolled;
    });
  } catch (error) {
    if (error instanceof JobEnd) throw new SeamError(400, error.type, error.message);
    throw error;
  }
}

const PARAMETERS = { format: "format", facility: "facility_code", number: "number" } as const;
