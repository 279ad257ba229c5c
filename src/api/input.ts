import { z } from "zod";
import type { JsonObject } from "#src/lib/json";

/**
 * One input out of query, body and path; the body wins over the query, the path over both. A query holds only texts,
 * so its values are read by what the schema expects; JSON values are taken as they are.
 */
export function inputOf(
  schema: z.ZodObject,
  { query, body, path }: { readonly query: string; readonly body: JsonObject; readonly path: object },
): Record<string, unknown> {
  // Without a prototype, no parameter's name can mean anything else.
  const input = Object.create(null) as Record<string, unknown>;
  return Object.assign(input, readQuery(schema, new URLSearchParams(query)), body, path);
}

/** The part of a URL after its question mark. */
export function queryOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? "" : url.slice(mark + 1);
}

function readQuery(schema: z.ZodObject, params: URLSearchParams): Record<string, unknown> {
  const isStrict = params.has("_strict");
  const input = Object.create(null) as Record<string, unknown>;
  for (const name of new Set(params.keys())) {
    const [root = "", ...inner] = name.split(".");
    const isList = root.endsWith("[]");
    const key = isList ? root.slice(0, -2) : root;
    if (key === "_strict" || key === "__proto__") continue;
    const field = fieldOf(schema, key);
    const texts = params.getAll(name);
    input[key] =
      inner.length === 0 ? readField(field, texts, isStrict) : nest(input[key], field, inner, texts);
  }
  return input;
}

/** `access_schedule.ends_at=…`: one level is all that any parameter has. */
function nest(
  before: unknown,
  field: z.core.$ZodType | undefined,
  names: readonly string[],
  texts: readonly string[],
): unknown {
  const name = names.join(".");
  const inside = field === undefined ? undefined : expected(field);
  const innerField = inside instanceof z.ZodObject ? fieldOf(inside, name) : undefined;
  const group = Object.create(null) as Record<string, unknown>;
  if (typeof before === "object" && !Array.isArray(before)) Object.assign(group, before);
  group[name] = readField(innerField, texts, true);
  return group;
}

function fieldOf(schema: z.ZodObject, name: string): z.core.$ZodType | undefined {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return Object.hasOwn(shape, name) ? shape[name] : undefined;
}

/** What does not read as the expected kind stays text, for the schema to refuse by name. */
function readField(field: z.core.$ZodType | undefined, texts: readonly string[], isStrict: boolean): unknown {
  const kind = field === undefined ? undefined : expected(field);
  const [first = ""] = texts;
  if (kind instanceof z.ZodArray || kind instanceof z.ZodTuple) {
    if (texts.length > 1) return texts;
    if (first === "") return [];
    return isStrict ? texts : first.split(",");
  }
  if (texts.length > 1) return texts;
  if (first === "") return null;
  if (kind instanceof z.ZodNumber && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(first)) return Number(first);
  if (kind instanceof z.ZodBoolean && (first === "true" || first === "false")) return first === "true";
  return first;
}

/** The kind of value a schema wants, under its wrappers. */
function expected(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return expected(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? expected(schema.def.in) : schema;
}
