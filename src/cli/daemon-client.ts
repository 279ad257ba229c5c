import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { z } from "zod";
import type { Endpoint } from "#src/api/schemas/endpoint";
import { CliError, EXIT, refused } from "./exit-codes.js";
import { ServerSentEvents } from "./server-sent-events.js";

/** Every answer but a stream comes within this time unless its caller knows better, or the daemon is stuck. */
const ANSWER_MS_MAX = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const failureSchema = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

/** Talks to the daemon over its unix socket. Every failure is a `CliError` that says what a person can do. */
export class DaemonClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Calls one route. `input` is checked by the daemon, the answer here, which comes within `withinMs` or never. */
  async call<Input extends z.ZodObject, Output extends z.ZodType>(
    endpoint: Endpoint<Input, Output>,
    input: z.input<Input>,
    withinMs = ANSWER_MS_MAX,
  ): Promise<z.output<Output>> {
    const path = pathOf(endpoint, input);
    const response = await this.#send("POST", path, JSON.stringify(input), withinMs);
    const text = await textOf(response).catch((error: unknown) => {
      throw error instanceof CliError ? error : this.#lost(error);
    });
    if (!isGood(response)) throw failureOf(response.statusCode ?? 0, text);
    return understood(endpoint.output, jsonOf(text), path);
  }

  /** The events of a stream until it ends or `signal` aborts. */
  async *stream<Input extends z.ZodObject, Output extends z.ZodType>(
    endpoint: Endpoint<Input, Output>,
    input: z.input<Input>,
    signal: AbortSignal,
  ): AsyncGenerator<z.output<Output>> {
    const path = pathOf(endpoint, input);
    const events = new ServerSentEvents();
    try {
      const response = await this.#send("GET", path, null, signal);
      if (!isGood(response)) throw failureOf(response.statusCode ?? 0, await textOf(response));
      for await (const chunk of response.setEncoding("utf8")) {
        for (const data of events.push(String(chunk))) yield understood(endpoint.output, jsonOf(data), path);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof CliError ? error : this.#lost(error);
    }
  }

  #send(
    method: "GET" | "POST",
    path: string,
    body: string | null,
    /** Milliseconds, or a signal. */
    until: number | AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = request({
        socketPath: this.#socketPath,
        method,
        path,
        headers: body === null ? {} : { "content-type": "application/json" },
        ...(typeof until === "number" ? { timeout: until } : { signal: until }),
      });
      sent.once("response", resolve);
      // Of itself Node calls every connection late on which nothing came for five seconds; a stream may be silent.
      if (typeof until === "number") sent.once("timeout", () => sent.destroy(new Error("no answer in time")));
      sent.once("error", (error) => reject(this.#lost(error)));
      sent.end(body ?? undefined);
    });
  }

  #lost(cause: unknown): CliError {
    const { code, message } = cause as NodeJS.ErrnoException;
    const at = `the daemon at ${this.#socketPath}`;
    switch (code) {
      case "ENOENT":
      case "ECONNREFUSED":
        return unreachable(
          `Nothing answers as ${at}: is it running? (systemctl status lockbridge, or --socket)`,
        );
      case "EACCES":
        return unreachable(`You may not talk to ${at}: join the group lockbridge, or use sudo.`);
      default:
        return unreachable(`The connection to ${at} broke: ${message}.`);
    }
  }
}

/** `:name` in a path is one of the input's members. */
function pathOf({ path }: Endpoint, input: Readonly<Record<string, unknown>>): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(input[name])));
}

function unreachable(message: string): CliError {
  return new CliError(EXIT.unreachable, "daemon_unreachable", message);
}

function isGood({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** What the daemon refused is the caller's to change; what it could not do is not. */
function failureOf(status: number, text: string): CliError {
  const failure = failureSchema.safeParse(tryJson(text));
  if (!failure.success) {
    return new CliError(EXIT.failed, "unknown_answer", `The daemon answered ${status} without saying why.`);
  }
  const { type, message } = failure.data.error;
  return status >= 500 ? new CliError(EXIT.failed, type, message) : refused(message, type);
}

/** Parses what the daemon answered; `what` names it in the error. */
export function understood<Output extends z.ZodType>(
  schema: Output,
  value: unknown,
  what: string,
): z.output<Output> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join(".") ?? "";
  throw new CliError(
    EXIT.failed,
    "unknown_answer",
    `The daemon's answer to ${what} is not understood${where === "" ? "" : ` (at ${where})`}: do its version and this one differ?`,
  );
}

function jsonOf(text: string): unknown {
  const value = tryJson(text);
  if (value === undefined) {
    throw new CliError(
      EXIT.failed,
      "unknown_answer",
      "The answer is no JSON: is this the socket of Lockbridge?",
    );
  }
  return value;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > ANSWER_BYTES_MAX) {
      response.destroy();
      throw new CliError(EXIT.failed, "unknown_answer", "The daemon's answer does not end.");
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}
