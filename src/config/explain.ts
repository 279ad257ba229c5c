import { z } from "zod";
import { Secret } from "#src/lib/secret";
import { nearest } from "./nearest.js";
import type { Finding, Path } from "./problem.js";

/**
 * Turns what zod found into sentences for the person who edits the file. `under` is where `schema` applies; `knownKeys`
 * are keys that somebody else parses beside it.
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  at: {
    readonly schema: z.ZodType;
    readonly data: unknown;
    readonly under?: Path;
    readonly knownKeys?: readonly string[];
  },
): Finding[] {
  const { schema, data, under = [], knownKeys = [] } = at;
  return issues.flatMap((issue): Finding[] => {
    const path = [...under, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      const known = [...keysAt(schema, issue.path), ...(issue.path.length === 0 ? knownKeys : [])];
      return issue.keys.map((key) => ({
        path: [...path, key],
        at: "key",
        message: `unknown key ${shownName(key)}`,
        suggestion: meant(key, known) ?? oneOf(known),
      }));
    }
    if (issue.code === "invalid_key") {
      const message = issue.issues[0]?.message ?? "this key is not possible";
      return [{ path, at: "key", message }];
    }
    const value = valueAt(data, issue.path);
    if (value === undefined) {
      const key = String(path.at(-1) ?? "");
      return [{ path, at: "value", message: key === "" ? "the file is empty" : `"${key}" is missing` }];
    }
    if (value instanceof Secret) {
      return [{ path, at: "value", message: "a reference is not possible here; write the value itself" }];
    }
    return [{ path, at: "value", ...describe(issue, value) }];
  });
}

function describe(
  issue: z.core.$ZodIssue,
  value: unknown,
): { message: string; suggestion?: string | undefined } {
  switch (issue.code) {
    case "invalid_type":
      return { message: `this must be ${article(issue.expected)}, not ${kindOf(value)}` };
    case "invalid_value": {
      const options = issue.values.map(String);
      return { message: `this must be ${alternatives(options)}`, suggestion: meant(String(value), options) };
    }
    case "invalid_union": {
      if ("options" in issue && Array.isArray(issue.options)) {
        const options = issue.options.map(String);
        return {
          message: `this must be ${alternatives(options)}`,
          suggestion: meant(String(value), options),
        };
      }
      return { message: `${kindOf(value)} is not possible here` };
    }
    case "too_small":
    case "too_big":
      return { message: limitOf(issue) };
    default:
      return { message: issue.message };
  }
}

function limitOf(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const isLower = issue.code === "too_small";
  const limit = isLower ? issue.minimum : issue.maximum;
  if (issue.origin === "string" || issue.origin === "array") {
    const unit = issue.origin === "string" ? "characters" : "entries";
    return `this must have at ${isLower ? "least" : "most"} ${limit.toString()} ${unit}`;
  }
  const words = isLower
    ? issue.inclusive
      ? "at least"
      : "more than"
    : issue.inclusive
      ? "at most"
      : "less than";
  return `this must be ${words} ${limit.toString()}`;
}

export function meant(word: string, candidates: readonly string[]): string | undefined {
  const near = nearest(word, candidates);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}

export function oneOf(candidates: readonly string[]): string | undefined {
  return candidates.length === 0 ? undefined : `possible: ${[...new Set(candidates)].join(", ")}`;
}

function alternatives(options: readonly string[]): string {
  const quoted = options.map((option) => `"${option}"`);
  return quoted.length <= 1 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  return article(typeof value);
}

const KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a mapping",
  record: "a mapping",
  string: "a text",
};

function article(kind: string): string {
  return KINDS[kind] ?? kind;
}

export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== "object" || value === null || value instanceof Secret) return undefined;
    value = Object.hasOwn(value, step) ? (value as Readonly<Record<PropertyKey, unknown>>)[step] : undefined;
  }
  return value;
}

/** The keys that a schema knows at a place, for suggestions. */
function keysAt(schema: unknown, path: Path): readonly string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path));
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    return step === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[String(step)], rest);
  }
  if (step === undefined) return [];
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest);
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  return [];
}

/** A token that slipped to the left of its colon reads as a key: only what looks like a name is repeated. */
function shownName(key: string): string {
  return /^[a-z][a-z_-]{0,39}$/i.test(key) ? `"${key}"` : "(not shown: it may be a secret)";
}
