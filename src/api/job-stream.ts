import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Clock } from "#src/lib/deadline";
import { type DeskModel, type JobProgress, SeamError } from "./model.js";

/** A comment line that often: it keeps proxies from closing a stream in which nothing happens. */
export const HEARTBEAT_MS = 15_000;
const STREAMS_MAX = 64;
/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;
/** Id of the last message: a client that has it has everything. */
const DONE = "done";

/** Live steps of jobs as server-sent events. */
export class JobStreams {
  readonly #desk: DeskModel;
  readonly #clock: Clock;
  readonly #open = new Set<() => void>();

  constructor(desk: DeskModel, clock: Clock) {
    this.#desk = desk;
    this.#clock = clock;
  }

  /**
   * Takes the response over, sends the steps after `lastEventId` and then what comes, and ends it after `done`.
   * Throws `SeamError` before anything is sent when there is no such job, or too many streams are open.
   */
  open(
    attemptId: string,
    lastEventId: string | undefined,
    headers: OutgoingHttpHeaders,
    takeResponse: () => ServerResponse,
  ): void {
    if (this.#open.size >= STREAMS_MAX) {
      throw new SeamError(429, "too_many_streams", `At most ${STREAMS_MAX} streams may be open at once.`);
    }
    const messageOf = messagesAfter(lastEventId);
    const earlier: string[] = [];
    // Until there is a response, messages are kept.
    const stream = {
      isDone: false,
      send: (message: string): void => void earlier.push(message),
      end: (): void => undefined,
    };
    const stopFollowing = this.#desk.follow(attemptId, (progress) => {
      stream.send(messageOf(progress));
      if (progress.step !== "done") return;
      stream.isDone = true;
      stream.end();
    });

    const response = takeResponse();
    if (stream.isDone && lastEventId === DONE) {
      stopFollowing();
      // 204 tells a browser not to connect again.
      response.writeHead(204, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.write(`retry: ${RETRY_MS}\n\n${earlier.join("")}`);
    const stopHeartbeat = this.#beat(response);
    const end = (): void => {
      if (!this.#open.delete(end)) return;
      stopHeartbeat();
      stopFollowing();
      response.end();
    };
    this.#open.add(end);
    stream.send = (message) => void response.write(message);
    stream.end = end;
    response.once("close", end);
    if (stream.isDone) end();
  }

  /** Ends every stream, so that the server can close. */
  closeAll(): void {
    for (const end of [...this.#open]) end();
  }

  #beat(response: ServerResponse): () => void {
    let cancel = (): void => undefined;
    const next = (): void => {
      cancel = this.#clock.startTimer(HEARTBEAT_MS, () => {
        response.write(": still here\n\n");
        next();
      });
    };
    next();
    return () => cancel();
  }
}

/** Turns steps into messages; those up to `lastEventId` become nothing. The last one is always sent. */
function messagesAfter(lastEventId: string | undefined): (progress: JobProgress) => string {
  const seen = /^\d{1,9}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
  let count = 0;
  return (progress) => {
    if (progress.step === "done") return message(DONE, DONE, progress);
    count += 1;
    return count <= seen ? "" : message(String(count), "progress", progress);
  };
}

/** JSON has no bare line breaks, so one `data:` line is enough. */
function message(id: string, event: string, data: JobProgress): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
