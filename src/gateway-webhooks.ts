import { causeOf } from "#src/api/gateway-attempts";
import type { WebhooksModel } from "#src/api/model";
import { storedWebhooks } from "#src/api/stored-webhooks";
import { withPin } from "#src/api/event-pins";
import type { Engine } from "#src/engine/engine";
import { uuidV7 } from "#src/lib/uuid";
import { httpPost } from "#src/webhooks/post";
import { WebhookSender } from "#src/webhooks/sender";

export interface GatewayWebhooks {
  readonly model: WebhooksModel;
  /** Begins to send, what an earlier process left too. */
  start(): void;
  stop(): Promise<void>;
}

/** Apps' receivers of events: the routes that change them, and what sends to them. */
export function gatewayWebhooks(
  engine: Engine,
  { isSandbox, version }: { readonly isSandbox: boolean; readonly version: string },
): GatewayWebhooks {
  const { store, clock, random, log, time } = engine.deps;
  const rules = { mayBeLoopback: isSandbox };
  const sender = new WebhookSender({
    table: store.webhooks,
    eventOf(id, seesPins) {
      const event = store.events.get(id);
      return event && withPin(event, seesPins, (codeId) => store.objects.get("access_code", codeId)?.code);
    },
    clock,
    random,
    post: httpPost({ ...rules, clock, agent: `lockbridge/${version}` }),
    log,
  });
  const model = storedWebhooks({
    table: store.webhooks,
    rules,
    random,
    now: () => time.read().now,
    newId: () => uuidV7(time.read().now, random(10)),
    change: (by, what, target, work) =>
      engine.transact(causeOf(by), (tx) => {
        tx.audit(what, target);
        return work();
      }),
    removed: (id) => sender.removed(id),
    outcomeOf: (id) => sender.outcomeOf(id),
  });
  let stopListening = (): void => undefined;
  return {
    model,
    start() {
      stopListening = engine.onEvents(() => sender.wake());
      sender.wake();
    },
    async stop() {
      stopListening();
      await sender.stop();
    },
  };
}
