import { gzipSync } from "node:zlib";
import { inspect } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBody, parseBody } from "#src/cloud/body";
import { LIMITS, type PageOut, parseItem } from "#src/cloud/wire";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";

const bytes = (text: string) => new TextEncoder().encode(text);
const body = (...messages: unknown[]) => bytes(JSON.stringify({ v: "1.0", session: "s", messages }));

const userSpec = (id: string, extra: JsonObject = {}): JsonObject => ({
  acs_user_id: id,
  acs_system_id: "sys",
  full_name: "Ada",
  state: "active",
  created_at: "2026-11-22T10:00:00Z",
  ...extra,
});
const item = (change: JsonObject = {}) => {
  const spec = (change["spec"] ?? userSpec("u1")) as JsonObject;
  return { rev: 5, kind: "acs_user", id: "u1", op: "put", spec, spec_hash: fingerprintOf(spec), ...change };
};
const epoch = { n: 1, id: "e" };
const page = (change: object = {}) => ({
  type: "page",
  epoch,
  ingested: {},
  from: 4,
  to: 6,
  head: 6,
  items: [item()],
  ...change,
});

test.each([
  ["nothing at all", new Uint8Array(), "body.not_json"],
  ["a web page", bytes(" <!doctype html><p>Sign in"), "body.is_html"],
  ["half an answer", body().slice(0, -3), "body.not_json"],
  ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xff]), "body.not_json"],
  ["a list instead of an object", bytes("[]"), "body.malformed"],
  ["no messages", bytes('{"v":"1.0","session":null}'), "body.malformed"],
  ["another major version", bytes('{"v":"2.0","session":null,"messages":[]}'), "body.version_unknown"],
  [
    "too many messages",
    body(...Array.from({ length: LIMITS.messagesPerBody + 1 }, () => ({}))),
    "body.malformed",
  ],
  ["brackets without end", bytes("[".repeat(100_000)), "body.too_deep"],
  ["more bytes than agreed", new Uint8Array(LIMITS.bodyBytes + 1), "body.too_big"],
  ["a broken gzip", new Uint8Array([0x1f, 0x8b, 1, 2, 3]), "body.gzip_broken"],
  ["a gzip bomb", gzipSync(Buffer.alloc(LIMITS.inflatedBytes + 1, 0x20)), "body.too_big"],
])("%s is a typed fault", (_name, input, code) => {
  expect(parseBody(input)).toMatchObject({ ok: false, fault: { code } });
});

test("any bytes become messages or a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
      expect(typeof parseBody(input).ok).toBe("boolean");
    }),
  );
});

test("any JSON as messages or items is judged one by one, without throwing", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 5 }), { maxLength: 5 }), (values) => {
      const parsed = parseBody(body(...values, page({ items: values.slice(0, 2) })));
      expect(parsed).toMatchObject({ ok: true });
      if (parsed.ok) expect(parsed.messages).toHaveLength(values.length + 1);
    }),
  );
});

test("an unknown message is told apart from a malformed one, and spoils no other", () => {
  const parsed = parseBody(body({ type: "firework" }, { type: "ack" }, page()));
  expect(parsed).toMatchObject({
    ok: true,
    messages: [
      { ok: false, fault: { code: "message.unknown" } },
      { ok: false, fault: { code: "message.malformed", message: "jid: invalid type" } },
      { ok: true, message: { type: "page" } },
    ],
  });
});

test.each([
  ["an unknown kind", item({ kind: "acs_robot" }), "item.kind_unknown"],
  ["no spec", { rev: 5, kind: "acs_user", id: "u1", op: "put" }, "item.malformed"],
  ["a number", 7, "item.malformed"],
  ["a spec of another kind", item({ spec: { acs_user_id: "u1" } }), "item.spec_invalid"],
  ["a spec of another object", item({ spec: userSpec("u2") }), "item.spec_invalid"],
  ["a PIN in the spec", item({ spec: userSpec("u1", { code: "1234" }) }), "item.spec_invalid"],
  ["a wrong hash", item({ spec_hash: "0".repeat(64) }), "item.hash_wrong"],
  ["forgotten, but op put", item({ spec: userSpec("u1", { state: "forgotten" }) }), "item.spec_invalid"],
])("%s blocks only its item", (_name, bad, code) => {
  const parsed = parseBody(body(page({ items: [bad, item({ rev: 6 })] })));
  expect(parsed).toMatchObject({
    ok: true,
    messages: [{ ok: true, message: { items: [{ ok: false, bad: { code } }, { ok: true }] } }],
  });
});

test.each([
  ["a range that runs backwards", { from: 6, to: 4 }],
  ["an end beyond the head", { to: 9, head: 8 }],
  ["a rev outside of the range", { items: [item({ rev: 7 })] }],
  ["revs out of order", { items: [item({ rev: 6 }), item({ rev: 5 })] }],
  ["more items than agreed", { from: 0, to: 500, head: 500, items: Array.from({ length: 101 }, () => 1) }],
])("a page with %s is malformed as a whole", (_name, change) => {
  expect(parseBody(body(page(change)))).toMatchObject({
    messages: [{ ok: false, fault: { code: "message.malformed" } }],
  });
});

test("what is written is what is read, PIN included, plain and compressed", () => {
  const spec = userSpec("u1", { nickname: "kept although unknown" });
  const out: PageOut = {
    type: "page",
    epoch,
    from: 4,
    to: 5,
    head: 5,
    ingested: { j: 3 },
    items: [
      {
        rev: 5,
        kind: "acs_user",
        id: "u1",
        op: "put",
        spec,
        spec_hash: fingerprintOf(spec),
        secret: new Secret("4711"),
        verdict: null,
      },
    ],
  };
  for (const gzipFromBytes of [0, Infinity]) {
    const parsed = parseBody(encodeBody("s", [out], { gzipFromBytes }));
    expect(parsed).toMatchObject({
      ok: true,
      session: "s",
      messages: [{ ok: true, message: { items: [{ ok: true, item: { spec } }] } }],
    });
    const [first] = parsed.ok ? parsed.messages : [];
    const result = first?.ok === true && first.message.type === "page" ? first.message.items[0] : undefined;
    expect(result?.ok === true && result.item.secret?.reveal()).toBe("4711");
    expect(inspect(parsed, { depth: 20 })).not.toContain("4711");
  }
});

test("a bad item shows no PIN, and keeps its bytes", () => {
  const result = parseItem(item({ secret: "4711", kind: "acs_robot" }));
  expect(inspect(result, { depth: 9 })).not.toContain("4711");
  expect(!result.ok && new TextDecoder().decode(result.bad.raw.reveal())).toContain("4711");
});
