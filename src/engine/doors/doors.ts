import { DriverError, type KeypadInput, type OnGatewayKeypad } from "#driver-api";
import { isOver } from "#src/domain/codes/schedule";
import {
  decide,
  type Decision,
  type DenialReason,
  type Door,
  type DoorMode,
  type Entry,
} from "#src/domain/doors/decide";
import { type Lockout, NO_LOCKOUT } from "#src/domain/doors/lockout";
import type { InventoryLock } from "#src/domain/inventory";
import type { JsonObject } from "#src/lib/json";
import type { KeypadsParts } from "../keypads/keypads.js";
import { objectOf, ownerOf } from "../keypads/owner.js";
import { useUp } from "../keypads/use-up.js";
import type { ObjectRow } from "../ports.js";
import { DoorNews } from "./door-news.js";
import { EndedCodes } from "./ended-codes.js";
import { Holders } from "./holders.js";

/** How one door is opened; by its unit. */
export interface DoorRules {
  readonly mode: DoorMode;
  /** How long it stays open, milliseconds. */
  readonly openMs: number;
}

type DoorsParts = Pick<KeypadsParts, "deps" | "transact" | "localChanges">;

/** What is remembered of a door between two entries. */
interface Memory {
  readonly lockout: Lockout;
  readonly card: { readonly owner: string; readonly at: number } | null;
}

const PLAIN: DoorRules = { mode: "pin", openMs: 5_000 };
/** Whoever stands before a door does not wait longer. */
const ACT_LIMIT_MS = 3_000;
/** More people than this do not enter something at one door before the first is answered. */
const ACTS_MAX = 4;

/** Doors whose keypad or reader only reports: what is entered is decided here, and the door is told. */
export class Doors {
  readonly #parts: DoorsParts;
  readonly #holders: Holders;
  readonly #ended = new EndedCodes();
  readonly #news: DoorNews;
  readonly #memory = new Map<string, Memory>();
  readonly #acting = new Map<string, number>();
  readonly #setAside = new Set<string>();

  constructor(parts: DoorsParts) {
    this.#parts = parts;
    this.#holders = new Holders(parts.deps);
    this.#news = new DoorNews(parts.deps, parts.transact);
  }

  /** Call it every few seconds: what could not be stored is tried again. */
  turn(): void {
    this.#news.flush();
  }

  /** The time of this access code may be over: whoever types it from now on comes late. */
  noteEnd({ id, spec }: ObjectRow): void {
    const { inventory, store, time } = this.#parts.deps;
    const lock = inventory.locks.find((known) => known.id === spec["device_id"]);
    if (lock === undefined || store.keypads.lock(lock.id)?.observed.keypad?.codes !== "on_gateway") return;
    const holder = this.#holders.again(ownerOf("access_code", id), lock);
    if (holder?.isAllowed === true && isOver(holder, time.read().certain)) this.#ended.add(lock.id, holder);
  }

  /** It was opened from afar; the door itself does not say so. */
  noteRemote(lock: InventoryLock): void {
    this.#news.tell(lock, "lock.unlocked", { method: "remote" });
  }

  /** Badges that are held to this unit's reader open nothing until the returned function is called. */
  setAside(unit: string): () => void {
    this.#setAside.add(unit);
    return () => this.#setAside.delete(unit);
  }

  /** Listens to a door; the returned function stops it. */
  listen(lock: InventoryLock, keypad: OnGatewayKeypad): () => void {
    const stops = [
      keypad.onInput((input) => this.#entered(lock, input)),
      keypad.onTamper?.(() => this.#news.tell(lock, "device.tampered", {})),
    ];
    return () => {
      for (const stop of stops) stop?.();
    };
  }

  // ── One entry ────────────────────────────────────────────────────────────────────────────────────────────────

  #entered(lock: InventoryLock, input: KeypadInput): void {
    if (input.type === "card" && this.#setAside.has(lock.unit)) return;
    const acting = this.#acting.get(lock.id) ?? 0;
    if (acting >= ACTS_MAX) return;
    this.#acting.set(lock.id, acting + 1);
    const by = input.type === "keys" ? "keycode" : "card";
    const done = () => this.#acting.set(lock.id, (this.#acting.get(lock.id) ?? 1) - 1);
    const decided = this.#decideSafely(lock, input);
    if (decided === null) done();
    else void this.#answer(lock, by, decided).finally(done);
  }

  /** Whatever is wrong with the store: nobody comes in by it, and the device that reported does not suffer. */
  #decideSafely(lock: InventoryLock, input: KeypadInput): Decision | null {
    try {
      return this.#decide(lock, input);
    } catch (error) {
      this.#parts.deps.log.error(
        { event: "door.undecided", lock: lock.key, err: error },
        "what was entered at a door could not be decided",
      );
      return null;
    }
  }

  /** Decides, and stores what must be on disk before the door opens. */
  #decide(lock: InventoryLock, input: KeypadInput): Decision {
    const { now, quality, certain } = this.#parts.deps.time.read();
    const door = this.#door(lock);
    const entry = this.#entryOf(lock, input);
    const decision = decide(entry, door, { now, ended: quality === "unknown" ? certain : now });
    const { lockout, card } = decision;
    this.#memory.set(lock.id, { lockout, card: card && { owner: card.holder.owner, at: card.at } });
    try {
      if (lockout.failures !== door.lockout.failures) this.#keep(lock, lockout);
    } catch (error) {
      // Counting goes on in memory: who has the right PIN still comes in.
      this.#tellFull(lock, error);
    }
    if (decision.do !== "open" || !decision.usesUp) return decision;
    try {
      useUp(this.#parts, decision.owner);
      return decision;
    } catch (error) {
      this.#tellFull(lock, error);
      return { do: "deny", why: "not_recorded", owner: decision.owner, lockout, card: null };
    }
  }

  #keep(lock: InventoryLock, lockout: Lockout): void {
    const { deps, transact } = this.#parts;
    transact({}, () => deps.store.doors.putLockout(lock.id, lockout.failures === 0 ? null : lockout));
  }

  #tellFull({ key }: InventoryLock, error: unknown): void {
    this.#parts.deps.log.warn(
      { event: "door.not_recorded", lock: key, err: error },
      "what happened at a door could not be stored",
    );
  }

  #entryOf(lock: InventoryLock, input: KeypadInput): Entry {
    if (input.type === "card") return { by: "card", holders: this.#holders.byCard(lock, input.card) };
    const { store, time } = this.#parts.deps;
    const pin = store.keypads.pinOf(input.keys);
    const holders = this.#holders.byPin(lock, input.keys);
    const late = holders.length > 0 ? undefined : this.#ended.find(lock.id, pin, time.read().now);
    return { by: "pin", pin, holders: late === undefined ? holders : [late] };
  }

  #door(lock: InventoryLock): Door {
    const { store } = this.#parts.deps;
    const { mode } = this.#rules(lock);
    const known = this.#memory.get(lock.id);
    const lockout = known?.lockout ?? store.doors.lockout(lock.id) ?? NO_LOCKOUT;
    const card = known?.card ?? null;
    const holder = card === null ? undefined : this.#holders.again(card.owner, lock);
    return { mode, lockout, card: holder === undefined || card === null ? null : { holder, at: card.at } };
  }

  #rules({ unit }: InventoryLock): DoorRules {
    return this.#parts.deps.doors?.get(unit) ?? PLAIN;
  }

  // ── The door ─────────────────────────────────────────────────────────────────────────────────────────────────

  async #answer(lock: InventoryLock, by: "keycode" | "card", decision: Decision): Promise<void> {
    if (decision.do === "ask_pin") return;
    try {
      if (decision.do === "open") {
        await this.#use(lock, (keypad, signal) => keypad.grant(this.#rules(lock).openMs, { signal }));
        this.#news.tell(lock, "lock.unlocked", { method: decision.by, ...this.#whose(lock, decision.owner) });
      } else {
        const { code } = DENIALS[decision.why];
        const message = this.#sentenceOf(decision);
        const reason = { reason_code: code, message };
        const told = this.#use(lock, (keypad, signal) => keypad.deny(message, { signal }));
        this.#news.tell(lock, "lock.access_denied", {
          method: by,
          reason,
          ...this.#whose(lock, decision.owner),
        });
        await told;
      }
    } catch (error) {
      const { code = null, effect = null } = error instanceof DriverError ? error : {};
      this.#parts.deps.log.warn(
        { event: "door.not_told", lock: lock.key, wanted: decision.do, problem: code, effect, err: error },
        "a door could not be told to open or to deny",
      );
    }
  }

  /** Why it stays shut; of a lock-out also for how long. */
  #sentenceOf({ why, lockout }: Extract<Decision, { do: "deny" }>): string {
    const { message } = DENIALS[why];
    if (why !== "too_many_attempts" || lockout.until === null) return message;
    const seconds = Math.ceil((lockout.until - this.#parts.deps.time.read().now) / 1_000);
    return message.replace("a while", `${seconds} s`);
  }

  async #use(
    { unit }: InventoryLock,
    work: (keypad: OnGatewayKeypad, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { clock, devices } = this.#parts.deps;
    const limit = new AbortController();
    const tooLong = new DriverError("device.silent", "unknown", "the door took too long");
    const cancel = clock.startTimer(ACT_LIMIT_MS, () => limit.abort(tooLong));
    try {
      await devices.use(unit, limit.signal, async ({ keypadLock }) => {
        if (keypadLock?.codes !== "on_gateway")
          throw new DriverError("device.wrong", "none", "the unit decides for itself");
        await work(keypadLock, limit.signal);
      });
    } finally {
      cancel();
    }
  }

  /** Whose code or card it was, in Seam's words. */
  #whose({ unit }: InventoryLock, owner: string | null): JsonObject {
    if (owner === null) return {};
    const { kind, id } = objectOf(owner);
    if (kind === "access_code") return { access_code_id: id, access_code_is_managed: true };
    const entrance = this.#parts.deps.inventory.entrances.find(({ keypad }) => keypad === unit);
    const where = entrance && { acs_entrance_id: entrance.id, acs_system_id: entrance.systemId };
    return { acs_credential_id: id, ...where };
  }
}

/** Seam's reason codes, and a sentence for a person. */
const DENIALS: Record<DenialReason, { readonly code: string; readonly message: string }> = {
  unknown: { code: "unknown_code", message: "Nobody has this code or card here." },
  ambiguous: { code: "credential_error", message: "Two have this code or card, so nobody comes in by it." },
  not_allowed: {
    code: "blocklisted_code",
    message: "It was taken away, suspended, or is not for this door.",
  },
  not_yet: { code: "expired_code", message: "Its time has not come yet." },
  expired: { code: "expired_code", message: "Its time is over." },
  wrong_pin: { code: "unknown_code", message: "The code does not belong to the card." },
  too_many_attempts: {
    code: "too_many_attempts",
    message: "Too many wrong codes were entered; the door takes none for a while.",
  },
  card_first: { code: "credential_error", message: "This door wants a card first, then its code." },
  not_taken_here: { code: "credential_error", message: "This door is not opened by this." },
  not_recorded: {
    code: "credential_error",
    message: "It is for one use, and that use cannot be recorded: the disk is full.",
  },
};
