import type { CardRead } from "#driver-api";
import { badgeNameOf } from "#src/cards/badges";
import { namesOfCard } from "#src/cards/card-names";
import type { Holder } from "#src/domain/doors/decide";
import type { InventoryLock } from "#src/domain/inventory";
import { accessCodeSpec, acsCredentialSpec } from "#src/domain/spec";
import type { Secret } from "#src/lib/secret";
import type { EngineDeps } from "../engine-deps.js";
import { entitledSpec } from "../entitled.js";
import { objectOf, ownerOf } from "../keypads/owner.js";
import type { ObjectRow } from "../ports.js";

/** Whose a PIN or a card is at a door, read from what is stored at that moment. */
export class Holders {
  readonly #deps: EngineDeps;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  /** All whose PIN it is at this lock, also those whose time has not come or is over. */
  byPin(lock: InventoryLock, code: Secret<string>): readonly Holder[] {
    const { keypads } = this.#deps.store;
    const pin = keypads.pinOf(code);
    const wanted = keypads.wishes(lock.id).filter((wish) => wish.pin === pin);
    const owners =
      wanted.length > 0 ? wanted.map(({ kind, id }) => ownerOf(kind, id)) : this.#waitingOwners(lock, code);
    return owners.flatMap((owner) => this.#holder(owner, lock, pin) ?? []);
  }

  /** All who have this card, or whose card has this number. */
  byCard(lock: InventoryLock, card: CardRead): readonly Holder[] {
    const { objects } = this.#deps.store;
    const { serials, numbers } = namesOfCard(card);
    const rows = [
      ...[badgeNameOf(card), ...serials].flatMap((name) => objects.byCardUid(name)),
      // A reader that was given our keys reports what is on the card.
      ...serials.flatMap((name) => objects.byCardCredentialId(name) ?? []),
      ...numbers.flatMap((number) => this.#byCardNumber(number)),
    ];
    const ids = new Set(rows.map(({ id }) => id));
    return [...ids].flatMap((id) => this.#holder(ownerOf("acs_credential", id), lock, null) ?? []);
  }

  /** The same holder as it stands by now; undefined: it is gone. */
  again(owner: string, lock: InventoryLock): Holder | undefined {
    return this.#holder(owner, lock, null);
  }

  /** By the number that a vendor's system gave. */
  #byCardNumber(number: string): readonly ObjectRow[] {
    const { objects } = this.#deps.store;
    const found: ObjectRow[] = [];
    let after: ObjectRow | undefined;
    for (;;) {
      // A card's number is a line of its own in what is searched; longer ones that begin alike are found with it.
      const search = `\n${number}`;
      const page = objects.list("acs_credential", { search, limit: PAGE, ...(after && { after }) });
      found.push(...page.filter(({ record }) => numberOf(record?.context.issued) === number));
      if (page.length < PAGE) return found;
      after = page.at(-1);
    }
  }

  /** Somebody who is early, or late, is no guesser: his code is known though it is wanted nowhere now. */
  #waitingOwners(lock: InventoryLock, code: Secret<string>): readonly string[] {
    const { objects } = this.#deps.store;
    return (["access_code", "acs_credential"] as const).flatMap((kind) =>
      objects
        .list(kind, { code, limit: OWNERS_MAX })
        .filter((row) => kind === "acs_credential" || row.spec["device_id"] === lock.id)
        .filter((row) => kind === "access_code" || row.record?.issuance === "automatic")
        .filter((row) => kind === "access_code" || this.#opens(row, lock))
        .map((row) => ownerOf(kind, row.id)),
    );
  }

  /** `pin`: the one that was entered, which must still be the holder's; null: a card was held to the reader. */
  #holder(owner: string, lock: InventoryLock, pin: string | null): Holder | undefined {
    const { store } = this.#deps;
    const { kind, id } = objectOf(owner);
    const row = store.objects.get(kind, id);
    if (row === undefined || row.gone) return undefined;
    const own = row.code === null ? null : store.keypads.pinOf(row.code);
    if (pin !== null && own !== pin) return undefined;
    const isSound = row.blocked === null && row.spec["state"] === "active";
    const base = { owner, pin: own };
    if (kind === "access_code") {
      const spec = accessCodeSpec.parse(row.spec);
      return {
        ...base,
        isAllowed: isSound && spec.is_managed && spec.device_id === lock.id,
        startsAt: instantOf(spec.starts_at),
        endsAt: instantOf(spec.ends_at),
        isOneTimeUse: spec.is_one_time_use,
      };
    }
    const spec = acsCredentialSpec.parse(row.spec);
    return {
      ...base,
      isAllowed: isSound && row.record?.context.denied === null && this.#opens(row, lock),
      startsAt: instantOf(spec.starts_at),
      endsAt: instantOf(spec.ends_at),
      isOneTimeUse: spec.is_one_time_use,
    };
  }

  /** Does the credential open an entrance whose keypad this is? */
  #opens(row: ObjectRow, lock: InventoryLock): boolean {
    const { store, inventory } = this.#deps;
    const spec = entitledSpec(store.objects, inventory, acsCredentialSpec.parse(row.spec));
    return inventory.entrances.some(
      ({ id, keypad }) => keypad === lock.unit && spec.allowed_acs_entrance_ids.includes(id),
    );
  }
}

/** A badge is known by its bits: badges of several formats may bear one number. */
function numberOf(
  issued: { readonly cardNumber: string | null; readonly badge?: unknown } | null | undefined,
) {
  return issued?.badge === undefined ? issued?.cardNumber?.toLowerCase() : undefined;
}

const PAGE = 100;

/** With so many of the same digits something is wrong, and two are denied already. */
const OWNERS_MAX = 20;

const instantOf = (text: string | null): number | null => (text === null ? null : Date.parse(text));
