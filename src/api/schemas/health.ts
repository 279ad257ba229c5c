import { z } from "zod";
import { answer, endpoint, READ } from "./endpoint.js";

const HEALTH = ["POST", "GET", "HEAD"] as const;
const health = answer({
  service_health_statuses: z.array(
    z.object({ service: z.string(), status: z.enum(["healthy", "down"]), description: z.string() }),
  ),
});

export const healthRoot = endpoint({
  path: "/health",
  methods: HEALTH,
  role: null,
  input: z.object({}),
  output: health,
});

export const healthGet = endpoint({
  path: "/health/get_health",
  methods: HEALTH,
  role: null,
  input: z.object({}),
  output: health,
});

/** The process answers. */
export const healthz = endpoint({
  path: "/healthz",
  methods: HEALTH,
  role: null,
  input: z.object({}),
  output: answer({}),
});

const healthState = z.enum(["ok", "degraded", "failed"]);

/**
 * The process can do its work; 503 while it cannot. An absent device or cloud makes it no less ready: how the parts
 * are is said beside, without a name of the site.
 */
export const readyz = endpoint({
  path: "/readyz",
  methods: HEALTH,
  role: null,
  input: z.object({}),
  output: answer({ health: healthState.optional(), parts: z.record(z.string(), healthState).optional() }),
});

/** The figures, as Prometheus reads them: not JSON. */
export const metricsGet = endpoint({
  path: "/metrics",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: z.string(),
});
