import type { z } from "zod";
import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import { InvalidInput } from "./envelope.js";
import type { Caller } from "./model.js";
import type { Endpoint } from "./schemas/endpoint.js";

/** What surrounds one call. */
export interface CallContext {
  readonly by: Caller;
  /** Wall time, epoch ms. */
  readonly now: number;
  /** For a call that waits. */
  readonly clock: Clock;
}

/** An endpoint with its behaviour. `handle` parses the raw input and answers without the envelope. */
export interface Route<Model> {
  readonly endpoint: Endpoint;
  readonly handle: (model: Model, raw: unknown, context: CallContext) => JsonObject | Promise<JsonObject>;
}

export function route<Model, Input extends z.ZodObject, Output extends z.ZodType>(
  endpoint: Endpoint<Input, Output>,
  run: (model: Model, input: z.output<Input>, context: CallContext) => JsonObject | Promise<JsonObject>,
): Route<Model> {
  return {
    endpoint,
    handle: (model, raw, context) => run(model, parseInput(endpoint.input, raw), context),
  };
}

/** Throws `InvalidInput`, which names every parameter at fault. */
export function parseInput<Input extends z.ZodObject>(schema: Input, raw: unknown): z.output<Input> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw new InvalidInput(parsed.error.issues, raw);
  return parsed.data;
}
