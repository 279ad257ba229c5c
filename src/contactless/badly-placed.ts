import type { Attempt, DriverError } from "#driver-api";

export function badlyPlaced(attempt: Attempt): DriverError {
  return attempt.failure(
    "card.absent",
    "the card cannot be reached where it lies: put it on the middle of the encoder",
  );
}
