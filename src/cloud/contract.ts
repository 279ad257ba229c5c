import { z } from "zod";
import { inventorySchema } from "#src/domain/inventory";
import { journalEventSchema } from "#src/domain/journal";
import { observedSchema } from "#src/domain/observed";
import { specSchemas } from "#src/domain/spec";
import type { Json, JsonObject } from "#src/lib/json";
import { bodySchema } from "./body.js";
import { topicDown, topicUp } from "./mqtt-topics.js";
import {
  type CloudMessage,
  feedItem,
  type GatewayMessage,
  type Message,
  messageSchema,
  type Presence,
  WIRE_VERSION,
} from "./wire.js";

/**
 * What a gateway and its cloud say to each other, for tools: AsyncAPI 3 (https://www.asyncapi.com/docs/reference/specification/v3.0.0)
 * for MQTT, OpenAPI 3.1 for HTTP, both made of the schemas that check the messages. `docs/wire.md` says what they mean.
 */

type Said = GatewayMessage | Presence;

/** A sentence for each, in the order of `docs/wire.md`. */
const UP: Readonly<Record<Said["type"], string>> = {
  hello: "Begins a session: who the gateway is, and what it has of feed and journal.",
  pull: "Asks for every change after its cursor.",
  fetch: "Asks for one chunk of a snapshot.",
  ev: "Facts, in the order of the journal; PINs beside them.",
  live: "A step of a running command, for display only; any of them may be lost.",
  state: "Presence of a connection, and its last will.",
};
const DOWN: Readonly<Record<CloudMessage["type"], string>> = {
  welcome: "The application accepts a hello; only this makes the link up.",
  page: "Every change in a range of the feed, asked for or pushed.",
  gone: "The feed cannot be continued from there: the manifest of a snapshot.",
  chunk: "One chunk of a snapshot.",
  ack: "How far the journal is taken in.",
  cmd: "Something to do now, once, or not at all.",
  head: "Where the feed stands; a hint.",
  ctl: "Begin anew, or stay away for a while.",
};
const SAID_UP = Object.keys(UP) as Said["type"][];
const SAID_DOWN = Object.keys(DOWN) as CloudMessage["type"][];

/** Kept by a broker for whoever looks. */
const RETAINED: ReadonlySet<string> = new Set<Message["type"]>(["state", "head"]);
/** Sent without acknowledgement. */
const DROPPABLE: ReadonlySet<string> = new Set<Message["type"]>(["live"]);

export function asyncApiDocument(): JsonObject {
  const topics = new Map<string, string[]>();
  const on = (topic: string, type: string) => topics.set(topic, [...(topics.get(topic) ?? []), type]);
  // The topic depends on the type alone.
  for (const type of SAID_UP) on(topicUp({ type } as Said), type);
  for (const type of SAID_DOWN) on(topicDown({ type } as CloudMessage), type);
  return plain({
    asyncapi: "3.0.0",
    info: {
      title: "Lockbridge gateway over MQTT",
      version: WIRE_VERSION,
      description:
        "Seen from the gateway: what it sends and receives. MQTT 5, or 3.1.1 with nothing missing. docs/wire.md says what the messages mean and what holds between them.",
    },
    defaultContentType: "application/json",
    servers: {
      broker: { host: "cloud.example:8883", protocol: "secure-mqtt", security: security("#") },
      websocket: { host: "cloud.example", pathname: "/mqtt", protocol: "wss", security: security("#") },
    },
    channels: Object.fromEntries(
      [...topics].map(([topic, types]) => [
        channelOf(topic),
        {
          address: `lockbridge/v1/{site}/{gateway}/${topic}`,
          parameters: { site: { description: "UUID" }, gateway: { description: "UUID" } },
          messages: Object.fromEntries(
            types.map((type) => [type, { $ref: `#/components/messages/${type}` }]),
          ),
        },
      ]),
    ),
    operations: Object.fromEntries(
      [...topics].map(([topic, types]) => [
        `${topic.startsWith("u/") ? "send" : "receive"}${capitalised(topic.slice(2))}`,
        {
          action: topic.startsWith("u/") ? "send" : "receive",
          channel: { $ref: `#/channels/${channelOf(topic)}` },
          messages: types.map((type) => ({ $ref: `#/channels/${channelOf(topic)}/messages/${type}` })),
          bindings: { mqtt: bindingOf(types) },
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(
        Object.entries({ ...UP, ...DOWN }).map(([type, summary]) => [
          type,
          { name: type, summary, payload: bodyOf([type]) },
        ]),
      ),
      schemas: schemas(),
      securitySchemes: {
        certificate: { type: "X509" },
        token: { type: "userPassword", description: "The gateway's id and its token." },
      },
    },
  });
}

/** The gateway's part of the cloud's HTTP API. */
export function gatewayOpenApiDocument(): JsonObject {
  const answer = (description: string) => ({ description });
  return plain({
    openapi: "3.1.0",
    info: {
      title: "Lockbridge gateway over HTTP",
      version: WIRE_VERSION,
      description: "What a cloud serves to its gateways. docs/wire.md says what the messages mean.",
    },
    paths: {
      "/gateway/v1/{gateway}/sync": {
        post: {
          operationId: "sync",
          description:
            "Takes what the gateway says and answers with what there is for it; without messages it waits for news.",
          security: [{ token: [] }],
          parameters: [
            { name: "gateway", in: "path", required: true, schema: { type: "string", format: "uuid" } },
            {
              name: "wait",
              in: "query",
              description: "Seconds for which the answer may wait for news.",
              schema: { type: "integer", minimum: 0, maximum: 55, default: 0 },
            },
          ],
          requestBody: { required: true, content: content(SAID_UP.filter((type) => type !== "state")) },
          responses: {
            "200": { description: "Any messages, or none.", content: content(SAID_DOWN) },
            "401": answer("Not the token of this gateway."),
            "404": answer("No such gateway."),
            "409": answer("The session is unknown, or a newer one began: begin with hello."),
            "413": answer("Too big: send less at a time."),
            "429": answer("Too often: stay away as `Retry-After` says."),
            "503": answer("Not now: stay away as `Retry-After` says."),
          },
        },
      },
    },
    components: {
      schemas: schemas(),
      securitySchemes: { token: { type: "http", scheme: "bearer" }, certificate: { type: "mutualTLS" } },
    },
  });
}

function content(types: readonly string[]): object {
  return { "application/json": { schema: bodyOf(types) } };
}

function security(root: string): object[] {
  return ["certificate", "token"].map((name) => ({ $ref: `${root}/components/securitySchemes/${name}` }));
}

function bindingOf(types: readonly string[]): object {
  const [type = ""] = types;
  return { qos: DROPPABLE.has(type) ? 0 : 1, retain: RETAINED.has(type), bindingVersion: "0.2.0" };
}

/** A body that carries messages of these kinds. */
function bodyOf(types: readonly string[]): object {
  const [only, ...more] = types.map((type) => ({ $ref: `#/components/schemas/${capitalised(type)}` }));
  const messages = {
    properties: { messages: { items: more.length === 0 ? only : { oneOf: [only, ...more] } } },
  };
  return { allOf: [{ $ref: "#/components/schemas/Body" }, messages] };
}

// ── Schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What several schemas hold, each by its name. */
const SHARED: Readonly<Record<string, z.ZodType>> = {
  FeedItem: feedItem,
  JournalEvent: journalEventSchema,
  Observed: observedSchema,
  Inventory: inventorySchema,
  ...Object.fromEntries(Object.entries(specSchemas).map(([kind, schema]) => [specNameOf(kind), schema])),
};

function schemas(): object {
  const ofMessages = messageSchema.options.map((schema) => {
    const type = typeOf(schema);
    return [capitalised(type), withContents(type, jsonSchemaOf(schema))] as const;
  });
  const shared = Object.entries(SHARED).map(([name, schema]): [string, JsonSchema] => {
    const made = jsonSchemaOf(schema, schema);
    return [name, name === "FeedItem" ? withSpec(made) : made];
  });
  return { Body: jsonSchemaOf(bodySchema), ...Object.fromEntries(ofMessages), ...Object.fromEntries(shared) };
}

/** The literal that tells a message from others; those of a union within the union share it. */
function typeOf(schema: (typeof messageSchema.options)[number]): Message["type"] {
  const { shape } = schema instanceof z.ZodObject ? schema : schema.options[0];
  return shape.type.value;
}

/** Elements that the reader checks one by one are of no known kind to the schema of their message. */
function withContents(type: string, schema: JsonSchema): JsonSchema {
  const { properties = {} } = schema;
  if (type === "page") properties["items"] = { ...properties["items"], items: ref("FeedItem") };
  if (type === "ev") {
    const link = {
      properties: {
        seq: { type: "integer", minimum: 1 },
        prev: { type: "string", pattern: "^[0-9a-f]{64}$" },
      },
      required: ["seq", "prev"],
    };
    properties["events"] = { ...properties["events"], items: { allOf: [link, ref("JournalEvent")] } };
  }
  return schema;
}

function withSpec(schema: JsonSchema): JsonSchema {
  const ofKinds = Object.keys(specSchemas).map((kind) => ref(specNameOf(kind)));
  return { ...schema, properties: { ...schema.properties, spec: { anyOf: ofKinds } } };
}

type JsonSchema = Omit<z.core.JSONSchema.BaseSchema, "properties"> & { properties?: Record<string, object> };

/** `whole`: the one that is not to be a reference to itself. */
function jsonSchemaOf(schema: z.core.$ZodType, whole?: z.core.$ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema: found, jsonSchema }) {
      const zodSchema: z.core.$ZodType = found;
      const shared = Object.entries(SHARED).find(([, other]) => other === zodSchema);
      if (shared !== undefined && zodSchema !== whole) {
        for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
        Object.assign(jsonSchema, ref(shared[0]));
      }
      // Zod's pattern of all dates there can be says no more than the format.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  delete made.$schema;
  delete made.$defs;
  return withoutCycles(plain(made)) as JsonSchema;
}

/** Nothing here refers to itself but `z.json()`: any JSON value. */
function withoutCycles(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutCycles);
  if (typeof value !== "object" || value === null) return value;
  const members = value as JsonObject;
  const to = members["$ref"];
  if (typeof to === "string" && to.startsWith("#/$defs/")) return {};
  return Object.fromEntries(Object.entries(members).map(([key, member]) => [key, withoutCycles(member)]));
}

function ref(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

function specNameOf(kind: string): string {
  return `${kind.split("_").map(capitalised).join("")}Spec`;
}

function channelOf(topic: string): string {
  return `${topic.startsWith("u/") ? "up" : "down"}${capitalised(topic.slice(2))}`;
}

function capitalised(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
