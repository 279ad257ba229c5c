import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { DeskModel, JobProgress } from "./model.js";
import { type OpenStreams, sseMessage } from "./sse.js";

/** Id of the last message: a client that has it has everything. */
const DONE = "done";

/** Live steps of jobs as server-sent events. A job has a handful of steps, so a slow reader keeps little in memory. */
export class JobStreams {
  readonly #desk: DeskModel;
  readonly #streams: OpenStreams;

  constructor(desk: DeskModel, streams: OpenStreams) {
    this.#desk = desk;
    this.#streams = streams;
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
    this.#streams.checkRoom();
    const messageOf = messagesAfter(lastEventId);
    const earlier: string[] = [];
    // Until there is a response, messages are kept.
    const live = {
      isDone: false,
      send: (message: string): void => void earlier.push(message),
      end: (): void => undefined,
    };
    const stopFollowing = this.#desk.follow(attemptId, (progress) => {
      live.send(messageOf(progress));
      if (progress.step !== "done") return;
      live.isDone = true;
      live.end();
    });

    const response = takeResponse();
    if (live.isDone && lastEventId === DONE) {
      stopFollowing();
      // 204 tells a browser not to connect again.
      response.writeHead(204, headers).end();
      return;
    }
    const stream = this.#streams.begin(response, headers, { end: stopFollowing });
    stream.send(earlier.join(""));
    live.send = (message) => void stream.send(message);
    live.end = () => stream.end();
    if (live.isDone) stream.end();
  }
}

/** Turns steps into messages; those up to `lastEventId` become nothing. The last one is always sent. */
function messagesAfter(lastEventId: string | undefined): (progress: JobProgress) => string {
  const seen = /^\d{1,9}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
  let count = 0;
  return (progress) => {
    if (progress.step === "done") return sseMessage(DONE, DONE, progress);
    count += 1;
    return count <= seen ? "" : sseMessage(String(count), "progress", progress);
  };
}
