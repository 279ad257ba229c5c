import { z } from "zod";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import type { AcsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { type Fault, invalidInput, notFound } from "./fault.js";

/**
 * What a vendor's own key system wants to know of a card besides entrances and dates. Sent at create, kept in the
 * document, handed to the system that makes the card, and shown again beside what that system told.
 */
export const visionlineOptions = z.object({
  card_format: z.enum(["rfid48", "TLCode"]).optional(),
  card_function_type: z.enum(["guest", "staff"]).default("guest"),
  override: z.boolean().optional(),
  is_override_key: z.boolean().optional(),
  auto_join: z.boolean().optional(),
  joiner_acs_credential_ids: z.array(z.string()).max(100).optional(),
});
export type VisionlineOptions = z.infer<typeof visionlineOptions>;

export const vostioOptions = z.object({
  auto_join: z.boolean().optional(),
  join_all_guest_acs_entrances: z.boolean().optional(),
  override_all_guest_acs_entrances: z.boolean().optional(),
  override_guest_acs_entrance_ids: z.array(z.string()).max(100).optional(),
});
export type VostioOptions = z.infer<typeof vostioOptions>;

export interface BrandWish {
  readonly visionline?: VisionlineOptions | undefined;
  readonly vostio?: VostioOptions | undefined;
  /** Names of other brands' parameters that were sent. */
  readonly brandMetadata: readonly string[];
}

interface BrandContext {
  readonly systemId: string;
  readonly entranceIds: readonly string[];
  readonly inventory: Inventory;
  /** A credential that is named as one to join; undefined when there is none of this id. */
  readonly credentialOf: (id: string) => AcsCredentialSpec | undefined;
}

/** Only a system of the brand takes the brand's parameters. */
export function checkBrandWish(wish: BrandWish, context: BrandContext): Fault | undefined {
  const { systemId, inventory } = context;
  const kind = inventory.systems.find(({ id }) => id === systemId)?.externalType ?? null;
  const [other] = wish.brandMetadata;
  if (other !== undefined) {
    return invalidInput(other, "is not supported: no acs_system here hands it to a vendor's system");
  }
  if (wish.visionline !== undefined) {
    if (kind !== "visionline_system") return wrongBrand("visionline_metadata", "Visionline");
    return checkVisionline(wish.visionline, context);
  }
  if (wish.vostio !== undefined) {
    if (kind !== "assa_abloy_vostio") return wrongBrand("assa_abloy_vostio_metadata", "Vostio");
    return checkVostio(wish.vostio, context);
  }
  return undefined;
}

function wrongBrand(parameter: string, brand: string): Fault {
  return invalidInput(parameter, `is not supported: the credential's acs_system is no ${brand} system`);
}

function checkVisionline(
  options: VisionlineOptions,
  { systemId, credentialOf }: BrandContext,
): Fault | undefined {
  const { override = false, is_override_key = false, auto_join = false } = options;
  const joined = options.joiner_acs_credential_ids ?? [];
  const ways = [override || is_override_key, auto_join, joined.length > 0].filter(Boolean).length;
  if (ways > 1) {
    const message = "must say one of override, auto_join and joiner_acs_credential_ids, not several";
    return invalidInput("visionline_metadata", message);
  }
  const unknown = joined.find((id) => credentialOf(id) === undefined);
  if (unknown !== undefined) return notFound("acs_credential", unknown);
  const foreign = joined.find((id) => credentialOf(id)?.acs_system_id !== systemId);
  return foreign === undefined
    ? undefined
    : invalidInput("visionline_metadata", `joins ${foreign}, which belongs to another acs_system`);
}

function checkVostio(options: VostioOptions, { entranceIds }: BrandContext): Fault | undefined {
  const overridden = options.override_guest_acs_entrance_ids ?? [];
  const overrides = options.override_all_guest_acs_entrances === true || overridden.length > 0;
  const joins = options.auto_join === true || options.join_all_guest_acs_entrances === true;
  if (overrides && joins) {
    return invalidInput("assa_abloy_vostio_metadata", "must say either to join or to override, not both");
  }
  const stranger = overridden.find((id) => !entranceIds.includes(id));
  return stranger === undefined
    ? undefined
    : invalidInput("assa_abloy_vostio_metadata", `overrides ${stranger}, which the credential does not open`);
}

/** Seam's metadata of a credential: what was asked for, and what the vendor's system told. */
export function renderBrandMetadata(
  spec: AcsCredentialSpec,
  observed: Observed | null,
  { inventory, now }: { readonly inventory: Inventory; readonly now: number },
): JsonObject {
  const kind = inventory.systems.find(({ id }) => id === spec.acs_system_id)?.externalType;
  if (spec.access_method !== "card") return {};
  if (kind === "visionline_system")
    return { visionline_metadata: visionlineOf(spec, observed, inventory, now) };
  return kind === "assa_abloy_vostio"
    ? { assa_abloy_vostio_metadata: vostioOf(spec, observed, inventory) }
    : {};
}

function visionlineOf(
  spec: AcsCredentialSpec,
  observed: Observed | null,
  inventory: Inventory,
  now: number,
): JsonObject {
  const options = visionlineOptions.parse(spec.visionline_metadata ?? {});
  const opened = inventory.entrances.filter(({ id }) => spec.allowed_acs_entrance_ids.includes(id));
  return {
    card_function_type: options.card_function_type,
    guest_acs_entrance_ids: opened.filter(({ door }) => door !== null).map(({ id }) => id),
    common_acs_entrance_ids: opened.filter(({ door }) => door === null).map(({ id }) => id),
    is_valid: isValid(observed, now),
    ...(options.auto_join === undefined ? {} : { auto_join: options.auto_join }),
    ...(options.joiner_acs_credential_ids === undefined
      ? {}
      : { joiner_acs_credential_ids: options.joiner_acs_credential_ids }),
    // The vendor's system was told our id of the credential, and told the card's number.
    ...(observed?.cardNumber == null
      ? {}
      : { card_id: observed.cardNumber, credential_id: spec.acs_credential_id }),
  };
}

/** A card of it may open something now. */
function isValid(observed: Observed | null, now: number): boolean {
  if (observed === null || observed.liveCards === 0) return false;
  return observed.cardsValidUntil === null || observed.cardsValidUntil > now;
}

function vostioOf(spec: AcsCredentialSpec, observed: Observed | null, inventory: Inventory): JsonObject {
  const options = vostioOptions.parse(spec.assa_abloy_vostio_metadata ?? {});
  const opened = inventory.entrances.filter(({ id }) => spec.allowed_acs_entrance_ids.includes(id));
  const overridden =
    options.override_all_guest_acs_entrances === true
      ? opened.filter(({ door }) => door !== null).map(({ id }) => id)
      : options.override_guest_acs_entrance_ids;
  return {
    door_names: opened.map(({ name }) => name),
    ...(options.auto_join === undefined ? {} : { auto_join: options.auto_join }),
    ...(overridden === undefined ? {} : { override_guest_acs_entrance_ids: overridden }),
    ...(observed?.cardNumber == null
      ? {}
      : {
          key_id: observed.cardNumber,
          key_issuing_request_id: `${spec.acs_credential_id}/${observed.generation}`,
        }),
  };
}
