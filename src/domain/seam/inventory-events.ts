import type { Inventory } from "#src/domain/inventory";
import type { EventSubject, SeamEventType } from "./event.js";

/** Something of the configuration came or went. */
export interface InventoryEvent {
  readonly type: SeamEventType;
  readonly subject: EventSubject;
  readonly id: string;
}

/** What of two configurations apps are told: Seam has no event for a system that went. null: there was none before. */
export function inventoryEvents(
  before: Partial<Inventory> | null,
  after: Inventory,
): readonly InventoryEvent[] {
  const [was, is] = [thingsOf(before ?? {}), thingsOf(after)];
  const isIn = (things: readonly Thing[], { id }: Thing) => things.some((thing) => thing.id === id);
  return [
    ...is
      .filter((thing) => !isIn(was, thing))
      .map(({ added, subject, id }) => ({ type: added, subject, id })),
    ...was.flatMap((thing) => {
      const { removed: type, subject, id } = thing;
      return type === null || isIn(is, thing) ? [] : [{ type, subject, id }];
    }),
  ];
}

interface Thing {
  readonly id: string;
  readonly subject: EventSubject;
  readonly added: SeamEventType;
  readonly removed: SeamEventType | null;
}

/** A store of an earlier release knows of no locks. */
function thingsOf({
  systems = [],
  entrances = [],
  encoders = [],
  locks = [],
}: Partial<Inventory>): readonly Thing[] {
  return [
    ...systems.map(({ id }) => ({
      id,
      subject: { acs_system_id: id },
      added: "acs_system.added" as const,
      removed: null,
    })),
    ...entrances.map(({ id, systemId }) => ({
      id,
      subject: { acs_system_id: systemId, acs_entrance_id: id },
      added: "acs_entrance.added" as const,
      removed: "acs_entrance.removed" as const,
    })),
    ...encoders.map(({ id, systemId }) => ({
      id,
      subject: { acs_system_id: systemId, acs_encoder_id: id },
      added: "acs_encoder.added" as const,
      removed: "acs_encoder.removed" as const,
    })),
    ...locks.map(({ id }) => ({
      id,
      subject: { device_id: id },
      added: "device.added" as const,
      removed: "device.removed" as const,
    })),
  ];
}
