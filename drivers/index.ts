import type { Driver } from "#driver-api";

/** Every driver there is, loaded only when it is configured. `npm run new-driver NAME` adds a line. */
export const drivers = {
  msr605: () => import("./msr605/index.js"),
  msr605x: () => import("./msr605x/index.js"),
  osdp: () => import("./osdp/index.js"),
  pcprox: () => import("./pcprox/index.js"),
  pcsc: () => import("./pcsc/index.js"),
  pn532: () => import("./pn532/index.js"),
  reference: () => import("./reference/index.js"),
  rrhfoem04: () => import("./rrhfoem04/index.js"),
  twn4: () => import("./twn4/index.js"),
  ufr: () => import("./ufr/index.js"),
  zwave: () => import("./zwave/index.js"),
} as const satisfies Record<string, () => Promise<{ readonly default: Driver }>>;
