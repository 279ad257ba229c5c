import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Webhook } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { tempStore } from "#test/support/temp-store";

const SECRET = "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0";

function webhook(id: string, eventTypes: Webhook["eventTypes"] = null): Webhook {
  return { id, url: "https://app.example/", eventTypes, secret: new Secret(SECRET), createdAt: 1 };
}

function event(n: number, type = "acs_credential.issued") {
  const at = "2026-11-22T14:00:00.000Z";
  return { event_id: `e${n}`, event_type: type, workspace_id: "w", created_at: at, occurred_at: at };
}

test("an event is put in the line of those who want it, and of nobody who came after", () => {
  const { events, webhooks } = tempStore();
  webhooks.add(webhook("all"));
  webhooks.add(webhook("issued", ["acs_credential.issued"]));
  webhooks.add(webhook("none", []));
  events.append(event(1));
  events.append(event(2, "acs_user.created"));
  webhooks.add(webhook("late"));
  expect(webhooks.waiting()).toEqual([
    { webhookId: "all", count: 2, late: 0 },
    { webhookId: "issued", count: 1, late: 0 },
  ]);
  expect(webhooks.firstInOrder("all")).toMatchObject({ eventId: "e1", tries: 0, nextAt: 0 });
  expect(webhooks.firstInOrder("late")).toBeUndefined();
});

test("an event that is not stored is sent to nobody", () => {
  const store = tempStore();
  store.webhooks.add(webhook("all"));
  expect(() =>
    store.transaction(() => {
      store.events.append(event(1));
      throw new Error("undone");
    }),
  ).toThrow("undone");
  expect(store.webhooks.waiting()).toEqual([]);
});

test("what is late leaves the order; what is done leaves the line; a receiver takes its line along", () => {
  const { events, webhooks } = tempStore();
  webhooks.add(webhook("all"));
  for (let n = 1; n <= 4; n += 1) events.append(event(n));
  const first = webhooks.firstInOrder("all")!;
  webhooks.failed(first.seq, { at: 50, late: false });
  expect(webhooks.firstInOrder("all")).toEqual({ ...first, tries: 1, nextAt: 50 });
  webhooks.failed(first.seq, { at: 70, late: true });
  expect(webhooks.firstLate("all")).toEqual({ ...first, tries: 2, nextAt: 70 });
  const second = webhooks.firstInOrder("all")!;
  expect(second.eventId).toBe("e2");
  webhooks.done(second.seq);
  expect(webhooks.waiting()).toEqual([{ webhookId: "all", count: 3, late: 1 }]);
  expect(webhooks.keepNewest("all", 3)).toBe(0);
  expect(webhooks.keepNewest("all", 1)).toBe(2);
  expect(webhooks.firstInOrder("all")?.eventId).toBe("e4");
  expect(webhooks.remove("all")).toBe(true);
  expect(webhooks.remove("all")).toBe(false);
  expect(webhooks.waiting()).toEqual([]);
});

test("the secret is sealed, and reads back", () => {
  const { webhooks, path } = tempStore();
  webhooks.add(webhook("all", ["acs_user.created"]));
  expect(webhooks.get("all")?.secret.reveal()).toBe(SECRET);
  expect(webhooks.setEventTypes("all", ["lock.locked"])).toBe(true);
  expect(webhooks.get("all")?.eventTypes).toEqual(["lock.locked"]);
  expect(webhooks.setEventTypes("nobody", null)).toBe(false);
  expect(webhooks.get("nobody")).toBeUndefined();
  for (const file of [path, `${path}-wal`]) expect(readFileSync(file).includes(SECRET.slice(6))).toBe(false);
});
