import { SeamError } from "../model.js";
import { route } from "../route.js";
import { healthGet, healthRoot, healthz, readyz } from "../schemas/health.js";

type HealthState = "ok" | "degraded" | "failed";

/** What the health routes ask; they need no key. */
export interface Readiness {
  /** The store is open and recovered, so that work can be accepted. */
  isReady(): boolean;
  /** How each part is; absent where nobody looks at the parts. */
  health?(): readonly { readonly part: string; readonly state: HealthState }[];
}

export const healthRoutes = [
  route(healthRoot, reportHealth),
  route(healthGet, reportHealth),
  route(healthz, () => ({})),
  route(readyz, (readiness: Readiness) => {
    if (!readiness.isReady()) throw new SeamError(503, "not_ready", "The service is starting or stopping.");
    return readiness.health === undefined ? {} : summaryOf(readiness.health());
  }),
];

/** The worst state of each kind of part: whoever asks has no key, and a device's name is the site's own business. */
function summaryOf(found: ReturnType<NonNullable<Readiness["health"]>>) {
  const parts: Record<string, HealthState> = {};
  let health: HealthState = "ok";
  for (const { part, state } of found) {
    const [kind = part] = part.split(" ");
    parts[kind] = worse(parts[kind] ?? "ok", state);
    health = worse(health, state);
  }
  return { health, parts };
}

function worse(a: HealthState, b: HealthState): HealthState {
  if (a === "failed" || b === "failed") return "failed";
  return a === "degraded" ? a : b;
}

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
