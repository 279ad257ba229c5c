import type { Retention } from "#src/engine/ports";

/** Keeps everything: for tests that are about something else. */
export const KEEP_ALL: Retention = {
  eventsMs: Infinity,
  eventsMax: 1_000_000,
  attemptsMs: Infinity,
  auditMs: Infinity,
  auditMax: 1_000_000,
  tombstonesMs: Infinity,
};
