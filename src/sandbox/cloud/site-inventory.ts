import { type Inventory, inventorySchema } from "#src/domain/inventory";
import { inventoryEvents } from "#src/domain/seam/inventory-events";
import { uuidV5 } from "#src/lib/uuid";
import { type CloudDatabase, readMeta, writeMeta } from "./database.js";
import type { SeamEvents } from "./seam-events.js";

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
    const events = inventoryEvents(
      readMeta(this.#database, "inventory") === undefined ? null : this.get(),
      next,
    );
    writeMeta(this.#database, "inventory", JSON.stringify(next));
    for (const { type, subject, id } of events) {
      this.#database
        .prepare("INSERT INTO seen (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING")
        .run(id, at);
      this.#events.emit(type, subject, {
        cause: `${cause}:${id}`,
        workspaceId: next.workspaceId,
        connectedAccountId: next.connectedAccountId,
        occurredAt: at,
        createdAt: now,
      });
    }
  }
}
