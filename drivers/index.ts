import type { Driver } from "#driver-api";

/** Every driver there is, loaded only when it is configured. `npm run new-driver NAME` adds a line. */
export const drivers = {
  reference: () => import("./reference/index.js"),
} as const satisfies Record<string, () => Promise<{ readonly default: Driver }>>;
