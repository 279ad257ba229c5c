/** Seam's way to write an instant: ISO 8601 in UTC with milliseconds. */
export function isoInstant(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** An instant as a document carries it (any offset), rewritten in UTC. */
export function utcInstant(iso: string): string {
  return isoInstant(Date.parse(iso));
}
