import type { ClockSync, FloorStore } from "#src/ops/time-source";

/** A system that vouches for its clock, or not, as the test says; asked anew, it answers when the test lets it. */
export class MoodySync implements ClockSync {
  isYes: boolean;
  rechecks = 0;

  constructor(isYes = false) {
    this.isYes = isYes;
  }

  isSynchronised(): boolean {
    return this.isYes;
  }

  recheck(): void {
    this.rechecks++;
    this.isYes = false;
  }
}

/** A floor that remembers how often it was written. */
export function floorStore(floor: number | null = null) {
  const written: (number | null)[] = [];
  const store: FloorStore & { readonly written: typeof written } = {
    written,
    read: () => (written.length > 0 ? (written.at(-1) ?? null) : floor),
    write: (value) => void written.push(value),
  };
  return store;
}
