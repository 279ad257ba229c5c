import type { Server, ServerResponse } from "node:http";
import { sleep, type Clock } from "#src/lib/deadline";

/**
 * Answers under way. A server that closes waits for them, and then cuts every connection: one that is open without
 * ever asking for anything would otherwise hold the close up.
 */
export class AnswersUnderWay {
  readonly #open = new Set<ServerResponse>();
  #onEmpty = (): void => undefined;

  constructor(server: Server) {
    server.on("request", (_, response: ServerResponse) => {
      this.#open.add(response);
      response.once("close", () => {
        this.#open.delete(response);
        if (this.#open.size === 0) this.#onEmpty();
      });
    });
  }

  /** Resolves when none is left, or after `msMax`. */
  async finish(clock: Clock, msMax: number): Promise<void> {
    if (this.#open.size === 0) return;
    const isEmpty = new AbortController();
    this.#onEmpty = () => isEmpty.abort();
    await sleep(clock, msMax, isEmpty.signal).catch(() => undefined);
  }
}
