import type { Dice } from "#test/support/card-world";
import type { Syscall } from "./syscalls.js";

/** What happened to one file, as far as a disk is concerned; and what the program promised in between. */
export type DiskEvent =
  | { readonly is: "write"; readonly file: string; readonly offset: number; readonly data: Buffer }
  | { readonly is: "truncate"; readonly file: string; readonly length: number }
  | { readonly is: "sync"; readonly file: string }
  /** The folder: from here on the files in it are found by their names. */
  | { readonly is: "syncNames" }
  | { readonly is: "promise"; readonly count: number };

/** Content of each file; null: it is not there. */
export type Image = ReadonlyMap<string, Buffer | null>;

/** What became of one sector of a write that was not synced. */
export type Fate = "kept" | "dropped" | "zeroed" | "garbled";

/** Chooses for the sector number `index` of `count` that were not synced, oldest first. */
export type Fates = (index: number, count: number) => Fate;

export interface Instant {
  /** Promised so far. */
  readonly promised: number;
  image(fates: Fates, dice: Dice): Image;
}

const SECTOR = 512;

/** Reads from a trace what was done to the files in `folder`, and each `wrote <n>` that went to stdout. */
export function diskEvents(calls: readonly Syscall[], folder: string): readonly DiskEvent[] {
  return calls.flatMap((call): readonly DiskEvent[] => {
    const { name, path, data, numbers, descriptor, result } = call;
    if (name.endsWith("sync") && result !== 0) return [];
    const promise = descriptor === 1 ? /^wrote (\d+)\n$/.exec(data.toString("latin1"))?.[1] : undefined;
    if (promise !== undefined) return [{ is: "promise", count: Number(promise) }];
    if (path === folder && name.endsWith("sync")) return [{ is: "syncNames" }];
    if (!path.startsWith(`${folder}/`)) return [];
    const file = path.slice(folder.length + 1);
    switch (name) {
      case "pwrite64":
        return [{ is: "write", file, offset: numbers[1] ?? 0, data: data.subarray(0, numbers[0]) }];
      case "ftruncate":
        return [{ is: "truncate", file, length: numbers[0] ?? 0 }];
      case "fsync":
      case "fdatasync":
        return [{ is: "sync", file }];
      default:
        return [];
    }
  });
}

/**
 * A disk that keeps what was synced and may do anything with the rest. Only bytes that were written can be damaged,
 * sector by sector: SQLite relies on that ("powersafe overwrite"), and today's disks hold it.
 */
export class Disk {
  readonly #files = new Map<string, DiskFile>();
  #promised = 0;

  constructor(existing: ReadonlyMap<string, Buffer>) {
    for (const [file, content] of existing) this.#files.set(file, new DiskFile(content, true));
  }

  /**
   * Plays what happened. Yields the instant before each sync begins, where most is unsynced, and the one at the end.
   */
  *play(events: readonly DiskEvent[]): Generator<Instant> {
    for (const event of events) {
      switch (event.is) {
        case "promise":
          this.#promised = event.count;
          break;
        case "syncNames":
          for (const file of this.#files.values()) file.isNamed = true;
          break;
        case "sync":
          yield this.#instant();
          this.#file(event.file).sync();
          break;
        case "write":
        case "truncate":
          this.#file(event.file).unsynced.push(event);
          break;
      }
    }
    yield this.#instant();
  }

  #instant(): Instant {
    return {
      promised: this.#promised,
      image: (fates, dice) => {
        const count = [...this.#files.values()].reduce((sum, file) => sum + file.sectorsUnsynced(), 0);
        let index = 0;
        const next = (): Fate => fates(index++, count);
        return new Map([...this.#files].map(([name, file]) => [name, file.image(next, dice)]));
      },
    };
  }

  #file(name: string): DiskFile {
    const known = this.#files.get(name) ?? new DiskFile(Buffer.alloc(0), false);
    this.#files.set(name, known);
    return known;
  }
}

type Unsynced = Extract<DiskEvent, { readonly is: "write" | "truncate" }>;

class DiskFile {
  #synced: Buffer;
  /** In the order in which they happened. */
  unsynced: Unsynced[] = [];
  /** Would it be found by its name? */
  isNamed: boolean;

  constructor(content: Buffer, isNamed: boolean) {
    this.#synced = content;
    this.isNamed = isNamed;
  }

  sync(): void {
    this.#synced = this.#after(
      () => "kept",
      () => 0,
    );
    this.unsynced = [];
  }

  /** The name of the file counts as one more. */
  sectorsUnsynced(): number {
    const sectors = this.unsynced.reduce((sum, change) => sum + sectorsOf(change).length, 0);
    return this.isNamed ? sectors : sectors + 1;
  }

  /** null when the file is lost because its name is. */
  image(next: () => Fate, dice: Dice): Buffer | null {
    const isFound = this.isNamed || next() === "kept";
    const content = this.#after(next, dice);
    return isFound ? content : null;
  }

  #after(next: () => Fate, dice: Dice): Buffer {
    const changes = this.unsynced.map((change) => ({ change, fates: sectorsOf(change).map(() => next()) }));
    const ends = this.unsynced.map((change) =>
      change.is === "write" ? change.offset + change.data.length : 0,
    );
    const content = Buffer.alloc(Math.max(this.#synced.length, ...ends));
    this.#synced.copy(content);
    let size = this.#synced.length;
    for (const { change, fates } of changes) {
      if (change.is === "truncate") {
        if (fates[0] !== "kept") continue;
        content.fill(0, change.length);
        size = change.length;
        continue;
      }
      for (const [index, [from, to]] of sectorsOf(change).entries()) {
        const fate = fates[index];
        if (fate === "dropped") continue;
        const target = content.subarray(from, to);
        if (fate === "kept") change.data.copy(target, 0, from - change.offset);
        else target.forEach((_, at) => (target[at] = fate === "zeroed" ? 0 : dice(256)));
        size = Math.max(size, to);
      }
    }
    return content.subarray(0, size);
  }
}

/** The parts of a write that lie in one sector each, as places in the file. A truncation is one. */
function sectorsOf(change: Unsynced): readonly (readonly [number, number])[] {
  if (change.is === "truncate") return [[0, 0]];
  const end = change.offset + change.data.length;
  const sectors: (readonly [number, number])[] = [];
  for (let from = change.offset; from < end;) {
    const to = Math.min(end, (Math.floor(from / SECTOR) + 1) * SECTOR);
    sectors.push([from, to]);
    from = to;
  }
  return sectors;
}
