import { SeamError } from "../model.js";
import { route } from "../route.js";
import { healthGet, healthRoot, healthz, readyz } from "../schemas/health.js";

/** What the health routes ask; they need no key. */
export interface Readiness {
  /** The store is open and recovered, so that work can be accepted. */
  isReady(): boolean;
}

export const healthRoutes = [
  route(healthRoot, reportHealth),
  route(healthGet, reportHealth),
  route(healthz, () => ({})),
  route(readyz, (readiness: Readiness) => {
    if (!readiness.isReady()) throw new SeamError(503, "not_ready", "The service is starting or stopping.");
    return {};
  }),
];

function reportHealth(readiness: Readiness) {
  const isReady = readiness.isReady();
  return {
    service_health_statuses: [
      {
        service: "lockbridge",
        status: isReady ? "healthy" : "down",
        description: isReady ? "Accepts work." : "Is starting or stopping.",
      },
    ],
  };
}
