import type { Clock } from "#src/lib/deadline";

export interface SharedCommitParts {
  /** Runs `work` with one commit for all of its transactions; on return they are on disk, and when it throws, none is. */
  readonly group: (work: () => void) => void;
  /** Calls `run` when what has come in so far has been read. */
  readonly soon: (run: () => void) => void;
  readonly clock: Pick<Clock, "monotonic">;
}

interface Member {
  /** Does the work and keeps what came of it. */
  run(): void;
  /** Tells what came of it. */
  tell(): void;
  reject(error: unknown): void;
}

/** So long a group may grow, milliseconds: then what it has is committed, and the rest makes the next one. */
const GROUP_MS = 8;

/**
 * Changes of several callers with one wait for the disk: what comes in within one turn of the event loop is done as one
 * group. Each is told its outcome only when it is on disk, and fails alone.
 */
export class SharedCommit {
  readonly #parts: SharedCommitParts;
  readonly #members: Member[] = [];

  constructor(parts: SharedCommitParts) {
    this.#parts = parts;
  }

  /** Settles as `work` did, once what it changed is on disk. `work` must not be async. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let tell: (() => void) | undefined;
      this.#add({
        run() {
          try {
            const result = work();
            tell = () => resolve(result);
          } catch (error) {
            const failure = error instanceof Error ? error : new Error("the change failed", { cause: error });
            tell = () => reject(failure);
          }
        },
        tell: () => tell?.(),
        reject,
      });
    });
  }

  #add(member: Member): void {
    if (this.#members.length === 0) this.#parts.soon(() => this.#commit());
    this.#members.push(member);
  }

  #commit(): void {
    const done: Member[] = [];
    try {
      this.#parts.group(() => this.#runSome(done));
    } catch (error) {
      // The group was undone: whatever its members believe to have done is not so.
      for (const member of done) member.reject(error);
    }
    if (this.#members.length > 0) this.#parts.soon(() => this.#commit());
    for (const member of done) member.tell();
  }

  #runSome(done: Member[]): void {
    const endsAt = this.#parts.clock.monotonic() + GROUP_MS;
    while (done.length === 0 || this.#parts.clock.monotonic() < endsAt) {
      const member = this.#members.shift();
      if (member === undefined) return;
      done.push(member);
      member.run();
    }
  }
}
