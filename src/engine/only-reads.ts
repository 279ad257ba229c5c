import type { Unit } from "#driver-api";

/** A reader that names badges and makes no cards. Whoever waits at it holds up nobody else on its line. */
export function onlyReads({ cardReader, cardWriter, stripeWriter, keyIssuer }: Unit): boolean {
  return (
    cardReader !== undefined &&
    cardWriter === undefined &&
    stripeWriter === undefined &&
    keyIssuer === undefined
  );
}
