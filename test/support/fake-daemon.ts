import { mkdtempSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { jobProgress } from "#src/api/schemas/desk";
import type { Endpoint } from "#src/api/schemas/endpoint";

/**
 * A daemon that says what a test tells it to, on a real unix socket. The whole gateway cannot be made to answer every
 * refusal, break every stream and stay silent at will; this can, and it cannot drift from the real one: what it takes
 * and gives goes through the schemas of the real routes.
 */
export interface FakeDaemon {
  readonly socketPath: string;
  /** Every call that came, in order: path and parsed input. */
  readonly calls: readonly { readonly path: string; readonly input: unknown }[];
  on<Input extends z.ZodObject, Output extends z.ZodType>(
    endpoint: Endpoint<Input, Output>,
    answer: (input: z.output<Input>) => z.input<Output>,
  ): void;
  /** Answers a route with these very bytes, and a status. */
  onRaw(path: string, status: number, body: string): void;
  /** Takes calls of a route and never answers. */
  onSilence(path: string): void;
  /** What the live stream of every job tells. */
  onStream(tell: (stream: JobStream) => void | Promise<void>): void;
  close(): Promise<void>;
}

export interface JobStream {
  progress(progress: z.input<typeof jobProgress>): void;
  raw(text: string): void;
  end(): void;
  /** Ends the connection in the middle. */
  cut(): void;
}

/** An answer that is no success. */
export class Refusal extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Answered {
  readonly pattern: RegExp;
  /** null: no answer, ever. */
  readonly answer: (body: unknown, match: RegExpMatchArray) => Answer | null;
}

export async function startFakeDaemon(): Promise<FakeDaemon> {
  const socketPath = join(mkdtempSync(join(tmpdir(), "lockbridge-cli-")), "sock");
  const routes: Answered[] = [];
  const calls: { path: string; input: unknown }[] = [];
  let tellStream: (stream: JobStream) => void | Promise<void> = (stream) => stream.end();

  const server = createServer((request, response) => {
    void serve(request, response);
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (path.endsWith("/stream")) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      await tellStream(streamOn(response));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const answer = answerTo(path, text === "" ? {} : (JSON.parse(text) as unknown));
    if (answer === null) return;
    const { status, body } = answer;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  }

  function answerTo(path: string, body: unknown): Answer | null {
    for (const { pattern, answer } of routes) {
      const match = pattern.exec(path);
      if (match !== null) return answer(body, match);
    }
    return { status: 404, body: failure("not_found", `There is no route ${path}.`) };
  }

  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    calls,
    on(endpoint, answer) {
      const names = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
      const pattern = new RegExp(`^${endpoint.path.replaceAll(/:\w+/g, "([^/]+)")}$`);
      routes.unshift({
        pattern,
        answer(body, match) {
          const fromPath = Object.fromEntries(names.map((name, index) => [name, match[index + 1]]));
          const input = endpoint.input.parse({ ...(body as object), ...fromPath });
          calls.push({ path: match[0], input });
          try {
            return { status: 200, body: JSON.stringify(endpoint.output.parse(answer(input))) };
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            return { status: error.status, body: failure(error.type, error.message) };
          }
        },
      });
    },
    onRaw(path, status, body) {
      routes.unshift({ pattern: new RegExp(`^${path}$`), answer: () => ({ status, body }) });
    },
    onSilence(path) {
      routes.unshift({ pattern: new RegExp(`^${path}$`), answer: () => null });
    },
    onStream(tell) {
      tellStream = tell;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function streamOn(response: ServerResponse): JobStream {
  return {
    progress(progress) {
      response.write(`event: progress\ndata: ${JSON.stringify(jobProgress.parse(progress))}\n\n`);
    },
    raw: (text) => void response.write(text),
    end: () => void response.end(),
    cut: () => void response.destroy(),
  };
}

function failure(type: string, message: string): string {
  return JSON.stringify({ error: { type, message, request_id: "r" }, ok: false });
}
