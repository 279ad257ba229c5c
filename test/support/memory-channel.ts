import type { Channel } from "#src/hosts/channel";

/** Both ends of a channel in memory. Texts arrive in later microtasks, in order. */
export function memoryChannels(): readonly [Channel, Channel] {
  const ends = [new End(), new End()] as const;
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  return ends;
}

class End implements Channel {
  other: End | undefined;
  readonly #onText = new Set<(text: string) => void>();
  readonly #onEnd = new Set<(reason: string) => void>();
  #hasEnded = false;

  send(text: string): void {
    if (this.#hasEnded) return;
    const { other } = this;
    queueMicrotask(() => {
      if (other === undefined || other.#hasEnded) return;
      for (const listener of other.#onText) listener(text);
    });
  }

  onText(listener: (text: string) => void): void {
    this.#onText.add(listener);
  }

  onEnd(listener: (reason: string) => void): void {
    this.#onEnd.add(listener);
  }

  end(): void {
    const { other } = this;
    queueMicrotask(() => {
      this.#finish("ended here");
      if (other !== undefined) other.#finish("the other side has ended");
    });
  }

  #finish(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const listener of this.#onEnd) listener(reason);
  }
}
