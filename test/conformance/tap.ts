import type { LineDevice } from "#test/support/memory-line";

/** Which way bytes go. */
export type Side = "to_device" | "to_host";
export const SIDES: readonly Side[] = ["to_device", "to_host"];

/**
 * What becomes of one chunk: the chunks that go on in its place. A chunk is what the host wrote, or the device said,
 * in one piece; `number` counts them from 1 since the bend was laid on.
 */
export type Bend = (chunk: Uint8Array, number: number) => readonly Uint8Array[];

const straight: Bend = (chunk) => [chunk];

/** Sits at the device's end of the line, where a trouble can be laid on what goes by. */
export class Tap implements LineDevice {
  readonly #device: LineDevice;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  readonly #bends: Record<Side, Bend> = { to_device: straight, to_host: straight };
  readonly #numbers: Record<Side, number> = { to_device: 0, to_host: 0 };
  /** What the device says in one turn arrives in one piece. */
  isGluing = false;
  #glued: Uint8Array[] = [];

  constructor(device: LineDevice) {
    this.#device = device;
    device.onSend((bytes) => {
      for (const chunk of this.#bent("to_host", bytes.slice())) this.say(chunk);
    });
  }

  /** Replaces what was laid on before. */
  bend(side: Side, bend: Bend): void {
    this.#bends[side] = bend;
    this.#numbers[side] = 0;
  }

  /** Bytes go by as they are again. */
  straighten(): void {
    for (const side of SIDES) this.bend(side, straight);
    this.isGluing = false;
  }

  receive(bytes: Uint8Array): void {
    for (const chunk of this.#bent("to_device", bytes)) this.#device.receive(chunk);
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bytes to the host that pass no bend. */
  say(bytes: Uint8Array): void {
    if (!this.isGluing) {
      this.#tell(bytes);
      return;
    }
    this.#glued.push(bytes);
    if (this.#glued.length > 1) return;
    queueMicrotask(() => {
      const inOnePiece = Buffer.concat(this.#glued);
      this.#glued = [];
      this.#tell(inOnePiece);
    });
  }

  #tell(bytes: Uint8Array): void {
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  #bent(side: Side, chunk: Uint8Array): readonly Uint8Array[] {
    this.#numbers[side] += 1;
    return this.#bends[side](chunk, this.#numbers[side]);
  }
}

/** A trouble at one place of a conversation. */
export interface Trouble {
  /** The conversation came as far as the place. */
  readonly isReached: boolean;
}

/** Something happens just before chunk `place` goes by. */
export function justBefore(tap: Tap, side: Side, place: number, act: () => void): Trouble {
  const trouble = { isReached: false };
  tap.bend(side, (chunk, number) => {
    if (number === place) {
      trouble.isReached = true;
      act();
    }
    return [chunk];
  });
  return trouble;
}

/** Chunk `place` never arrives; with `untilEver` neither does any after it. */
export function lose(tap: Tap, side: Side, place: number, untilEver: "once" | "from then on"): Trouble {
  const trouble = { isReached: false };
  tap.bend(side, (chunk, number) => {
    const isLost = untilEver === "once" ? number === place : number >= place;
    trouble.isReached ||= isLost;
    return isLost ? [] : [chunk];
  });
  return trouble;
}

/** Chunk `place` arrives only `by` chunks later, glued before that one. */
export function delay(tap: Tap, side: Side, place: number, by: number): Trouble {
  const trouble = { isReached: false };
  let late: Uint8Array = new Uint8Array();
  tap.bend(side, (chunk, number) => {
    if (number === place) {
      trouble.isReached = true;
      late = chunk;
      return [];
    }
    return [number === place + by ? Buffer.concat([late, chunk]) : chunk];
  });
  return trouble;
}

/** One bit of the byte `place`, counted from 1 over all chunks, turns over; another bit at every place. */
export function flip(tap: Tap, side: Side, place: number): Trouble {
  const trouble = { isReached: false };
  let passed = 0;
  tap.bend(side, (chunk) => {
    const index = place - passed - 1;
    passed += chunk.length;
    const byte = chunk[index];
    if (byte === undefined) return [chunk];
    trouble.isReached = true;
    const wrong = Uint8Array.from(chunk);
    wrong[index] = byte ^ (1 << (place % 8));
    return [wrong];
  });
  return trouble;
}

/** From chunk `place` on nothing arrives until `goOn`, which lets all of it through, in one piece a side. */
export function pause(
  tap: Tap,
  side: Side,
  place: number,
): Trouble & { arrived: Promise<void>; goOn(): void } {
  const kept: Record<Side, Uint8Array[]> = { to_device: [], to_host: [] };
  const trouble = { isReached: false };
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const keep = (at: Side) => (chunk: Uint8Array, number: number) => {
    if (at === side && number === place) {
      trouble.isReached = true;
      arrive();
    }
    if (!trouble.isReached) return [chunk];
    kept[at].push(chunk);
    return [];
  };
  for (const at of SIDES) tap.bend(at, keep(at));
  return {
    arrived,
    get isReached() {
      return trouble.isReached;
    },
    goOn() {
      tap.straighten();
      if (kept.to_host.length > 0) tap.say(Buffer.concat(kept.to_host));
      if (kept.to_device.length > 0) tap.receive(Buffer.concat(kept.to_device));
    },
  };
}
