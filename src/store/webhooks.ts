import { z } from "zod";
import type { Delivery, Webhook, WebhooksTable } from "#src/engine/ports";
import { blob, jsonText } from "./columns.js";
import type { Connection } from "./connection.js";
import type { Place, Sealer } from "./sealer.js";

const storedWebhook = z.object({
  id: z.string(),
  url: z.string(),
  event_types: jsonText.pipe(z.array(z.string())).nullable(),
  secret_sealed: blob,
  created_at: z.number(),
});

const storedDelivery = z.object({
  seq: z.number(),
  webhookId: z.string(),
  eventId: z.string(),
  tries: z.number(),
  nextAt: z.number(),
});

const storedId = z.object({ id: z.string() });
const waitingRow = z.object({ webhookId: z.string(), count: z.number(), late: z.number() });

const WEBHOOK = "SELECT id, url, event_types, secret_sealed, created_at FROM webhooks";
const DELIVERY = `SELECT seq, webhook_id AS "webhookId", event_id AS "eventId", tries, next_at AS "nextAt"
  FROM webhook_deliveries`;

/** Apps' receivers of events, and what is still to be sent to them. */
export function webhooksTable(
  connection: Pick<Connection, "run" | "get" | "all">,
  sealer: Pick<Sealer, "sealText" | "openText">,
): WebhooksTable {
  const read = (row: unknown): Webhook => {
    const {
      event_types: eventTypes,
      secret_sealed,
      created_at: createdAt,
      ...same
    } = storedWebhook.parse(row);
    return { ...same, eventTypes, createdAt, secret: sealer.openText(secretPlace(same.id), secret_sealed) };
  };
  const delivery = (row: unknown): Delivery | undefined => storedDelivery.optional().parse(row);
  return {
    add({ id, url, eventTypes, secret, createdAt }) {
      connection.run(
        "INSERT INTO webhooks (id, url, event_types, secret_sealed, created_at) VALUES (?, ?, ?, ?, ?)",
        [id, url, typesText(eventTypes), sealer.sealText(secretPlace(id), secret), createdAt],
      );
    },
    get(id) {
      const row = connection.get(`${WEBHOOK} WHERE id = ?`, [id]);
      return row === undefined ? undefined : read(row);
    },
    list: () => connection.all(`${WEBHOOK} ORDER BY created_at, id`).map(read),
    setEventTypes: (id, eventTypes) =>
      connection.run("UPDATE webhooks SET event_types = ? WHERE id = ?", [typesText(eventTypes), id]) === 1,
    remove: (id) => connection.run("DELETE FROM webhooks WHERE id = ?", [id]) === 1,
    enqueue({ event_id: eventId, event_type: type }) {
      // One row a statement: for more SQLite prepares to undo them, which costs every event of a site without receivers.
      const receivers = connection.all(
        `SELECT id FROM webhooks
         WHERE event_types IS NULL OR EXISTS (SELECT 1 FROM json_each(event_types) WHERE value = ?)`,
        [type],
      );
      for (const row of receivers)
        connection.run(
          "INSERT INTO webhook_deliveries (webhook_id, event_id, tries, next_at, late) VALUES (?, ?, 0, 0, 0)",
          [storedId.parse(row).id, eventId],
        );
    },
    firstInOrder: (webhookId) =>
      delivery(
        connection.get(`${DELIVERY} WHERE webhook_id = ? AND late = 0 ORDER BY seq LIMIT 1`, [webhookId]),
      ),
    firstLate: (webhookId) =>
      delivery(
        connection.get(`${DELIVERY} WHERE webhook_id = ? AND late = 1 ORDER BY next_at LIMIT 1`, [webhookId]),
      ),
    done: (seq) => void connection.run("DELETE FROM webhook_deliveries WHERE seq = ?", [seq]),
    failed: (seq, { at, late }) =>
      void connection.run(
        "UPDATE webhook_deliveries SET tries = tries + 1, next_at = ?, late = ? WHERE seq = ?",
        [at, late ? 1 : 0, seq],
      ),
    keepNewest: (webhookId, count) =>
      connection.run(
        `DELETE FROM webhook_deliveries WHERE webhook_id = @webhookId AND seq <= (SELECT seq FROM webhook_deliveries
           WHERE webhook_id = @webhookId ORDER BY seq DESC LIMIT 1 OFFSET @count)`,
        { webhookId, count },
      ),
    waiting: () =>
      connection
        .all(
          `SELECT webhook_id AS "webhookId", count(*) AS count, sum(late) AS late FROM webhook_deliveries
           GROUP BY webhook_id`,
        )
        .map((row) => waitingRow.parse(row)),
  };
}

function typesText(eventTypes: readonly string[] | null): string | null {
  return eventTypes === null ? null : JSON.stringify(eventTypes);
}

function secretPlace(id: string): Place {
  return { table: "webhooks", row: id, column: "secret_sealed" };
}
