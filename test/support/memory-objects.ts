import { randomBytes, randomUUID } from "node:crypto";
import type { ObjectQuery, SiteDocument, SiteObject, SiteObjects } from "#src/api/sections/site-objects";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import type { ObjectKind } from "#src/domain/spec";

/** Desired documents in a map, for tests of the route layer. */
export interface MemoryObjects extends SiteObjects {
  /** Called with every document that came and with what was there before. */
  onChange: (document: SiteDocument, before: SiteObject | undefined) => void;
  /** What is told of a credential. */
  observe(id: string, observed: Observed): void;
}

export function memoryObjects(now: () => number, inventory: Inventory): MemoryObjects {
  const createdAt = now();
  const kept = new Map<string, SiteObject>();
  const keyOf = (kind: ObjectKind, id: string) => `${kind} ${id}`;
  const memory: MemoryObjects = {
    onChange: () => undefined,
    inventory: () => inventory,
    isSandbox: true,
    now,
    certain: now,
    random: (size) => new Uint8Array(randomBytes(size)),
    newId: () => randomUUID(),
    seenAt: () => createdAt,
    get: (kind, id) => kept.get(keyOf(kind, id)),
    list: (kind, query) =>
      [...kept.values()]
        .filter((object) => object.kind === kind && fits(object, query))
        .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
        .slice(0, query.limit),
    change(documents) {
      for (const document of documents) {
        const key = keyOf(document.kind, document.id);
        const before = kept.get(key);
        if (document.spec["state"] === "deleted") kept.delete(key);
        else {
          const at = Date.parse(document.spec["created_at"] as string);
          const unknown = { createdAt: at, observed: null, observedCode: null, problem: null };
          const code = document.code ?? before?.code ?? null;
          kept.set(key, { ...unknown, ...before, ...document, code });
        }
        memory.onChange(document, before);
      }
    },
    observe(id, observed) {
      const key = keyOf("acs_credential", id);
      const object = kept.get(key);
      if (object !== undefined) kept.set(key, { ...object, observed });
    },
  };
  return memory;
}

function fits({ id, createdAt, spec, code }: SiteObject, query: ObjectQuery): boolean {
  const { systemId, userId, createdBefore, search, holds, after } = query;
  const held = holds === undefined ? [] : spec[holds.list];
  return (
    (systemId === undefined || (spec["acs_system_id"] ?? spec["device_id"]) === systemId) &&
    (query.isManaged === undefined || (spec["is_managed"] !== false) === query.isManaged) &&
    (userId === undefined || spec["acs_user_id"] === userId) &&
    (createdBefore === undefined || createdAt < createdBefore) &&
    (holds === undefined || (Array.isArray(held) && held.includes(holds.member))) &&
    (after === undefined ||
      createdAt > after.createdAt ||
      (createdAt === after.createdAt && id > after.id)) &&
    ((search === undefined && query.code === undefined) ||
      (query.code !== undefined && code?.reveal() === query.code.reveal()) ||
      [id, spec["full_name"], spec["name"]].some(
        (text) => typeof text === "string" && text.toLowerCase().includes((search ?? " ").toLowerCase()),
      ))
  );
}
