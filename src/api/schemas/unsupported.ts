import { z } from "zod";
import { answer, endpoint, type Method } from "./endpoint.js";

/** Routes of Seam's that this kind of server has no use for: each answers a typed 400 that says why. */

const ANY = ["POST", "GET", "PATCH", "PUT", "DELETE"] as const satisfies readonly Method[];

/** Path → the beginning of the sentence. */
const REASONS = {
  "/client_sessions/create": "Client sessions are",
  "/client_sessions/get": "Client sessions are",
  "/client_sessions/get_or_create": "Client sessions are",
  "/client_sessions/grant_access": "Client sessions are",
  "/client_sessions/list": "Client sessions are",
  "/client_sessions/revoke": "Client sessions are",
  "/client_sessions/delete": "Client sessions are",
  "/devices/simulate/remove": "Removing a device other than from the configuration is",
  "/devices/simulate/connect_to_hub": "A hub between gateway and lock is",
  "/devices/simulate/disconnect_from_hub": "A hub between gateway and lock is",
  "/locks/configure_auto_lock": "Configuring a lock's own auto-lock is",
} as const;

export const unsupported = Object.entries(REASONS).map(([path, what]) => ({
  endpoint: endpoint({ path, methods: ANY, role: "viewer", input: z.object({}), output: answer({}) }),
  what,
}));
