import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ, REMOVE } from "./endpoint.js";
import { id } from "./fields.js";

/**
 * Receivers of events. All of it is the administrator's: a receiver hears everything, PINs included, and its secret
 * lets whoever has it pass for this server.
 */
const webhook = z.object({
  webhook_id: z.string(),
  url: z.string(),
  /** Absent: every type. */
  event_types: z.array(z.string()).optional(),
  /** For `SeamWebhook`. */
  secret: z.string(),
});

const eventTypes = z
  .array(z.string().regex(/^[a-z_.*]{1,100}$/, "must be a type of event, e.g. acs_credential.issued"))
  .max(200);

export const webhooksCreate = endpoint({
  path: "/webhooks/create",
  methods: ACT,
  role: "admin",
  input: z.object({ url: z.string().min(1).max(2_000), event_types: eventTypes.optional() }),
  output: answer({ webhook }),
});

export const webhooksGet = endpoint({
  path: "/webhooks/get",
  methods: READ,
  role: "admin",
  input: z.object({ webhook_id: id }),
  output: answer({ webhook }),
});

export const webhooksList = endpoint({
  path: "/webhooks/list",
  methods: READ,
  role: "admin",
  input: z.object({}),
  output: answer({ webhooks: z.array(webhook) }),
});

export const webhooksUpdate = endpoint({
  path: "/webhooks/update",
  methods: CHANGE,
  role: "admin",
  input: z.object({ webhook_id: id, event_types: eventTypes }),
  output: answer({ webhook }),
});

export const webhooksDelete = endpoint({
  path: "/webhooks/delete",
  methods: REMOVE,
  role: "admin",
  input: z.object({ webhook_id: id }),
  output: answer({}),
});

/** How deliveries go: of the gateway alone, beside Seam's own routes. */
export const webhooksDeliveries = endpoint({
  path: "/lockbridge/webhooks/list",
  methods: READ,
  role: "admin",
  input: z.object({}),
  output: answer({
    webhooks: z.array(
      webhook.omit({ secret: true }).extend({
        /** Events that it has not acknowledged; those that failed three times hold up no other any more. */
        waiting: z.number(),
        late: z.number(),
        /** Both since the gateway started; null: none since then, and not at all. */
        last_delivered_at: z.string().nullable(),
        failing_since: z.string().nullable(),
        problem: z.string().nullable(),
        /** null: nothing waits. */
        next_try_at: z.string().nullable(),
      }),
    ),
  }),
});
