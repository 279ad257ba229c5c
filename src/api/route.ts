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
export type Route<Model> = WaitingRoute<Model> | ChangeRoute<Model>;

interface WaitingRoute<Model> {
  readonly endpoint: Endpoint;
  readonly isChange: false;
  readonly handle: (model: Model, raw: unknown, context: CallContext) => JsonObject | Promise<JsonObject>;
}

/** Changes documents and nothing else, and waits for nothing: several callers' changes may share one commit. */
interface ChangeRoute<Model> {
  readonly endpoint: Endpoint;
  readonly isChange: true;
  readonly handle: (model: Model, raw: unknown, context: CallContext) => JsonObject;
}

export function route<Model, Input extends z.ZodObject, Output extends z.ZodType>(
  endpoint: Endpoint<Input, Output>,
  run: (model: Model, input: z.output<Input>, context: CallContext) => JsonObject | Promise<JsonObject>,
): Route<Model> {
  return {
    endpoint,
    isChange: false,
    handle: (model, raw, context) => run(model, parseInput(endpoint.input, raw), context),
  };
}

/** A route that changes documents and does nothing that must come after they are stored. */
export function changeRoute<Model, Input extends z.ZodObject, Output extends z.ZodType>(
  endpoint: Endpoint<Input, Output>,
  run: (model: Model, input: z.output<Input>, context: CallContext) => JsonObject,
): Route<Model> {
  return {
    endpoint,
    isChange: true,
    handle: (model, raw, context) => run(model, parseInput(endpoint.input, raw), context),
  };
}

/** Throws `InvalidInput`, which names every parameter at fault. */
export function parseInput<Input extends z.ZodObject>(schema: Input, raw: unknown): z.output<Input> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw new InvalidInput(parsed.error.issues, raw);
  return parsed.data;
}
