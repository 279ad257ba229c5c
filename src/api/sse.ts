import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Clock } from "#src/lib/deadline";
import { SeamError } from "./model.js";

/** A comment line that often: it keeps proxies from closing a stream in which nothing happens. */
export const HEARTBEAT_MS = 15_000;
/** A reader that takes nothing for so long is let go; it may come back and resume. */
export const STALLED_MS = 4 * HEARTBEAT_MS;
const STREAMS_MAX = 64;
/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;

export interface SseStream {
  /** False: the reader is behind. What is sent all the same is kept in memory until it is read. */
  send(message: string): boolean;
  end(): void;
}

/** Open streams of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export class OpenStreams {
  readonly #clock: Clock;
  readonly #open = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `SeamError` when too many are open. */
  checkRoom(): void {
    if (this.#open.size < STREAMS_MAX) return;
    throw new SeamError(429, "too_many_streams", `At most ${STREAMS_MAX} streams may be open at once.`);
  }

  /** Begins a stream on a response. `on.end` is called once, however it ends; `on.drain` when the reader caught up. */
  begin(
    response: ServerResponse,
    headers: OutgoingHttpHeaders,
    on: { readonly end: () => void; readonly drain?: () => void },
  ): SseStream {
    response.writeHead(200, { ...headers, "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.write(`retry: ${RETRY_MS}\n\n`);
    const stopHeartbeat = this.#beat(response);
    const end = (): void => {
      if (!this.#open.delete(end)) return;
      stopHeartbeat();
      on.end();
      response.end();
    };
    this.#open.add(end);
    response.once("close", end);
    if (on.drain !== undefined) response.on("drain", on.drain);
    return { send: (message) => response.write(message), end };
  }

  /** Ends every stream, so that the server can close. */
  closeAll(): void {
    for (const end of [...this.#open]) end();
  }

  #beat(response: ServerResponse): () => void {
    let cancel = (): void => undefined;
    let stalledMs = 0;
    const next = (): void => {
      cancel = this.#clock.startTimer(HEARTBEAT_MS, () => {
        stalledMs = response.writableNeedDrain ? stalledMs + HEARTBEAT_MS : 0;
        if (stalledMs >= STALLED_MS) {
          response.destroy();
          return;
        }
        if (stalledMs === 0) response.write(": still here\n\n");
        next();
      });
    };
    next();
    return () => cancel();
  }
}

/** JSON has no bare line breaks, so one `data:` line is enough. */
export function sseMessage(id: string, event: string, data: object): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
