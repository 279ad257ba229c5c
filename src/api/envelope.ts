import type { z } from "zod";
import type { Json, JsonObject } from "#src/lib/json";
import { SeamError } from "./model.js";

/** An answer that is no success: status and body. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: JsonObject;
}

export function errorAnswer(error: SeamError, requestId: string): ErrorAnswer {
  return {
    status: error.status,
    body: {
      error: {
        type: error.type,
        message: error.parameter === undefined ? error.message : sentence(error.parameter, error.message),
        request_id: requestId,
        ...(error.data === undefined ? {} : { data: error.data }),
        ...validationErrors(error),
      },
      ok: false,
    },
  };
}

/** What the schema found wrong, as one error that lists every parameter. */
export class InvalidInput extends SeamError {
  readonly issues: readonly z.core.$ZodIssue[];

  constructor(found: readonly z.core.$ZodIssue[], input: unknown) {
    const issues = found.map((issue) => ({ ...issue, message: messageOf(issue, input) }));
    const sentences = issues.map(({ path, message }) => sentence(path.map(String).join("."), message));
    const [only = "The input is not valid"] = sentences;
    super(
      400,
      "invalid_input",
      sentences.length <= 1 ? only : `${sentences.length} Input Errors: ${sentences.join("; ")}`,
    );
    this.issues = issues;
  }
}

/** Names the parameter, unless the message does so itself. */
function sentence(parameter: string, message: string): string {
  if (parameter === "" || message.startsWith(`"${parameter}"`)) return message;
  return message === "Required" ? `"${parameter}" is required` : `"${parameter}" ${message}`;
}

function messageOf(issue: z.core.$ZodIssue, input: unknown): string {
  return issue.code !== "custom" && valueAt(input, issue.path) === undefined ? "Required" : issue.message;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** Errors nested as the input is: `{ _errors: [], code: { _errors: ["…"] } }`. */
interface ErrorTree {
  [parameter: string]: ErrorTree | string[];
}

function validationErrors(error: SeamError): { readonly validation_errors?: Json } {
  const found =
    error instanceof InvalidInput
      ? error.issues
      : error.parameter === undefined
        ? []
        : [{ path: [error.parameter], message: error.message }];
  if (found.length === 0) return {};
  const root: ErrorTree = { _errors: [] };
  for (const { path, message } of found) {
    let node = root;
    for (const key of path) node = branch(node, String(key));
    (node["_errors"] as string[]).push(message);
  }
  return { validation_errors: root };
}

function branch(node: ErrorTree, key: string): ErrorTree {
  const next = node[key];
  if (next !== undefined && !Array.isArray(next)) return next;
  const made: ErrorTree = { _errors: [] };
  node[key] = made;
  return made;
}
