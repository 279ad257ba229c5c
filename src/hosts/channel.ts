import type { Duplex } from "node:stream";

/** A way to the other process: whole texts, in order. */
export interface Channel {
  /** Does nothing once the channel has ended. */
  send(text: string): void;
  onText(listener: (text: string) => void): void;
  /** Called once when the other side is gone or nothing that it says can be believed; at once if it already is so. */
  onEnd(listener: (reason: string) => void): void;
  /** Says no more; the other side's `onEnd` follows. Idempotent. */
  end(): void;
}

/** A card's whole content and its keys are some kilobytes; a text beyond this is no message. */
const TEXT_BYTES_MAX = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Texts without line breaks, a line each, over a pipe between two processes. */
export function lineChannel(pipe: Duplex): Channel {
  const onText = new Set<(text: string) => void>();
  const onEnd = new Set<(reason: string) => void>();
  const lines = new LineReader();
  let endedBecause: string | null = null;
  const ended = (reason: string): void => {
    if (endedBecause !== null) return;
    endedBecause = reason;
    pipe.destroy();
    for (const listener of onEnd) listener(reason);
  };
  pipe.on("data", (chunk: Buffer) => {
    const texts = lines.push(chunk);
    if (texts === null) ended("it does not end a message");
    // A listener may end the channel.
    for (const text of texts ?? []) if (endedBecause === null) for (const listener of onText) listener(text);
  });
  pipe.on("end", () => ended("the other side has ended"));
  pipe.on("close", () => ended("the other side has ended"));
  pipe.on("error", () => ended("the pipe broke"));
  return {
    send(text) {
      if (endedBecause === null) pipe.write(`${text}\n`);
    },
    onText: (listener) => void onText.add(listener),
    onEnd(listener) {
      if (endedBecause === null) onEnd.add(listener);
      else listener(endedBecause);
    },
    end() {
      if (endedBecause === null) pipe.end();
    },
  };
}

/** Cuts a stream of bytes into lines, whatever pieces it comes in. */
export class LineReader {
  #begun: Buffer[] = [];
  #begunBytes = 0;

  /** The lines that these bytes complete, without their ends; null when a line is longer than any message. */
  push(bytes: Uint8Array): readonly string[] | null {
    const lines: string[] = [];
    let rest = Buffer.from(bytes);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      lines.push(Buffer.concat([...this.#begun, rest.subarray(0, end)]).toString());
      this.#begun = [];
      this.#begunBytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#begun.push(rest);
    this.#begunBytes += rest.length;
    return this.#begunBytes > TEXT_BYTES_MAX ? null : lines;
  }
}
