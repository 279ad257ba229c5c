import fc from "fast-check";

/** The part of JSON Schema that the document uses. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema | false;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Ids of things that there are, so that what is generated gets past the look-up now and then. */
export type KnownIds = readonly string[];

/** Anything that the schema takes. */
export function fitting(schema: Schema, known: KnownIds): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return fc.oneof(...either.map((one) => fitting(one, known)));
  const [only] = schema.allOf ?? [];
  if (only !== undefined) return fitting(only, known);
  switch (schema.type) {
    case "string":
      return text(schema, known);
    case "integer":
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000, 10_000) });
    case "number":
      return fc.integer({ min: Math.ceil(schema.minimum ?? 0), max: Math.floor(schema.maximum ?? 1_000) });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return list(schema, known);
    case "object":
      return object(schema, known);
    default:
      return fc.jsonValue({ maxDepth: 1 });
  }
}

function object({ properties = {}, required = [] }: Schema, known: KnownIds): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, fitting(field, known)]),
  );
  return fc.record(fields, { requiredKeys: [...required] });
}

function list(
  { items, prefixItems, minItems = 0, maxItems = 3 }: Schema,
  known: KnownIds,
): fc.Arbitrary<unknown> {
  if (prefixItems !== undefined) return fc.tuple(...prefixItems.map((item) => fitting(item, known)));
  const item = items === undefined || items === false ? fc.constant("x") : fitting(items, known);
  return fc.array(item, { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) });
}

function text(
  { format, pattern, minLength = 0, maxLength = 20 }: Schema,
  known: KnownIds,
): fc.Arbitrary<unknown> {
  switch (format) {
    case "uuid":
      return known.length === 0 ? fc.uuid() : fc.oneof(fc.constantFrom(...known), fc.uuid());
    case "date-time":
      return fc
        .integer({ min: 1, max: 4_000 })
        .map((hours) => new Date(Date.now() + hours * 3_600_000).toISOString());
    case "email":
      return fc.constantFrom("ada@example.com", "b.c+d@example.org");
    default:
      if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
      return fc.string({
        minLength: Math.max(minLength, 1),
        maxLength: Math.max(minLength, Math.min(maxLength, 20)),
      });
  }
}

/** A value of a kind that the schema does not take; undefined: it takes every kind. */
export function misfit(schema: Schema): unknown {
  const kinds = kindsOf(schema);
  if (kinds.size === 0) return undefined;
  if (!kinds.has("object")) return { not: "this" };
  return kinds.has("string") ? undefined : "not this";
}

function kindsOf({ type, const: fixed, enum: choice, anyOf, oneOf, allOf }: Schema): ReadonlySet<string> {
  if (type !== undefined) return new Set(typeof type === "string" ? [type] : type);
  if (fixed !== undefined) return new Set([typeof fixed]);
  if (choice !== undefined) return new Set(choice.map((value) => typeof value));
  return new Set([...(anyOf ?? oneOf ?? allOf ?? [])].flatMap((one) => [...kindsOf(one)]));
}
