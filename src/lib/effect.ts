/** Could the card or the lock have changed? Only the thrower knows. `none` may be retried, `unknown` never is. */
export type Effect = "none" | "unknown";
