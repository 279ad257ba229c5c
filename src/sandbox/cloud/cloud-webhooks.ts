import { withPin } from "#src/api/event-pins";
import type { WebhooksModel } from "#src/api/model";
import { storedWebhooks } from "#src/api/stored-webhooks";
import type { Log } from "#src/lib/log";
import { httpPost } from "#src/webhooks/post";
import { WebhookSender } from "#src/webhooks/sender";
import type { CloudSite } from "./site.js";

/** Apps' receivers of the cloud's events, on this machine too: a stand-in is a sandbox. */
export function cloudWebhooks(
  site: CloudSite,
  log: Pick<Log, "error">,
): { readonly model: WebhooksModel; stop(): Promise<void> } {
  const rules = { mayBeLoopback: true };
  const { clock, random } = site;
  const quiet = (): void => undefined;
  const sender = new WebhookSender({
    table: site.webhooks,
    eventOf(id, seesPins) {
      const event = site.events.get(id);
      return event && withPin(event, seesPins, (codeId) => site.feed.get("access_code", codeId)?.code);
    },
    clock,
    random,
    post: httpPost({ ...rules, clock, agent: "lockbridge-stand-in-cloud" }),
    log: { info: quiet, warn: quiet, error: (fields, message) => log.error(fields, message) },
  });
  const stopListening = site.onChange(() => sender.wake());
  sender.wake();
  return {
    model: storedWebhooks({
      table: site.webhooks,
      rules,
      random,
      now: () => clock.now(),
      newId: () => site.newId(),
      change: (_by, _what, _target, work) => site.transact(work),
      removed: (id) => sender.removed(id),
      outcomeOf: (id) => sender.outcomeOf(id),
    }),
    async stop() {
      stopListening();
      await sender.stop();
    },
  };
}
