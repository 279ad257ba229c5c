import type { WebhooksModel } from "../model.js";
import { route } from "../route.js";
import {
  webhooksCreate,
  webhooksDelete,
  webhooksDeliveries,
  webhooksGet,
  webhooksList,
  webhooksUpdate,
} from "../schemas/webhooks.js";

export const webhookRoutes = [
  route(webhooksCreate, (model: WebhooksModel, input, { by }) => ({
    webhook: model.create({ url: input.url, eventTypes: typesOf(input.event_types) }, by),
  })),
  route(webhooksGet, (model: WebhooksModel, input) => ({ webhook: model.get(input.webhook_id) })),
  route(webhooksList, (model: WebhooksModel) => ({ webhooks: [...model.list()] })),
  route(webhooksUpdate, (model: WebhooksModel, input, { by }) => ({
    webhook: model.update(input.webhook_id, { eventTypes: typesOf(input.event_types) }, by),
  })),
  route(webhooksDelete, (model: WebhooksModel, input, { by }) => {
    model.delete(input.webhook_id, by);
    return {};
  }),
];

export const webhookStateRoutes = [
  route(webhooksDeliveries, (model: WebhooksModel) => ({ webhooks: [...model.deliveries()] })),
];

/** Not given, or `*` among them: every type. */
function typesOf(given: readonly string[] | undefined): readonly string[] | null {
  return given === undefined || given.includes("*") ? null : [...new Set(given)];
}
