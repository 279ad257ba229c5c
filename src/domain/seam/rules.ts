import type { Inventory, InventoryEntrance } from "#src/domain/inventory";
import type { AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";
import type { Secret } from "#src/lib/secret";
import { type BrandWish, checkBrandWish } from "./brand-metadata.js";
import { accepted, invalidInput, notFound, refused, ruleBroken, type Checked, type Fault } from "./fault.js";
import { isoInstant } from "./instant.js";

/**
 * What may be asked of a credential: the same on the gateway and in the cloud, so that neither accepts what the other
 * refuses. Look-ups come first (404), rules after (400); nothing here is half-applied.
 */

/** The parameters of a new credential. */
export interface CredentialWish extends BrandWish {
  readonly systemId?: string | undefined;
  readonly userId?: string | undefined;
  readonly accessMethod: "card" | "code" | "mobile_key" | "cloud_key";
  readonly entranceIds: readonly string[];
  readonly code?: Secret<string> | undefined;
  readonly startsAt?: number | undefined;
  readonly endsAt?: number | undefined;
  readonly isOneTimeUse: boolean;
  readonly isMultiPhoneSync: boolean;
}

interface Validity {
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  /** An instant that has surely passed: a clock that is wrong refuses nobody. */
  readonly now: number;
}

/** Cards and keypads say instants in 32 bits of seconds; the last value means that there is no end. */
const LAST_INSTANT = (2 ** 32 - 2) * 1_000;
const SAYABLE = `must lie between ${isoInstant(1_000)} and ${isoInstant(LAST_INSTANT)}`;

/** An end must lie after now and after the start; what has no end is always valid. */
export function checkValidity({ startsAt, endsAt, now }: Validity): Fault | undefined {
  const isSayable = (at: number | null) => at === null || (at >= 1_000 && at <= LAST_INSTANT);
  if (!isSayable(startsAt)) return invalidInput("starts_at", SAYABLE);
  if (!isSayable(endsAt)) return invalidInput("ends_at", SAYABLE);
  if (endsAt === null) return undefined;
  if (endsAt <= now) return invalidInput("ends_at", "must be later than now");
  if (startsAt !== null && endsAt <= startsAt) return invalidInput("ends_at", "must be later than starts_at");
  return undefined;
}

/**
 * The document of a new credential, or why it cannot be. `user` is the one that `wish.userId` names, undefined when it
 * names none or nobody.
 */
export function checkCredentialCreate(
  wish: CredentialWish,
  context: {
    readonly id: string;
    readonly now: number;
    /** What has surely passed; absent: the clock is trusted, and it is `now`. */
    readonly certain?: number;
    readonly inventory: Inventory;
    readonly user: AcsUserSpec | undefined;
    /** Credentials that brand metadata may name; absent: there are none. */
    readonly credentialOf?: (id: string) => AcsCredentialSpec | undefined;
  },
): Checked<AcsCredentialSpec> {
  const { id, now, certain = now, inventory, user } = context;
  if (wish.userId !== undefined && user === undefined) return refused(notFound("acs_user", wish.userId));
  const systemId = systemOf(wish, user, inventory);
  if (!systemId.ok) return systemId;
  const entrances = entrancesOf(wish.entranceIds, systemId.value, inventory);
  if (!entrances.ok) return entrances;

  const startsAt = wish.startsAt ?? null;
  const endsAt = wish.endsAt ?? null;
  const fault =
    checkBrandWish(wish, {
      systemId: systemId.value,
      entranceIds: wish.entranceIds,
      inventory,
      credentialOf: context.credentialOf ?? (() => undefined),
    }) ??
    checkAccessMethod(wish, entrances.value, inventory) ??
    checkValidity({ startsAt, endsAt, now: certain });
  if (fault !== undefined) return refused(fault);

  return accepted({
    acs_credential_id: id,
    acs_system_id: systemId.value,
    acs_user_id: user?.acs_user_id ?? null,
    access_method: wish.accessMethod === "code" ? "code" : "card",
    allowed_acs_entrance_ids: entrances.value.map((entrance) => entrance.id),
    starts_at: startsAt === null ? null : isoInstant(startsAt),
    ends_at: endsAt === null ? null : isoInstant(endsAt),
    is_one_time_use: wish.isOneTimeUse,
    has_code: wish.code !== undefined,
    ...(wish.visionline === undefined ? {} : { visionline_metadata: { ...wish.visionline } }),
    ...(wish.vostio === undefined ? {} : { assa_abloy_vostio_metadata: { ...wish.vostio } }),
    state: "active",
    created_at: isoInstant(now),
  });
}

/** The changed document. Neither parameter given: the same document, and nothing to do. */
export function checkCredentialUpdate(
  change: { readonly code?: Secret<string> | undefined; readonly endsAt?: number | undefined },
  { spec, now }: { readonly spec: AcsCredentialSpec; readonly now: number },
): Checked<AcsCredentialSpec> {
  const denied = checkNotDenied(spec);
  if (denied !== undefined) return refused(denied);
  const startsAt = spec.starts_at === null ? null : Date.parse(spec.starts_at);
  if (change.endsAt !== undefined) {
    const fault = checkValidity({ startsAt, endsAt: change.endsAt, now });
    if (fault !== undefined) return refused(fault);
  }
  return accepted({
    ...spec,
    ends_at: change.endsAt === undefined ? spec.ends_at : isoInstant(change.endsAt),
    has_code: spec.has_code || change.code !== undefined,
  });
}

/** The document held by `user`. Whoever held it before does so no more. */
export function checkCredentialAssign(
  spec: AcsCredentialSpec,
  user: AcsUserSpec,
): Checked<AcsCredentialSpec> {
  const denied = checkNotDenied(spec);
  if (denied !== undefined) return refused(denied);
  if (user.acs_system_id !== spec.acs_system_id) {
    return refused(invalidInput("acs_user_id", "belongs to another acs_system than the credential"));
  }
  return accepted({ ...spec, acs_user_id: user.acs_user_id });
}

/** The document held by nobody; refused when that user does not hold it. */
export function checkCredentialUnassign(spec: AcsCredentialSpec, userId: string): Checked<AcsCredentialSpec> {
  if (spec.acs_user_id !== userId) {
    return refused(invalidInput("acs_user_id", "does not hold this credential"));
  }
  return accepted({ ...spec, acs_user_id: null });
}

function systemOf(
  wish: CredentialWish,
  user: AcsUserSpec | undefined,
  inventory: Inventory,
): Checked<string> {
  const { systemId } = wish;
  if (systemId !== undefined && !inventory.systems.some(({ id }) => id === systemId)) {
    return refused(notFound("acs_system", systemId));
  }
  if (user !== undefined) {
    return systemId === undefined || systemId === user.acs_system_id
      ? accepted(user.acs_system_id)
      : refused(invalidInput("acs_system_id", "is not the acs_system of this acs_user"));
  }
  if (systemId !== undefined) return accepted(systemId);
  const [only, ...others] = inventory.systems;
  return only !== undefined && others.length === 0
    ? accepted(only.id)
    : refused(invalidInput("acs_user_id", "Required"));
}

function entrancesOf(
  ids: readonly string[],
  systemId: string,
  inventory: Inventory,
): Checked<readonly InventoryEntrance[]> {
  const entrances: InventoryEntrance[] = [];
  for (const wanted of new Set(ids)) {
    const entrance = inventory.entrances.find(({ id }) => id === wanted);
    if (entrance === undefined) return refused(notFound("acs_entrance", wanted));
    entrances.push(entrance);
  }
  const foreign = entrances.find((entrance) => entrance.systemId !== systemId);
  if (foreign !== undefined) {
    const message = `names "${foreign.name}", which belongs to another acs_system than the credential`;
    return refused(invalidInput("allowed_acs_entrance_ids", message));
  }
  return accepted(entrances);
}

function checkAccessMethod(
  wish: CredentialWish,
  entrances: readonly InventoryEntrance[],
  inventory: Inventory,
): Fault | undefined {
  switch (wish.accessMethod) {
    case "mobile_key":
    case "cloud_key":
      return invalidInput(
        "access_method",
        `must not be ${wish.accessMethod}: this site issues card and code credentials only`,
      );
    case "card":
      return checkNoPhones(wish) ?? checkOneDoor(entrances, inventory);
    case "code":
      return checkNoPhones(wish) ?? checkKeypads(wish, entrances);
  }
}

function checkNoPhones({ isMultiPhoneSync, accessMethod }: CredentialWish): Fault | undefined {
  return isMultiPhoneSync
    ? invalidInput("is_multi_phone_sync_credential", `must not be true for a ${accessMethod} credential`)
    : undefined;
}

/** Our own cards carry one door number; a vendor's system puts on its cards what it likes. */
export function checkOneDoor(
  entrances: readonly InventoryEntrance[],
  inventory: Pick<Inventory, "systems">,
): Fault | undefined {
  const [first] = entrances;
  const system = inventory.systems.find(({ id }) => id === first?.systemId);
  if (system?.cardProfiles.length === 0) return undefined;
  const doors = entrances.filter(({ door }) => door !== null);
  if (doors.length <= 1) return undefined;
  const names = doors.map(({ name }) => `"${name}"`).join(", ");
  return invalidInput(
    "allowed_acs_entrance_ids",
    `may name at most one guest door, which is what a card opens, and these are ${doors.length}: ${names}`,
  );
}

/** A PIN works where a keypad is configured, and nowhere else. */
function checkKeypads(wish: CredentialWish, entrances: readonly InventoryEntrance[]): Fault | undefined {
  const without = entrances.find(({ keypad }) => keypad === null);
  if (without !== undefined) {
    return ruleBroken(
      "keypad_not_configured",
      `Entrance "${without.name}" has no keypad configured, so a code credential cannot open it.`,
    );
  }
  // What its user may open counts as well, now and later.
  if (entrances.length === 0 && wish.userId === undefined) {
    return ruleBroken(
      "keypad_not_configured",
      "A code credential of nobody needs allowed_acs_entrance_ids that name entrances with a configured keypad.",
    );
  }
  return wish.code === undefined
    ? invalidInput("code", "Required: this site does not make up PINs for credentials")
    : undefined;
}

function checkNotDenied(spec: AcsCredentialSpec): Fault | undefined {
  return spec.state !== "active" && spec.state !== "suspended"
    ? ruleBroken("credential_revoked", "This credential was revoked for good. Create a new one instead.")
    : undefined;
}
