import { z } from "zod";
import { answer, endpoint } from "./endpoint.js";

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

/** The process can do its work; 503 while it cannot. */
export const readyz = endpoint({
  path: "/readyz",
  methods: HEALTH,
  role: null,
  input: z.object({}),
  output: answer({}),
});
