import fc from "fast-check";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bareEndpoints, jsonEndpoints } from "#src/api/all-routes";
import { errorAnswer } from "#src/api/schemas/endpoint";
import type { DemoSite } from "#src/sandbox/demo-site";
import { endWholeSite, startWholeSite } from "#test/support/whole-site";
import { fitting, type KnownIds, misfit, type Schema } from "./inputs.js";

/**
 * Every operation of the document that a server gives of itself, with input that the document says it takes and with
 * input that it says it does not: on a whole gateway with engine, store and simulated hardware, and on the stand-in
 * cloud. Never a 500, always the envelope, and what is wrong is refused by its name.
 */
interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Server {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Agent;
}
interface Answer {
  readonly status: number;
  readonly text: string;
}

const RUNS = 8;
let site: DemoSite;
const agents: Agent[] = [];
beforeAll(async () => {
  site = await startWholeSite();
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.close()));
  await endWholeSite(site);
});

function agent(options: Agent.Options = {}): Agent {
  const made = new Agent(options);
  agents.push(made);
  return made;
}

/** Over the unix socket: there nobody counts requests. */
const SERVERS: readonly (readonly [string, () => Server])[] = [
  [
    "the gateway",
    () => ({
      origin: "http://localhost",
      headers: {},
      dispatcher: agent({ connect: { socketPath: site.socket } }),
    }),
  ],
  [
    "the stand-in cloud",
    () => ({
      origin: site.cloud.endpoint,
      headers: { authorization: `Bearer ${site.cloudApiKey}` },
      dispatcher: agent(),
    }),
  ],
];

async function call(server: Server, method: string, path: string, input: object): Promise<Answer> {
  const isInQuery = ["GET", "HEAD", "DELETE"].includes(method);
  const query = isInQuery ? `?${queryOf(input)}` : "";
  const response = await request(`${server.origin}${path}${query}`, {
    method: method as "POST",
    dispatcher: server.dispatcher,
    headers: { ...server.headers, ...(isInQuery ? {} : { "content-type": "application/json" }) },
    ...(isInQuery ? {} : { body: JSON.stringify(input) }),
  });
  return { status: response.statusCode, text: await response.body.text() };
}

/** As Seam's SDK writes parameters. */
function queryOf(input: object): string {
  const pairs = Object.entries(input as Record<string, unknown>).flatMap(
    ([name, value]): [string, string][] => {
      if (Array.isArray(value)) {
        return value.length === 0 ? [[name, ""]] : value.map((item: unknown) => [name, textOf(item)]);
      }
      if (typeof value === "object" && value !== null) {
        const inner = Object.entries(value as Record<string, unknown>);
        return inner.map(([key, held]) => [`${name}.${key}`, textOf(held)]);
      }
      return [[name, textOf(value)]];
    },
  );
  return new URLSearchParams([...pairs, ["_strict", "true"]]).toString();
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface AuditEntry {
  readonly seq: number;
  readonly who: string;
  readonly from: string | null;
}

/** Every change is written down with who made it and from where. */
const BY_US: unknown = expect.objectContaining({ who: "local socket", from: "local socket" });

/** The newest entries of the audit; null where there is none to ask for. */
async function newestEntries(server: Server): Promise<readonly AuditEntry[] | null> {
  const { status, text } = await call(server, "POST", "/lockbridge/audit/list", { limit: 20 });
  return status === 200 ? (JSON.parse(text) as { entries: AuditEntry[] }).entries : null;
}

/** What there is, so that ids are found. */
async function knownIds(server: Server): Promise<KnownIds> {
  const ids = new Set<string>();
  for (const path of ["/acs/systems/list", "/acs/entrances/list", "/acs/encoders/list", "/devices/list"]) {
    const { text } = await call(server, "POST", path, {});
    for (const [, id] of text.matchAll(/"\w+_id":"([0-9a-f-]{36})"/g)) if (id !== undefined) ids.add(id);
  }
  return [...ids];
}

const OUTPUTS = new Map(jsonEndpoints.map(({ path, output }) => [path.replace(/:(\w+)/g, "{$1}"), output]));
const BARE = new Set(bareEndpoints.map(({ path }) => path.replace(/:(\w+)/g, "{$1}")));

function expectWellFormed(path: string, method: string, { status, text }: Answer): void {
  expect(status, `${method} ${path}: ${text}`).toBeLessThan(500);
  if (method === "HEAD" || (BARE.has(path) && status === 200)) return;
  const body: unknown = JSON.parse(text);
  if (status === 200) OUTPUTS.get(path)?.parse(body);
  else errorAnswer.parse(body);
}

describe.each(SERVERS)("%s", (_, open) => {
  let server: Server;
  let document: Document;
  let known: KnownIds;
  beforeAll(async () => {
    server = open();
    document = JSON.parse((await call(server, "GET", "/openapi.json", {})).text) as Document;
    known = await knownIds(server);
  });

  test("takes what its document says, and answers what its document says", { timeout: 240_000 }, async () => {
    expect(Object.keys(document.paths).length).toBeGreaterThan(80);
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [name, operation] of Object.entries(methods)) {
        // A stream of events does not end by itself.
        if (path === "/lockbridge/events/stream") continue;
        const method = name.toUpperCase();
        const isChange = methods["get"] === undefined;
        await fc.assert(
          fc.asyncProperty(fitting(inputSchemaOf(operation), known), fc.uuid(), async (input, id) => {
            const url = path.replace("{id}", known[0] ?? id);
            const before = isChange ? await newestEntries(server) : null;
            const answer = await call(server, method, url, input as object);
            expectWellFormed(path, method, answer);
            if (before === null || answer.status !== 200) return;
            const seen = before[0]?.seq ?? 0;
            const added = ((await newestEntries(server)) ?? []).filter(({ seq }) => seq > seen);
            expect([path, added]).toEqual([path, expect.arrayContaining([BY_US])]);
          }),
          { numRuns: RUNS },
        );
      }
    }
  });

  test(
    "refuses by its name what its document does not take, and changes nothing",
    { timeout: 120_000 },
    async () => {
      let refused = 0;
      for (const [path, { post }] of Object.entries(document.paths)) {
        if (post === undefined) continue;
        const { properties = {}, required = [] } = inputSchemaOf(post);
        const url = path.replace("{id}", "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10");
        for (const [name, schema] of Object.entries(properties)) {
          const [good] = fc.sample(fitting(inputSchemaOf(post), known), { numRuns: 1, seed: 7 });
          const wrong = misfit(schema);
          if (wrong === undefined) continue;
          const answer = await call(server, "POST", url, { ...(good as object), [name]: wrong });
          expectWellFormed(path, "POST", answer);
          expect([path, name, answer.status]).toEqual([path, name, 400]);
          const { error } = errorAnswer.parse(JSON.parse(answer.text));
          expect([path, error.type, error.validation_errors]).toEqual([
            path,
            "invalid_input",
            expect.objectContaining({ [name]: expect.anything() as unknown }),
          ]);
          refused += 1;
        }
        for (const name of required) {
          const answer = await call(server, "POST", url, {});
          expect([path, name, answer.status]).toEqual([path, name, 400]);
          expect(answer.text).toContain(`"${name}":{"_errors":["Required`);
        }
      }
      expect(refused).toBeGreaterThan(200);
    },
  );
});

function inputSchemaOf({ parameters, requestBody }: Operation): Schema {
  const body = requestBody?.content["application/json"]?.schema;
  if (body !== undefined) return body;
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  return {
    type: "object",
    properties: Object.fromEntries(inQuery.map(({ name, schema }) => [name, schema])),
    required: inQuery
      .filter((parameter) => "required" in parameter && parameter.required === true)
      .map(({ name }) => name),
  };
}
