import { z } from "zod";
import type { JsonObject } from "#src/lib/json";
import { type Endpoint, errorAnswer, type Method } from "./schemas/endpoint.js";
import { id } from "./schemas/fields.js";
import * as objects from "./schemas/objects.js";

/** Where parameters travel by method: as Seam's SDK of the second generation sends them. */
const IN_QUERY: readonly Method[] = ["GET", "HEAD", "DELETE"];

/** These answer no JSON object. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  "/metrics": "text/plain",
  "/lockbridge/jobs/:id/stream": "text/event-stream",
  "/lockbridge/events/stream": "text/event-stream",
};

/**
 * The API in OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), made from the schemas that check the requests. What a
 * rule of the site refuses besides is in no schema.
 */
export function openApiDocument(endpoints: readonly Endpoint[]): JsonObject {
  const paths = Object.fromEntries(
    [...endpoints]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map((endpoint) => [
        endpoint.path.replace(/:(\w+)/g, "{$1}"),
        Object.fromEntries(
          endpoint.methods.map((method) => [method.toLowerCase(), operation(endpoint, method)]),
        ),
      ]),
  );
  return plain({
    openapi: "3.1.0",
    info: {
      title: "Lockbridge",
      version: "1",
      description: "Seam's API on the site's own network, and what only a gateway offers under /lockbridge.",
    },
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "seam_…" } },
      schemas: {
        Error: jsonSchemaOf(errorAnswer, "output"),
        ...Object.fromEntries(
          OBJECTS.map(([name, schema]) => [name, jsonSchemaOf(schema, "output", schema)]),
        ),
      },
      responses: {
        Error: {
          description: "Refused, or failed",
          content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
        },
      },
    },
    paths,
  });
}

function operation(endpoint: Endpoint, method: Method): object {
  const { path, role, output } = endpoint;
  const input = inputSchemaOf(endpoint);
  const names = Object.keys(input.properties);
  const inPath = names.filter((name) => path.includes(`:${name}`));
  const rest = names.filter((name) => !inPath.includes(name));
  const isInQuery = IN_QUERY.includes(method);
  const parameter = (name: string, where: "path" | "query"): object => ({
    name,
    in: where,
    required: where === "path" || input.required.includes(name),
    schema: input.properties[name],
  });
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-zA-Z]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    "x-role": role ?? "none",
    ...(role === null ? {} : { security: [{ key: [] }] }),
    parameters: [
      ...inPath.map((name) => parameter(name, "path")),
      ...(isInQuery ? rest.map((name) => parameter(name, "query")) : []),
    ],
    ...(isInQuery ? {} : { requestBody: bodyOf(input, rest) }),
    responses: {
      "200": {
        description: "Done",
        content: { [CONTENT_TYPES[path] ?? "application/json"]: { schema: jsonSchemaOf(output, "output") } },
      },
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

interface InputSchema {
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
}

function bodyOf({ properties, required }: InputSchema, names: readonly string[]): object {
  const needed = names.filter((name) => required.includes(name));
  return {
    required: needed.length > 0,
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: Object.fromEntries(names.map((name) => [name, properties[name]])),
          ...(needed.length === 0 ? {} : { required: needed }),
        },
      },
    },
  };
}

function inputSchemaOf({ input }: Endpoint): InputSchema {
  const { properties = {}, required = [] } = jsonSchemaOf(input, "input") as Partial<InputSchema>;
  return { properties, required };
}

/** Seam's objects, which many answers share. */
const OBJECTS: readonly (readonly [string, z.ZodType])[] = Object.entries(objects).flatMap(
  ([name, schema]) =>
    schema instanceof z.ZodObject ? [[name.slice(0, 1).toUpperCase() + name.slice(1), schema] as const] : [],
);

/** `whole`: the one that is not to be a reference to itself. */
function jsonSchemaOf(schema: z.ZodType, io: "input" | "output", whole?: z.ZodType): object {
  const made = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override({ zodSchema: found, jsonSchema }) {
      const zodSchema: z.core.$ZodType = found;
      const shared = zodSchema === whole ? undefined : OBJECTS.find(([, object]) => object === zodSchema);
      if (shared !== undefined) {
        for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
        jsonSchema.$ref = `#/components/schemas/${shared[0]}`;
      }
      if (zodSchema === id) jsonSchema.format = "uuid";
      // Zod's pattern of all dates there can be says no more than the format.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
      // What is answered may grow.
      if (io === "output") delete jsonSchema.additionalProperties;
      if (zodSchema instanceof z.ZodObject) dropRefused(jsonSchema, zodSchema);
    },
  });
  delete made.$schema;
  return made;
}

/** Parameters that are only there to be refused by name are none. */
function dropRefused({ properties = {} }: z.core.JSONSchema.BaseSchema, object: z.ZodObject): void {
  const shape: Readonly<Record<string, z.core.$ZodType>> = object.shape;
  for (const [name, field] of Object.entries(shape)) {
    if (isRefused(field)) Reflect.deleteProperty(properties, name);
  }
}

function isRefused(field: z.core.$ZodType): boolean {
  if (field instanceof z.ZodOptional) return isRefused(field.def.innerType);
  return field instanceof z.ZodUndefined || field instanceof z.ZodNever;
}

function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
