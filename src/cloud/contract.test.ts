import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { asyncApiDocument, gatewayOpenApiDocument } from "./contract.js";
import { MESSAGE_TYPES } from "./wire.js";

const asYaml = (document: object) =>
  `# Made of the schemas in src/cloud/wire.ts: npm run docs\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;

/** Renew them with `npm run docs`. */
test.each([
  ["asyncapi.yaml", () => asYaml(asyncApiDocument())],
  ["gateway-openapi.json", () => `${JSON.stringify(gatewayOpenApiDocument(), null, 1)}\n`],
])("docs/%s is made of the schemas that check the messages", (name, make) => {
  const path = new URL(`../../docs/${name}`, import.meta.url);
  const text = make();
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});

test.each([
  ["AsyncAPI", asyncApiDocument],
  ["OpenAPI", gatewayOpenApiDocument],
])("every reference of the %s document leads somewhere, and every message is in it", (_name, make) => {
  const document = make();
  const at = (pointer: string): unknown => {
    let value: unknown = document;
    for (const key of pointer.slice(2).split("/"))
      value = (value as Record<string, unknown> | undefined)?.[key];
    return value;
  };
  const refs: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (key === "$ref" && typeof member === "string") refs.push(member);
      else walk(member);
    }
  };
  walk(document);
  expect(refs.length).toBeGreaterThan(20);
  expect(refs.filter((ref) => at(ref) === undefined)).toEqual([]);
  const names = Object.keys(at("#/components/schemas") as object).map((name) => name.toLowerCase());
  expect(names).toEqual(expect.arrayContaining([...MESSAGE_TYPES]));
});

test("each message travels on the topic that docs/wire.md names, with its QoS", () => {
  const { channels, operations } = asyncApiDocument() as unknown as {
    channels: Record<string, { address: string; messages: object }>;
    operations: Record<string, { bindings: { mqtt: { qos: number; retain: boolean } } }>;
  };
  const topics = Object.values(channels).map(
    ({ address, messages }) =>
      `${address.split("/").slice(-2).join("/")}: ${Object.keys(messages).join(", ")}`,
  );
  expect(topics.sort()).toEqual([
    "d/ack: ack",
    "d/cmd: cmd",
    "d/ctl: welcome, ctl",
    "d/head: head",
    "d/page: page, gone, chunk",
    "u/ev: ev",
    "u/hello: hello",
    "u/live: live",
    "u/pull: pull, fetch",
    "u/state: state",
  ]);
  const odd = Object.entries(operations).flatMap(([name, { bindings }]) =>
    bindings.mqtt.qos === 1 && !bindings.mqtt.retain ? [] : [name],
  );
  expect(odd.sort()).toEqual(["receiveHead", "sendLive", "sendState"]);
});
