/** A frame of a stack, as V8 words it, and nothing that looks like one. */
const FRAME = /^\s{4}at (?:[\w$.<># [\]]+ \()?(?:file:\/\/|node:)?[\w/@.+-]+:\d+:\d+\)?$/;
const FRAMES_MAX = 8;

/** The name of an error and where it came from, without its text, which may hold anything. */
export function placesOf(error: unknown): readonly [string, readonly string[]] {
  if (!(error instanceof Error)) return [typeof error, []];
  const frames = (error.stack ?? "").split("\n").filter((line) => FRAME.test(line));
  return [error.name, frames.slice(0, FRAMES_MAX).map((frame) => frame.trim())];
}
