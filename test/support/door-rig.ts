import type { DoorRules } from "#src/engine/doors/doors";
import { fromHex } from "#src/lib/hex";
import type { JsonObject } from "#src/lib/json";
import { type EngineRigOptions, SITE } from "./engine-rig.js";
import { KEYPAD_INVENTORY, KeypadRig, LOCK } from "./keypad-rig.js";

/** The gate has a keypad of the reference device that only reports. */
export class DoorRig extends KeypadRig {
  /** `systemId`: whose entrance the gate is. */
  constructor(
    mode: DoorRules["mode"] = "pin",
    systemId: string = SITE.system,
    options: Pick<EngineRigOptions, "time"> = {},
  ) {
    const entrances = KEYPAD_INVENTORY.entrances.map((entrance) =>
      entrance.id === LOCK.doorEntrance ? { ...entrance, systemId } : entrance,
    );
    super({
      ...options,
      doors: new Map([["bench/door-1", { mode, openMs: 4_000 }]]),
      inventory: { ...KEYPAD_INVENTORY, entrances },
    });
  }

  /** A code for the gate. */
  code(id: string, pin: string, changes: JsonObject = {}): void {
    this.feedCode(id, pin, { device_id: LOCK.door, ...changes });
  }

  /** A card credential for the gate, with a PIN of its own. */
  feedCardWithPin(id: string, pin: string, changes: JsonObject = {}): void {
    this.feedPin(id, pin, {
      access_method: "card",
      allowed_acs_entrance_ids: [LOCK.doorEntrance],
      ...changes,
    });
  }

  async type(keys: string): Promise<this> {
    this.simulator.pressKeys("door-1", keys);
    await this.clock.advance(500);
    return this;
  }

  async hold(hex: string, bitCount: number): Promise<void> {
    this.simulator.holdCard("door-1", fromHex(hex), bitCount);
    await this.clock.advance(500);
  }

  get opened(): number | null {
    const ms = this.simulator.lastGrantMs;
    this.simulator.lastGrantMs = null;
    return ms;
  }

  /** The last event of the gate, without what every event has. */
  get last(): object | undefined {
    const [event] = this.store.events.list({ where: { device_id: LOCK.door }, limit: 1, newestFirst: true });
    return event;
  }

  get denial(): string | undefined {
    return (this.last as { reason?: { reason_code: string } } | undefined)?.reason?.reason_code;
  }

  /** How often the gate was reported to have opened or not. */
  told(type: string): number {
    const all = this.store.events.list({ where: { device_id: LOCK.door }, limit: 2_000 });
    return all.filter(({ event_type }) => event_type === type).length;
  }
}
