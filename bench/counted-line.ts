import type { SerialLine } from "#driver-api";

/** What crossed the line between two writes of the host. */
export interface Exchange {
  readonly sent: number;
  readonly received: number;
}

/** A serial line that keeps count of its bytes. */
export class CountedLine implements SerialLine {
  readonly #line: SerialLine;
  #exchanges: Exchange[] = [];

  constructor(line: SerialLine) {
    this.#line = line;
    line.onData(({ length }) => {
      const last = this.#exchanges.pop() ?? { sent: 0, received: 0 };
      this.#exchanges.push({ ...last, received: last.received + length });
    });
  }

  /** The exchanges since the last call. */
  take(): readonly Exchange[] {
    return this.#exchanges.splice(0);
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#exchanges.push({ sent: bytes.length, received: 0 });
    return this.#line.write(bytes, signal);
  }

  onData(listener: (chunk: Uint8Array) => void): () => void {
    return this.#line.onData(listener);
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#line.onClose(listener);
  }

  setBaudRate(baud: number): Promise<void> {
    return this.#line.setBaudRate(baud);
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}

export function bytesOf(exchanges: readonly Exchange[]): number {
  return exchanges.reduce((sum, { sent, received }) => sum + sent + received, 0);
}
