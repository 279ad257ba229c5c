import { SeamWebhook } from "@seamapi/webhook";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DemoSite } from "#src/sandbox/demo-site";
import { endWholeSite, serversOf, startWholeSite } from "#test/support/whole-site";
import { startReceiver } from "#test/support/receiver";
import { SDKS } from "./sdk-suite.js";

/** Seam's SDKs make a webhook on the two real models, and what they send is what Seam's verifier takes. */
let site: DemoSite;
beforeAll(async () => {
  site = await startWholeSite();
});
afterAll(async () => {
  await endWholeSite(site);
});

const SERVERS = serversOf(() => site);

describe.each(SERVERS)("$name", ({ of }) => {
  test.each(SDKS.map((sdk) => [sdk.name, sdk] as const))("tells an app that uses %s", async (_, sdk) => {
    const receiver = await startReceiver((n, response) => void response.writeHead(n === 1 ? 500 : 200).end());
    const seam = sdk.connect(of());
    const { secret = "", webhook_id } = await seam.webhooks.create({
      url: receiver.url,
      event_types: ["acs_user.created"],
    });
    expect(await seam.webhooks.get({ webhook_id })).toMatchObject({ url: receiver.url });
    const systemId = site.gateway.engine.deps.inventory.systems[0]!.id;
    const user = await seam.acs.users.create({ acs_system_id: systemId, full_name: "Ada Lovelace" });
    // The first delivery was refused and comes again.
    await expect.poll(() => receiver.received.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    const verifier = new SeamWebhook(secret);
    const events = receiver.received.map(({ body, headers }) => verifier.verify(body, headers));
    expect(events[1]).toEqual(events[0]);
    expect(events[0]).toMatchObject({ event_type: "acs_user.created", acs_user_id: user.acs_user_id });
    expect(await seam.events.get({ event_id: events[0]!.event_id })).toEqual(events[0]);
    await seam.webhooks.update({ webhook_id, event_types: ["acs_user.deleted"] });
    expect((await seam.webhooks.list()).map((webhook) => webhook.webhook_id)).toContain(webhook_id);
    await seam.webhooks.delete({ webhook_id });
    expect((await seam.webhooks.list()).map((webhook) => webhook.webhook_id)).not.toContain(webhook_id);
  });
});
