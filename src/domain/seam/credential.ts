import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import type { AcsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { badgeFacts } from "./badge.js";
import { renderBrandMetadata } from "./brand-metadata.js";
import { externalTypeOf } from "./brand.js";
import { isoInstant, utcInstant } from "./instant.js";
import { renderErrors, renderWarnings } from "./site.js";

/**
 * Seam's `acs_credential`: what is wanted (`spec`) beside what is known (`observed`, null while no gateway has spoken).
 * A credential with a PIN has `code`; it is null when `code` is, which is how a PIN is withheld.
 */
export function renderCredential({
  spec,
  code,
  observed,
  inventory,
  now = -Infinity,
}: {
  readonly spec: AcsCredentialSpec;
  readonly code: Secret<string> | null;
  readonly observed: Observed | null;
  readonly inventory: Inventory;
  /** Epoch ms, for what holds only until a date; absent: such a date is never past. */
  readonly now?: number;
}): JsonObject {
  const system = inventory.systems.find(({ id }) => id === spec.acs_system_id);
  return {
    acs_credential_id: spec.acs_credential_id,
    acs_system_id: spec.acs_system_id,
    ...(spec.acs_user_id === null ? {} : { acs_user_id: spec.acs_user_id }),
    connected_account_id: inventory.connectedAccountId,
    workspace_id: inventory.workspaceId,
    access_method: spec.access_method,
    display_name: credentialDisplayName(spec, inventory),
    ...externalTypeOf(system?.externalType ?? null, "credential"),
    ...(spec.has_code ? { code: code?.reveal() ?? null } : {}),
    ...(spec.starts_at === null ? {} : { starts_at: utcInstant(spec.starts_at) }),
    ...(spec.ends_at === null ? {} : { ends_at: utcInstant(spec.ends_at) }),
    ...(spec.access_method === "code" || spec.is_one_time_use
      ? { is_one_time_use: spec.is_one_time_use }
      : {}),
    ...renderBrandMetadata(spec, observed, { inventory, now }),
    is_managed: true,
    is_multi_phone_sync_credential: false,
    ...(spec.access_method === "card" ? cardFacts(observed) : {}),
    is_latest_desired_state_synced_with_provider: observed?.isSynced ?? false,
    latest_desired_state_synced_with_provider_at: instantOrNull(observed?.syncedAt ?? null),
    created_at: utcInstant(spec.created_at),
    errors: renderErrors(observed?.errors),
    warnings: renderWarnings(observed?.warnings ?? unheardWarnings(spec)),
  };
}

/** The credential with what keeps it from being carried out, when something does. */
export function withProblem(
  credential: JsonObject,
  problem: { readonly code: string; readonly message: string; readonly at: number } | null,
): JsonObject {
  if (problem === null) return credential;
  const { code, message, at } = problem;
  const known = Array.isArray(credential["errors"]) ? (credential["errors"] as readonly JsonObject[]) : [];
  return { ...credential, errors: [...known, ...renderErrors([{ code, message, createdAt: at }])] };
}

/**
 * What an observation still says once the desired document has moved on to `rev`: everything it saw, but no longer
 * that the site is in step.
 */
export function observedAt(observed: Observed, rev: number): Observed {
  return observed.rev < rev ? { ...observed, isSynced: false } : observed;
}

/** Names of its entrances, as the owner of the door knows them. */
export function credentialDisplayName(
  spec: Pick<AcsCredentialSpec, "access_method" | "allowed_acs_entrance_ids">,
  inventory: Pick<Inventory, "entrances">,
): string {
  const names = spec.allowed_acs_entrance_ids.flatMap((wanted) => {
    const entrance = inventory.entrances.find(({ id }) => id === wanted);
    return entrance === undefined ? [] : [entrance.name];
  });
  if (names.length > 0) return names.join(", ");
  return spec.access_method === "card" ? "Card" : "PIN code";
}

function cardFacts(observed: Observed | null): JsonObject {
  const issuedAt = observed?.issuedAt ?? null;
  const cardNumber = observed?.cardNumber ?? null;
  return {
    is_issued: observed?.isIssued ?? false,
    ...(issuedAt === null ? {} : { issued_at: isoInstant(issuedAt) }),
    ...(cardNumber === null ? {} : { card_number: cardNumber }),
    ...(observed?.badge === undefined ? {} : { lockbridge_metadata: { badge: badgeFacts(observed.badge) } }),
  };
}

/** Nobody has told us of a card yet, so it is certainly waiting for one. */
function unheardWarnings(spec: AcsCredentialSpec) {
  if (spec.access_method !== "card") return [];
  return [
    {
      code: "waiting_to_be_issued",
      message: "Waiting to be encoded onto a card.",
      createdAt: Date.parse(spec.created_at),
    },
  ];
}

function instantOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoInstant(epochMs);
}
