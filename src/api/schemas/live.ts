import { z } from "zod";
import { endpoint, READ } from "./endpoint.js";
import { seamEvent } from "./objects.js";

/** Server-sent events: each Seam event as it is stored. Resumes after `Last-Event-ID`. */
export const eventsStream = endpoint({
  path: "/lockbridge/events/stream",
  methods: READ,
  role: "viewer",
  input: z.object({ event_types: z.array(z.string().min(1).max(100)).max(200).optional() }),
  output: seamEvent,
});
