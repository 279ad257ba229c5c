import { DriverError, type KeypadInput, type OnGatewayKeypad } from "#driver-api";
import {
  decide,
  type Decision,
  type DoorCode,
  type DoorState,
  doorStateSchema,
  FRESH_DOOR,
} from "#src/domain/codes/decide";
import { type KeyEntry, pressed } from "#src/domain/codes/key-entry";
import type { InventoryLock } from "#src/domain/inventory";
import { accessCodeSpec, acsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { EngineDeps } from "../engine-deps.js";
import type { KeypadsParts } from "./keypads.js";
import { happened } from "./lock-facts.js";
import { objectOf, ownerOf } from "./owner.js";

/** How long a door stays open, milliseconds. */
const GRANT_MS = 5_000;
const CALL_LIMIT_MS = 5_000;

/**
 * Doors whose keypad only reports: the gateway has the codes, and decides at once and without the cloud. What must not
 * be forgotten (a code that opens once, wrong PINs) is on disk before the door opens; everything else is written after,
 * so that a full disk keeps nobody out.
 */
export class Doors {
  readonly #parts: Pick<KeypadsParts, "deps" | "transact" | "localChanges">;
  readonly #entries = new Map<string, KeyEntry>();

  constructor(parts: Pick<KeypadsParts, "deps" | "transact" | "localChanges">) {
    this.#parts = parts;
  }

  /** Listens to the keypad; the returned function stops it. */
  listen(lock: InventoryLock, keypad: OnGatewayKeypad): () => void {
    return keypad.onInput((input) => {
      void this.#heard(lock, input).catch((error: unknown) => {
        this.#parts.deps.log.error({ event: "door.failed", lock: lock.key, err: error }, "an entry was lost");
      });
    });
  }

  async #heard(lock: InventoryLock, input: KeypadInput): Promise<void> {
    // Which card is whose is told by the formats of the card readers; nothing here knows them, so it is denied.
    const pin = input.type === "keys" ? this.#pinOf(lock, input.keys) : null;
    if (input.type === "keys" && pin === null) return;
    const decision = pin === null ? UNKNOWN : this.#decide(lock, pin);
    const kept = decision.grant && decision.usedUp && !this.#useUp(decision.owner) ? UNKNOWN : decision;
    await this.#answer(lock, kept);
    this.#tell(lock, kept);
  }

  #pinOf(lock: InventoryLock, keys: Secret<string>): Secret<string> | null {
    const { clock } = this.#parts.deps;
    const { entry, pin } = pressed(this.#entries.get(lock.id) ?? null, keys, clock.monotonic());
    if (entry === null) this.#entries.delete(lock.id);
    else this.#entries.set(lock.id, entry);
    return pin;
  }

  #decide(lock: InventoryLock, pin: Secret<string>): Decision {
    const { deps } = this.#parts;
    const { now, certain } = deps.time.read();
    const before = this.#stateOf(lock);
    const { decision, state } = decide(codesWith(deps, lock.id, pin), before, { now, certain });
    if (state !== before && JSON.stringify(state) !== JSON.stringify(before)) this.#keep(lock, state);
    return decision;
  }

  #stateOf(lock: InventoryLock): DoorState {
    const stored = this.#parts.deps.store.meta.get(stateKey(lock));
    return doorStateSchema.safeParse(stored).data ?? FRESH_DOOR;
  }

  /** Wrong PINs count across restarts. While the disk is full they cannot, and who has a right one still comes in. */
  #keep(lock: InventoryLock, state: DoorState): void {
    const { deps } = this.#parts;
    try {
      deps.store.meta.set(stateKey(lock), { misses: [...state.misses], closedUntil: state.closedUntil });
    } catch (error) {
      deps.log.error(
        { event: "door.not_counted", lock: lock.key, err: error },
        "a wrong PIN was not counted",
      );
    }
  }

  /** false: it could not be written down that the code is used up, so the door stays shut. */
  #useUp(owner: string): boolean {
    const { deps } = this.#parts;
    try {
      useUp(this.#parts, owner);
      return true;
    } catch (error) {
      deps.log.error(
        { event: "door.not_used_up", err: error },
        "a code that opens once could not be used up",
      );
      return false;
    }
  }

  async #answer(lock: InventoryLock, decision: Decision): Promise<void> {
    const { devices, clock, log } = this.#parts.deps;
    const control = new AbortController();
    const tooLong = new DriverError("device.silent", "unknown", "the door took too long");
    const stopTimer = clock.startTimer(CALL_LIMIT_MS, () => control.abort(tooLong));
    const { signal } = control;
    try {
      await devices.use(lock.unit, signal, async ({ keypadLock }) => {
        if (keypadLock?.codes !== "on_gateway") return;
        if (decision.grant) await keypadLock.grant(GRANT_MS, { signal });
        else await keypadLock.deny(SENTENCES[decision.reason], { signal });
      });
    } catch (error) {
      log.warn({ event: "door.unanswered", lock: lock.key, err: error }, "a door did not do as it was told");
    } finally {
      stopTimer();
    }
  }

  #tell(lock: InventoryLock, decision: Decision): void {
    const { deps, transact } = this.#parts;
    const whose = decision.owner === null ? {} : codeFacts(deps, lock, decision.owner);
    transact({}, (tx) => {
      if (decision.grant) happened(tx, lock, "lock.unlocked", { method: "keycode", ...whose });
      else {
        const { reason } = decision;
        const told = { reason_code: reason, message: SENTENCES[reason] };
        happened(tx, lock, "lock.access_denied", { reason: told, ...whose });
      }
    });
  }
}

const UNKNOWN: Decision = { grant: false, reason: "unknown_code", owner: null };

const SENTENCES = {
  unknown_code: "Nobody has this code.",
  expired_code: "The code is not valid now.",
  too_many_attempts: "Too many wrong codes: try again in five minutes.",
} as const;

function stateKey({ id }: InventoryLock): string {
  return `door_state:${id}`;
}

/** What is kept for the door under this PIN, with its exact dates. */
function codesWith({ store }: EngineDeps, lockId: string, code: Secret<string>): readonly DoorCode[] {
  const pin = store.keypads.pinOf(code);
  return store.keypads.wishes(lockId).flatMap((wish): DoorCode[] => {
    if (wish.pin !== pin) return [];
    const spec = store.objects.get(wish.kind, wish.id)?.spec;
    const parsed =
      wish.kind === "acs_credential"
        ? acsCredentialSpec.safeParse(spec).data
        : accessCodeSpec.safeParse(spec).data;
    if (parsed === undefined) return [];
    return [
      {
        owner: ownerOf(wish.kind, wish.id),
        startsAt: parsed.starts_at === null ? null : Date.parse(parsed.starts_at),
        endsAt: parsed.ends_at === null ? null : Date.parse(parsed.ends_at),
        isOneTimeUse: parsed.is_one_time_use,
      },
    ];
  });
}

/** A code that opens once is taken away everywhere, as if somebody at the site had done it. */
export function useUp(
  { deps, localChanges }: Pick<KeypadsParts, "deps" | "localChanges">,
  owner: string,
): void {
  const { kind, id } = objectOf(owner);
  const row = deps.store.objects.get(kind, id);
  if (row === undefined || row.gone) return;
  const state = kind === "acs_credential" ? "revoked" : "deleted";
  const document = { kind, id, spec: { ...row.spec, state }, code: row.code };
  localChanges([document], { opBy: "lock" }, "used up a code that opens once");
}

/** Whose code it was, in Seam's words. */
function codeFacts({ inventory }: EngineDeps, lock: InventoryLock, owner: string): JsonObject {
  const { kind, id } = objectOf(owner);
  if (kind === "access_code") return { access_code_id: id, access_code_is_managed: true };
  const entrance = inventory.entrances.find(({ keypad }) => keypad === lock.unit);
  return {
    acs_credential_id: id,
    ...(entrance === undefined ? {} : { acs_entrance_id: entrance.id, acs_system_id: entrance.systemId }),
  };
}
