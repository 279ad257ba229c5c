import type { Inventory } from "#src/domain/inventory";
import { isoInstant } from "#src/domain/seam/instant";
import type { ObservedCode } from "#src/domain/observed-code";
import type { Slot } from "#src/domain/codes/slot";
import type { SeamEvent } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { EngineRig, type EngineRigOptions, INVENTORY, SITE } from "./engine-rig.js";

/** Locks of the simulated device: one shows its PINs, one masks them, one leaves the decision to the gateway. */
export const LOCK = {
  plain: "eeeeeeee-0000-4000-8000-000000000001",
  masked: "eeeeeeee-0000-4000-8000-000000000002",
  door: "eeeeeeee-0000-4000-8000-000000000003",
  plainEntrance: "bbbbbbbb-0000-4000-8000-0000000000e1",
  maskedEntrance: "bbbbbbbb-0000-4000-8000-0000000000e2",
  doorEntrance: "bbbbbbbb-0000-4000-8000-0000000000e3",
} as const;

const entrance = (id: string, key: string, unit: string) => ({
  id,
  key,
  name: key,
  systemId: SITE.system,
  door: null,
  zone: null,
  keypad: unit,
});

export const KEYPAD_INVENTORY: Inventory = {
  ...INVENTORY,
  entrances: [
    ...INVENTORY.entrances,
    entrance(LOCK.plainEntrance, "back-door", "bench/lock-1"),
    entrance(LOCK.maskedEntrance, "cellar", "bench/lock-2"),
    entrance(LOCK.doorEntrance, "gate", "bench/door-1"),
  ],
  locks: [
    { id: LOCK.plain, key: "back", name: "Back door", unit: "bench/lock-1", backupCodes: 3 },
    { id: LOCK.masked, key: "cellar", name: "Cellar", unit: "bench/lock-2", backupCodes: 0 },
    { id: LOCK.door, key: "gate", name: "Gate", unit: "bench/door-1", backupCodes: 0 },
  ],
};

/** Long enough for a whole lock to be read and written. */
const SETTLED_MS = 20_000;

/** The engine's rig with keypad locks. Orders that reach a lock are counted by the simulator (`changes`). */
export class KeypadRig extends EngineRig {
  #codeRev = 1_000;

  constructor(options: EngineRigOptions = {}) {
    super({ inventory: KEYPAD_INVENTORY, ...options });
  }

  /** Device open, every slot read. */
  override async ready(): Promise<this> {
    await super.ready();
    await this.settle();
    return this;
  }

  async settle(ms = SETTLED_MS): Promise<void> {
    await this.clock.advance(ms);
    this.engine.keypads.turn();
    this.engine.wake();
    await this.clock.advance(2_000);
  }

  unplug(): void {
    this.isPlugged = false;
    for (const line of this.lines) line.unplug();
  }

  async plug(): Promise<void> {
    this.isPlugged = true;
    await this.settle(60_000);
  }

  /** An access code comes down the feed. */
  feedCode(id: string, pin: string | null, changes: JsonObject = {}): void {
    this.#codeRev++;
    const spec = {
      access_code_id: id,
      device_id: LOCK.plain,
      name: "Guest",
      has_code: true,
      state: "active",
      created_at: isoInstant(this.clock.now()),
      ...changes,
    };
    const cursor = { epoch: { n: 1, id: "e" }, rev: this.#codeRev };
    const code = pin === null ? null : new Secret(pin);
    this.engine.storePage(
      [{ kind: "access_code", id, epoch: 1, rev: this.#codeRev, spec, code }],
      [],
      cursor,
      Number.MAX_SAFE_INTEGER,
    );
  }

  /** A PIN credential of the access system comes down the feed. */
  feedPin(id: string, pin: string, changes: JsonObject = {}): void {
    this.#codeRev++;
    const spec = {
      acs_credential_id: id,
      acs_system_id: SITE.system,
      acs_user_id: null,
      access_method: "code",
      allowed_acs_entrance_ids: [LOCK.plainEntrance, LOCK.maskedEntrance],
      starts_at: null,
      ends_at: null,
      is_one_time_use: false,
      has_code: true,
      state: "active",
      created_at: isoInstant(this.clock.now()),
      ...changes,
    };
    const cursor = { epoch: { n: 1, id: "e" }, rev: this.#codeRev };
    this.engine.storePage(
      [{ kind: "acs_credential", id, epoch: 1, rev: this.#codeRev, spec, code: new Secret(pin) }],
      [],
      cursor,
      Number.MAX_SAFE_INTEGER,
    );
  }

  observed(id: string): ObservedCode | undefined {
    return this.store.keypads.life(id)?.observed;
  }

  status(id: string): string | undefined {
    return this.observed(id)?.status;
  }

  slots(lockId: string = LOCK.plain): readonly Slot[] {
    return this.store.keypads.slots(lockId).map(({ slot }) => slot);
  }

  /** PINs that the lock really holds, by slot. */
  held(unit: string): Readonly<Record<number, string>> {
    return this.simulator.codesOf(unit);
  }

  eventsOf(accessCodeId: string): string[] {
    return this.store.events
      .list({ where: { access_code_id: accessCodeId }, limit: 1_000 })
      .map(({ event_type }: SeamEvent) => event_type.replace("access_code.", ""));
  }
}
