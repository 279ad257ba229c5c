import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Clock } from "#src/lib/deadline";
import type { EventFeed } from "./model.js";
import { type OpenStreams, sseMessage, type SseStream } from "./sse.js";

const BATCH = 100;

interface Reader {
  /** Of the event that was looked at last. */
  place: number;
  waitsFor: "drain" | "turn" | null;
}

export interface EventStreamRequest {
  /** The event that the reader has; what came after it follows. Undefined: what comes from now on. */
  readonly lastEventId: string | undefined;
  /** Undefined: every type. */
  readonly types: ReadonlySet<string> | undefined;
  readonly seesPins: boolean;
}

/**
 * Seam events as server-sent events. Each stream reads from the store at its reader's pace: a slow reader costs no
 * memory, and one that resumes gets what it missed.
 */
export class EventStreams {
  readonly #feed: EventFeed;
  readonly #streams: OpenStreams;
  readonly #clock: Clock;

  constructor(feed: EventFeed, streams: OpenStreams, clock: Clock) {
    this.#feed = feed;
    this.#streams = streams;
    this.#clock = clock;
  }

  /** Takes the response over. Throws `SeamError` before anything is sent when too many streams are open. */
  open(request: EventStreamRequest, headers: OutgoingHttpHeaders, takeResponse: () => ServerResponse): void {
    this.#streams.checkRoom();
    const known = request.lastEventId === undefined ? undefined : this.#feed.placeOf(request.lastEventId);
    const reader: Reader = { place: known ?? this.#feed.head(), waitsFor: null };
    let cancel = (): void => undefined;
    const pump = (): void => {
      reader.waitsFor = this.#pump(stream, reader, request);
      if (reader.waitsFor === "turn") cancel = this.#clock.startTimer(0, pump);
    };
    const stopListening = this.#feed.onNew(() => {
      if (reader.waitsFor === null) pump();
    });
    const stream = this.#streams.begin(takeResponse(), headers, {
      end() {
        stopListening();
        cancel();
      },
      drain() {
        if (reader.waitsFor === "drain") pump();
      },
    });
    // What the reader named is no longer kept: it must list the events anew.
    if (request.lastEventId !== undefined && known === undefined) stream.send("event: reset\ndata: {}\n\n");
    pump();
  }

  /** Sends one batch. What stands in the way of more: the reader, other work, or null when there is no more. */
  #pump(stream: SseStream, reader: Reader, { types, seesPins }: EventStreamRequest): Reader["waitsFor"] {
    const batch = this.#feed.after(reader.place, BATCH, seesPins);
    for (const { place, id, type, event } of batch) {
      reader.place = place;
      if (types !== undefined && !types.has(type)) continue;
      if (!stream.send(sseMessage(id, "event", event))) return "drain";
    }
    return batch.length < BATCH ? null : "turn";
  }
}
