import type { JournalEvent } from "#src/domain/journal";
import type { ObjectRow, Store } from "#src/engine/ports";

export interface StoreWatch {
  /** Something is about to be written. May throw what the disk says. */
  readonly writing: () => void;
  /** The work of a transaction is done and nothing is on disk yet. */
  readonly beforeCommit: () => void;
  readonly committed: (facts: {
    readonly rows: readonly ObjectRow[];
    readonly events: readonly JournalEvent[];
    readonly ends: readonly (readonly [id: string, status: string])[];
  }) => void;
}

/** The same object with some members replaced; methods keep their own private state. */
export function overriding<T extends object>(target: T, replaced: Partial<T>): T {
  const bound = new Map<PropertyKey, unknown>();
  return new Proxy(target, {
    get(_, name) {
      if (name in replaced) return Reflect.get(replaced, name) as unknown;
      if (bound.has(name)) return bound.get(name);
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const method: unknown = value.bind(target);
      bound.set(name, method);
      return method;
    },
  });
}

/** The real store, and somebody who looks at every transaction from outside. */
export function watchedStore(store: Store, watch: StoreWatch): Store {
  let depth = 0;
  let rows: ObjectRow[] = [];
  let events: JournalEvent[] = [];
  let ends: [string, string][] = [];
  const transaction = <T>(work: () => T): T => {
    if (depth > 0) return store.transaction(work);
    [rows, events, ends] = [[], [], []];
    depth += 1;
    let result: T;
    try {
      result = store.transaction(() => {
        const value = work();
        watch.writing();
        watch.beforeCommit();
        return value;
      });
    } finally {
      depth -= 1;
    }
    watch.committed({ rows, events, ends });
    return result;
  };
  /** Outside of a transaction each write is one by itself. */
  const alone = (): void => {
    if (depth === 0) watch.writing();
  };
  return overriding<Store>(store, {
    transaction,
    meta: overriding(store.meta, {
      set(name, value) {
        alone();
        store.meta.set(name, value);
      },
    }),
    objects: overriding(store.objects, {
      put(row) {
        alone();
        rows.push(row);
        store.objects.put(row);
      },
    }),
    journal: overriding(store.journal, {
      dropSecretsUpTo(seq) {
        alone();
        store.journal.dropSecretsUpTo(seq);
      },
      append(event) {
        alone();
        events.push(event);
        return store.journal.append(event);
      },
    }),
    attempts: overriding(store.attempts, {
      finish(id, outcome, at) {
        const isEnd = store.attempts.finish(id, outcome, at);
        if (isEnd) ends.push([id, outcome.status]);
        return isEnd;
      },
    }),
  });
}
