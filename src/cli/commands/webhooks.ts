import type { Command } from "commander";
import { webhooksDeliveries } from "#src/api/schemas/webhooks";
import type { AddCommand } from "../program.js";
import { timeOf } from "../words.js";

/** How events reach the apps that asked for them. */
export function webhookCommands(program: Command, add: AddCommand): void {
  add(
    program.command("webhooks").description("how deliveries to apps' receivers of events go"),
    async ({ client, output }) => {
      const { webhooks } = await client.call(webhooksDeliveries, {});
      output.list(webhooks, {
        columns: {
          RECEIVER: ({ url }) => new URL(url).host,
          STATE: ({ failing_since: since, late }) =>
            since !== null ? `failing since ${timeOf(since)}` : late > 0 ? "was failing" : "works",
          WAITING: ({ waiting }) => String(waiting),
          "LAST DELIVERY": ({ last_delivered_at: at }) => (at === null ? "none since the start" : timeOf(at)),
          "NEXT TRY": ({ next_try_at: at }) => (at === null ? "" : timeOf(at)),
          WHY: ({ problem }) => problem ?? "",
          ID: ({ webhook_id: id }) => id,
        },
        empty: "No app has asked for events: apps do by /webhooks/create.",
      });
    },
  );
}
