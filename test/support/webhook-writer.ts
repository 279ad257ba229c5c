/**
 * A process that stores events and sends them to one receiver on loopback until it is killed, and says on stdout how
 * many are stored. Arguments: the path of the store, the receiver's URL, how many to add.
 */
import { writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openStore } from "#src/store/store";
import { httpPost } from "#src/webhooks/post";
import { WebhookSender } from "#src/webhooks/sender";

const [path = "", url = "", count = "0"] = process.argv.slice(2);
const store = openStore({
  path,
  sealingKey: new Secret(new Uint8Array(32).fill(7)),
  random: (size) => new Uint8Array(randomBytes(size)),
  onFatal: () => process.exit(1),
});
const silent = () => undefined;
const sender = new WebhookSender({
  table: store.webhooks,
  eventOf: (id) => store.events.get(id),
  clock: realClock,
  // The shortest wait there is.
  random: (size) => new Uint8Array(size),
  post: httpPost({ mayBeLoopback: true, clock: realClock, agent: "lockbridge/test" }),
  log: { info: silent, warn: silent, error: silent },
});
if (store.webhooks.get("w") === undefined) {
  const secret = new Secret(`whsec_${Buffer.alloc(24, 7).toString("base64")}`);
  store.webhooks.add({ id: "w", url, eventTypes: null, secret, createdAt: 1 });
}
sender.wake();
const at = "2026-11-22T14:00:00.000Z";
const head = { event_type: "acs_user.created", workspace_id: "w1", created_at: at, occurred_at: at };
let stored = store.events.list({ limit: 1_000_000 }).length;
const target = stored + Number(count);
writeSync(1, `stored ${stored}\n`);
while (stored < target) {
  const event_id = String(stored + 1);
  // As the engine does: with the event its place in the line of every receiver.
  store.transaction(() => store.events.append({ event_id, ...head }));
  stored += 1;
  writeSync(1, `stored ${stored}\n`);
  sender.wake();
  await new Promise((resolve) => setImmediate(resolve));
}
setInterval(silent, 1_000);
