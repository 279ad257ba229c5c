import type { RefusalReason } from "#src/domain/credential/credential.events";
import { acsCredentialSpec } from "#src/domain/spec";
import { siteTime } from "#src/lib/site-time";
import type { CardOnEncoder } from "./card-on-encoder.js";
import type { Engine } from "./engine.js";
import type { EngineDeps } from "./engine-deps.js";
import { entitledSpec } from "./entitled.js";
import { type Job, JobEnd } from "./jobs.js";
import type { ObjectRow } from "./ports.js";
import { reserveRefusal } from "./reserve.js";

/** Other credentials that have a live card with this UID. */
export function ownersOf(
  deps: EngineDeps,
  uid: string | null,
  exceptId: string | null,
): readonly ObjectRow[] {
  if (uid === null) return [];
  return deps.store.objects.byCardUid(uid).filter(({ id }) => id !== exceptId);
}

/**
 * Does the card open something for somebody else until a date that has not come? Then it is not written over without
 * being told to: a guest would stand before a closed door. Answers the sentence for the desk.
 */
export function anotherGuestsCard(deps: EngineDeps, job: Job, { state }: CardOnEncoder): string | null {
  if (job.overwrite || state.is !== "ours") return null;
  const owner = deps.store.objects.byCardCredentialId(state.credentialId);
  if (owner?.id === job.credentialId) return null;
  if (owner?.record?.context.denied != null) return null;
  const endsAt = state.validTo === null ? null : state.validTo * 1_000;
  if (endsAt !== null && endsAt <= deps.time.read().certain) return null;
  const until =
    endsAt === null ? "without an end date" : `until ${siteTime(endsAt, deps.inventory.timeZone)}`;
  return `this card opens ${doorsOf(deps, owner)} for another guest ${until}: take another card, or encode with overwrite [another_guests_card]`;
}

function doorsOf(deps: EngineDeps, owner: ObjectRow | undefined): string {
  const own = owner === undefined ? undefined : acsCredentialSpec.safeParse(owner.spec).data;
  const spec = own === undefined ? undefined : entitledSpec(deps.store.objects, deps.inventory, own);
  const names = deps.inventory.entrances
    .filter(({ id }) => spec?.allowed_acs_entrance_ids.includes(id) ?? false)
    .map(({ name }) => name);
  return names.length === 0 ? "a door of this site" : names.join(", ");
}

/** No key without a record of it, none beyond what may be made without the cloud, and none with a guessed date. */
export function refuseBeyondLimits(engine: Engine, row: ObjectRow): void {
  const { deps, offlineWork } = engine;
  const refusal =
    reserveRefusal(deps) ?? offlineWork.refusal(row.provisional !== null) ?? unknownTimeRefusal(engine, row);
  if (refusal !== null) throw new JobEnd("uncategorized_error", refusal);
}

/** The stable code, in errors and in docs/errors.md. */
export const TIME_UNKNOWN = "time_unknown";

/**
 * The dates of a credential go onto the card. Where nobody knows what day it is, somebody looks at a watch first; with
 * the cloud there, its wishes are of today.
 */
function unknownTimeRefusal({ deps, offlineWork }: Engine, row: ObjectRow): string | null {
  const { now, quality } = deps.time.read();
  if (quality !== "unknown" || offlineWork.isOnline) return null;
  const spec = acsCredentialSpec.safeParse(row.spec).data;
  if (spec !== undefined && spec.starts_at === null && spec.ends_at === null) return null;
  const shown = new Date(now).toISOString();
  return `nobody has told this gateway the date yet, and its clock says ${shown}: when that is right, lockbridge doctor --confirm-clock ${shown} [${TIME_UNKNOWN}]`;
}

/** What a refusal of the machine means for the action attempt, in Seam's error types. */
export function refusalEnd(reason: RefusalReason, doubtUid: string | null): JobEnd {
  switch (reason) {
    case "denied":
      return new JobEnd("credential_deleted", "the credential was revoked or deleted");
    case "gone":
      return new JobEnd("credential_deleted", "the credential was deleted");
    case "in_doubt":
      return new JobEnd(
        "uncategorized_error",
        `an earlier write has an unknown outcome: put that card${doubtUid === null ? "" : ` (UID ${doubtUid})`} on the encoder first, or declare it destroyed [in_doubt]`,
      );
    case "suspended":
      return new JobEnd(
        "credential_cannot_be_reissued",
        "the credential or its user is suspended [suspended]",
      );
    case "expired":
      return new JobEnd("credential_cannot_be_reissued", "the credential's end date has passed [expired]");
    case "generation_taken":
      return new JobEnd(
        "credential_cannot_be_reissued",
        "another card was made since this was asked for [generation_taken]",
      );
    case "busy":
      return new JobEnd("uncategorized_error", "this credential is being encoded already [busy]");
    case "dirty":
      return new JobEnd("uncategorized_error", "the credential has just changed: encode again [dirty]");
    case "has_card":
      return new JobEnd(
        "credential_cannot_be_reissued",
        "a card was made for this credential, and may be about: erase it, or take another credential for the badge [has_card]",
      );
    case "needs_no_encoder":
      return new JobEnd("uncategorized_error", "a PIN credential needs no encoder [needs_no_encoder]");
    case "not_expected_here":
      return new JobEnd(
        "credential_cannot_be_reissued",
        "not possible in the credential's present state [refused]",
      );
  }
}
