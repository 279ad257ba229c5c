import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseBody } from "#src/cloud/body";
import { MESSAGE_TYPES } from "#src/cloud/wire";
import { journalEventSchema } from "#src/domain/journal";

const text = readFileSync(new URL("../../docs/wire.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = ""]) => json);

test("every example of docs/wire.md is what the gateway reads, and every message has one", () => {
  const seen = new Set<string>();
  for (const example of examples) {
    const body = parseBody(new TextEncoder().encode(example));
    expect(body, example).toMatchObject({ ok: true });
    for (const received of body.ok ? body.messages : []) {
      expect(received, example).toMatchObject({ ok: true });
      if (!received.ok) continue;
      const { message } = received;
      seen.add(message.type);
      if (message.type === "page")
        expect(message.items).toMatchObject(message.items.map(() => ({ ok: true })));
      if (message.type === "ev") for (const event of message.events) journalEventSchema.parse(event);
    }
  }
  expect([...seen].sort()).toEqual([...MESSAGE_TYPES].sort());
});
