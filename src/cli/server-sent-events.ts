/** More than any event of ours; a stream that never ends a line must not fill the memory. */
const EVENT_CHARACTERS_MAX = 256_000;

/**
 * Takes a `text/event-stream` apart (WHATWG HTML, "Server-sent events"): the data of each event, comments and other
 * fields left out. Chunks may be cut anywhere.
 */
export class ServerSentEvents {
  #line = "";
  #data: string[] = [];
  #size = 0;
  /** The last chunk ended in CR: an LF at the start of the next belongs to it. */
  #endsInCarriageReturn = false;

  /** The data of the events that `chunk` completes. Throws RangeError when an event is longer than any of ours. */
  push(chunk: string): string[] {
    if (chunk === "") return [];
    const text = this.#endsInCarriageReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    this.#endsInCarriageReturn = chunk.endsWith("\r");
    this.#size += text.length;
    if (this.#size > EVENT_CHARACTERS_MAX) {
      throw new RangeError("the event stream holds an event that is too long");
    }
    const lines = (this.#line + text).split(/\r\n|\r|\n/);
    this.#line = lines.pop() ?? "";
    return lines.flatMap((line) => this.#take(line));
  }

  #take(line: string): string[] {
    if (line === "") {
      const event = this.#data.join("\n");
      const isEvent = this.#data.length > 0;
      this.#data = [];
      this.#size = this.#line.length;
      return isEvent ? [event] : [];
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") this.#data.push(value ?? "");
    return [];
  }
}
