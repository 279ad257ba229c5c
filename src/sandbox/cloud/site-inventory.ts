import { type Inventory, inventorySchema } from "#src/domain/inventory";
import type { SeamEventType } from "#src/domain/seam/event";
import { uuidV5 } from "#src/lib/uuid";
import { type CloudDatabase, readMeta, writeMeta } from "./database.js";
import type { SeamEvents } from "./seam-events.js";

type Kind = "system" | "entrance" | "encoder" | "lock";

/** What the gateway said the site has: all that the cloud knows of the hardware. */
export class SiteInventory {
  readonly #database: CloudDatabase;
  readonly #siteId: string;
  readonly #events: SeamEvents;

  constructor(database: CloudDatabase, siteId: string, events: SeamEvents) {
    this.#database = database;
    this.#siteId = siteId;
    this.#events = events;
  }

  /** Before a gateway has spoken: a site with nothing in it. */
  get(): Inventory {
    const stored = readMeta(this.#database, "inventory");
    if (stored !== undefined) return inventorySchema.parse(JSON.parse(stored));
    return {
      workspaceId: uuidV5(this.#siteId, "workspace"),
      connectedAccountId: uuidV5(this.#siteId, "connected_account"),
      siteName: "",
      timeZone: "UTC",
      systems: [],
      entrances: [],
      encoders: [],
      locks: [],
    };
  }

  createdAt(id: string): number {
    const row = this.#database.prepare<[string], { at: number }>("SELECT at FROM seen WHERE id = ?").get(id);
    return row?.at ?? 0;
  }

  /** Takes over a new list and tells what came and went. `cause` names the journal event. */
  replace(
    next: Inventory,
    { cause, at, now }: { readonly cause: string; readonly at: number; readonly now: number },
  ): void {
    const before = new Map(thingsOf(this.get()).map((thing) => [thing.id, thing]));
    const after = new Map(thingsOf(next).map((thing) => [thing.id, thing]));
    writeMeta(this.#database, "inventory", JSON.stringify(next));
    const emit = (thing: Thing, what: "added" | "removed") => {
      const type = eventTypeOf(thing.kind, what);
      if (type === null) return;
      this.#events.emit(type, subjectOf(thing), {
        cause: `${cause}:${thing.id}`,
        workspaceId: next.workspaceId,
        connectedAccountId: next.connectedAccountId,
        occurredAt: at,
        createdAt: now,
      });
    };
    for (const [id, thing] of after) {
      if (before.has(id)) continue;
      this.#database
        .prepare("INSERT INTO seen (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
        .run(id, at);
      emit(thing, "added");
    }
    for (const [id, thing] of before) if (!after.has(id)) emit(thing, "removed");
  }
}

interface Thing {
  readonly kind: Kind;
  readonly id: string;
  readonly systemId: string;
}

function thingsOf({ systems, entrances, encoders, locks }: Inventory): readonly Thing[] {
  return [
    ...systems.map(({ id }) => ({ kind: "system" as const, id, systemId: id })),
    ...entrances.map(({ id, systemId }) => ({ kind: "entrance" as const, id, systemId })),
    ...encoders.map(({ id, systemId }) => ({ kind: "encoder" as const, id, systemId })),
    ...locks.map(({ id }) => ({ kind: "lock" as const, id, systemId: "" })),
  ];
}

function subjectOf({ kind, id, systemId }: Thing) {
  return kind === "system" ? { acs_system_id: id } : { acs_system_id: systemId, [`acs_${kind}_id`]: id };
}

/** Seam has no event for a system that went; of locks the gateway tells when they come and go. */
function eventTypeOf(kind: Kind, what: "added" | "removed"): SeamEventType | null {
  if (kind === "lock") return null;
  if (what === "added") return `acs_${kind}.added`;
  return kind === "system" ? null : `acs_${kind}.removed`;
}
