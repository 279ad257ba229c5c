import { z } from "zod";

/**
 * One route as data: what the server registers, what the CLI calls, what the documents list. Its behaviour lies in
 * `api/routes`.
 */
export interface Endpoint<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType> {
  /** `:name` is a part of the path that joins the input. */
  readonly path: string;
  /** POST first: every route takes it. */
  readonly methods: readonly Method[];
  /** The least role that may call it; null: no key needed. */
  readonly role: "viewer" | "technician" | "admin" | null;
  readonly input: Input;
  readonly output: Output;
}

export type Method = "POST" | "GET" | "HEAD" | "PATCH" | "PUT" | "DELETE";

/** Methods by kind of act: POST, and what HTTP calls it. */
export const READ = ["POST", "GET"] as const satisfies readonly Method[];
export const ACT = ["POST"] as const satisfies readonly Method[];
export const CHANGE = ["POST", "PATCH", "PUT"] as const satisfies readonly Method[];
export const REMOVE = ["POST", "DELETE"] as const satisfies readonly Method[];

export function endpoint<Input extends z.ZodObject, Output extends z.ZodType>(
  definition: Endpoint<Input, Output>,
): Endpoint<Input, Output> {
  return definition;
}

/** The success envelope around `shape`. */
export function answer<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object({ ...shape, ok: z.literal(true) });
}

/** Every error answer. */
export const errorAnswer = z.object({
  error: z.object({
    type: z.string(),
    message: z.string(),
    request_id: z.string(),
    data: z.json().optional(),
    /** Nested as the input is: `{ _errors: [], code: { _errors: ["…"] } }`. */
    validation_errors: z.record(z.string(), z.unknown()).optional(),
  }),
  ok: z.literal(false),
});
