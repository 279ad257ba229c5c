/** One thing that is wrong in a configuration file, for the person who edits it. */
export interface Problem {
  /** Keys from the top of the file, e.g. `entrances.room-101.system`; empty for the file as a whole. */
  readonly path: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong; never holds a secret. */
  readonly message: string;
  /** What to do about it, when that can be guessed. */
  readonly suggestion?: string;
}

export type Path = readonly PropertyKey[];

/** A problem before its place in the file is looked up. `at` says which end of the pair to point at. */
export interface Finding {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly message: string;
  readonly suggestion?: string | undefined;
}

export function textOf(path: Path): string {
  return path.map(String).join(".");
}
