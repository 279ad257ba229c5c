import { invalidInput } from "#src/domain/seam/fault";
import { isoInstant } from "#src/domain/seam/instant";
import type { Webhook, WebhooksTable } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import { receiverFault, type ReceiverRules } from "#src/webhooks/receiver";
import type { ReceiverOutcome } from "#src/webhooks/sender";
import { mintWebhookSecret } from "#src/webhooks/signature";
import { missing, seamErrorOf } from "./fault.js";
import { type Caller, SeamError, type WebhooksModel } from "./model.js";

export interface WebhookParts {
  readonly table: WebhooksTable;
  readonly rules: ReceiverRules;
  readonly random: (size: number) => Uint8Array;
  now(): number;
  newId(): string;
  /** Runs a change as one transaction and writes down who made it. */
  change<T>(by: Caller, what: string, target: string, work: () => T): T;
  /** Called once a receiver is gone. */
  removed(id: string): void;
  outcomeOf(id: string): ReceiverOutcome;
}

/** Every event is put in the line of every receiver. */
const WEBHOOKS_MAX = 100;

/** The webhook routes over a table of webhooks: the same on a gateway and in the stand-in cloud. */
export function storedWebhooks(parts: WebhookParts): WebhooksModel {
  const { table } = parts;
  const found = (id: string): Webhook => {
    const webhook = table.get(id);
    if (webhook === undefined) throw missing("webhook", id);
    return webhook;
  };
  return {
    create({ url, eventTypes }, by) {
      const fault = receiverFault(url, parts.rules);
      if (fault !== null) throw seamErrorOf(invalidInput("url", fault));
      if (table.list().length >= WEBHOOKS_MAX) {
        throw new SeamError(
          400,
          "too_many_webhooks",
          `There are ${WEBHOOKS_MAX} webhooks already: delete one that is not needed any more.`,
        );
      }
      const webhook: Webhook = {
        id: parts.newId(),
        url,
        eventTypes,
        secret: mintWebhookSecret(parts.random),
        createdAt: parts.now(),
      };
      parts.change(by, "created webhook", webhook.id, () => table.add(webhook));
      return render(webhook);
    },
    get: (id) => render(found(id)),
    list: () => table.list().map(render),
    update(id, { eventTypes }, by) {
      found(id);
      parts.change(by, "updated webhook", id, () => table.setEventTypes(id, eventTypes));
      return render(found(id));
    },
    delete(id, by) {
      found(id);
      parts.change(by, "deleted webhook", id, () => table.remove(id));
      parts.removed(id);
    },
    deliveries() {
      const waiting = new Map(table.waiting().map((line) => [line.webhookId, line]));
      return table.list().map((webhook) => {
        const { count = 0, late = 0 } = waiting.get(webhook.id) ?? {};
        const { deliveredAt, failingSince, problem } = parts.outcomeOf(webhook.id);
        const nextAt = nextTryAt(table, webhook.id);
        return {
          ...facts(webhook),
          waiting: count,
          late,
          last_delivered_at: instant(deliveredAt),
          failing_since: instant(failingSince),
          problem,
          next_try_at: nextAt === null ? null : isoInstant(Math.max(nextAt, parts.now())),
        };
      });
    },
  };
}

/** Epoch ms; null: nothing waits. */
function nextTryAt(table: WebhooksTable, id: string): number | null {
  const next = [table.firstInOrder(id), table.firstLate(id)].flatMap((delivery) => delivery?.nextAt ?? []);
  return next.length === 0 ? null : Math.min(...next);
}

function instant(at: number | null): string | null {
  return at === null ? null : isoInstant(at);
}

/** The secret is told to whoever may see webhooks at all: an app needs it to verify what it receives. */
function render(webhook: Webhook): JsonObject {
  return { ...facts(webhook), secret: webhook.secret.reveal() };
}

function facts({ id, url, eventTypes }: Webhook): JsonObject {
  return { webhook_id: id, url, ...(eventTypes === null ? {} : { event_types: [...eventTypes] }) };
}
