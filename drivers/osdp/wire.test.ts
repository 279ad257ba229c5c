import { beforeEach, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import { requests } from "./messages.js";
import { encodeCommand } from "./protocol.js";
import { Session } from "./session.js";
import { type Outcome, Wire } from "./wire.js";

/** One command and its answer in time: how long is waited, and for what. */

const BAUD = 9_600;
/** A poll with its mark: nine bytes. */
const SENDING_MS = (9 * 10_000) / BAUD;
const CHARACTER_MS = 10_000 / BAUD;

let clock: VirtualClock;
let wire: Wire;
let session: Session;
/** When each command left, and its bytes. */
let sent: { readonly at: number; readonly hex: string }[];
let say: (bytes: Uint8Array) => void;

beforeEach(() => {
  clock = new VirtualClock();
  sent = [];
  session = new Session(5);
  const line = new MemoryLine({
    receive: (bytes) => sent.push({ at: clock.monotonic(), hex: toHex(bytes) }),
    onSend: (listener) => {
      say = listener;
      return () => undefined;
    },
  });
  const log = { debug: () => undefined, warn: () => undefined };
  wire = new Wire({ line, clock, log }, BAUD);
});

const poll = () => wire.converse(session.begin(requests.poll()));
const ack = (sequence = 0) =>
  encodeCommand({
    address: 0x85,
    sequence,
    usesCrc: true,
    security: null,
    code: 0x40,
    data: new Uint8Array(),
  });
const later = (ms: number, bytes: Uint8Array) => clock.startTimer(ms, () => say(bytes));
const outcomeOf = (work: Promise<Outcome>) => clock.until(work, { msMax: 60_000 });

describe("an answer", () => {
  test("may begin 200 ms after the last byte of the command left, and an adapter may add 16 ms", async () => {
    later(SENDING_MS + 215, ack());
    expect((await outcomeOf(poll())).is).toBe("answered");
    expect(sent).toHaveLength(1);
  });

  test("that is later is asked for again, with the same bytes, twice; then nothing was heard", async () => {
    expect(await outcomeOf(poll())).toEqual({ is: "silent", heard: "nothing" });
    expect(sent.map(({ hex }) => hex)).toEqual(Array(3).fill(sent[0]?.hex));
    const [first, second] = sent;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeCloseTo(SENDING_MS + 216);
  });

  test("that has begun is waited for, though its pieces come late", async () => {
    const bytes = ack();
    for (const [index, piece] of [bytes.subarray(0, 3), bytes.subarray(3, 6), bytes.subarray(6)].entries())
      later(SENDING_MS + 210 + index * 55, piece);
    expect((await outcomeOf(poll())).is).toBe("answered");
    expect(sent).toHaveLength(1);
  });

  test("BUSY is given 50 ms before the same bytes come again", async () => {
    const busy = encodeCommand({
      address: 0x85,
      sequence: 0,
      usesCrc: true,
      security: null,
      code: 0x79,
      data: new Uint8Array(),
    });
    later(10, busy);
    later(70, ack());
    expect((await outcomeOf(poll())).is).toBe("answered");
    expect(sent.map(({ at }) => at)).toEqual([0, 60]);
    expect(sent[1]?.hex).toBe(sent[0]?.hex);
  });

  test("that never ends is given up", async () => {
    const babble = () => {
      say(fromHex("5385a00505"));
      clock.startTimer(40, babble);
    };
    babble();
    expect(await outcomeOf(poll())).toEqual({ is: "silent", heard: "noise" });
    expect(clock.monotonic()).toBeLessThan(3 * (SENDING_MS + 216 + 1_440 * CHARACTER_MS) + 100);
  });

  test("that came while nobody waited is no answer to the next command", async () => {
    say(ack());
    await clock.advance(10);
    expect(await outcomeOf(poll())).toEqual({ is: "silent", heard: "nothing" });
  });

  test("of which the beginning came before a repeat does not spoil the answer to it", async () => {
    later(SENDING_MS + 200, ack().subarray(0, 4));
    later(2 * SENDING_MS + 216 + 60 + 20, ack());
    expect((await outcomeOf(poll())).is).toBe("answered");
    expect(sent).toHaveLength(2);
  });
});

describe("the line", () => {
  test("is held idle for two characters after an answer, before the next command", async () => {
    later(20, ack());
    await outcomeOf(poll());
    const answeredAt = clock.monotonic();
    later(20, ack(1));
    await outcomeOf(poll());
    expect((sent[1]?.at ?? 0) - answeredAt).toBeCloseTo(2 * CHARACTER_MS);
  });

  test("begins each frame with one mark", async () => {
    later(20, ack());
    await outcomeOf(poll());
    expect(sent[0]?.hex).toMatch(/^ff5305/);
  });

  test("leaves no timer behind when it ends in the middle", async () => {
    const waiting = poll().catch((error: unknown) => error);
    await clock.advance(1);
    expect(clock.pending).toBe(1);
    wire.end("closed");
    expect(await waiting).toMatchObject({ code: "device.lost" });
    expect(clock.pending).toBe(0);
  });
});
