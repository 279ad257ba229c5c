/**
 * A simulated device behind a wire of real speed. socat makes a pseudo-terminal, then becomes this process, whose
 * standard input and output are the device's end of it. It reads, computes and writes without an event loop, so
 * nothing but the wire delays it. Arguments: what is there, `echo` (`echo-in-two` answers in two pieces, as a PN532
 * does) or a reader with a card (`twn4/ntag`), and the speed in baud.
 *
 * Ten bits a byte in each direction. Every byte is due at a deadline that adds up from the deadline before; a late
 * wake-up delays one frame and not all that follow. What the device itself computes costs no time on the wire.
 */
import { readSync, writeSync } from "node:fs";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import { Twn4Simulator } from "#drivers/twn4/simulator";
import { UfrSimulator } from "#drivers/ufr/simulator";
import { realClock } from "#src/ops/clock";
import { DesfireCard } from "#src/sandbox/cards/desfire";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import type { ContactlessCard } from "#src/sandbox/cards/new-card";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { byteMsAt } from "./wire-time.js";

const STANDARD_INPUT = 0;
const STANDARD_OUTPUT = 1;
/** The last part of a wait is spent spinning: a sleeping thread wakes up some tenths of a millisecond late. */
const SPIN_MS = 0.4;
const NOBODY_THERE_MS = 5;
const ACKNOWLEDGEMENT_BYTES = 6;

interface FarEnd {
  receive(bytes: Uint8Array): void;
  onSend(listener: (bytes: Uint8Array) => void): void;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function waitUntil(deadline: number): void {
  const rest = deadline - performance.now();
  if (rest > SPIN_MS) Atomics.wait(sleeper, 0, 0, rest - SPIN_MS);
  while (performance.now() < deadline);
}

function farEnd(name: string): FarEnd {
  const [reader, card = ""] = name.split("/");
  const now = () => performance.now();
  switch (reader) {
    case "echo":
      return echo(0);
    case "echo-in-two":
      return echo(ACKNOWLEDGEMENT_BYTES);
    case "msr605": {
      const encoder = new MsrSimulator(realClock);
      encoder.hold(new SimulatedStripe());
      return encoder;
    }
    case "pn532":
      return withCard(new Pn532Simulator(), card);
    case "twn4":
      return withCard(new Twn4Simulator(now), card);
    case "ufr":
      return withCard(new UfrSimulator(now), card);
    default:
      throw new Error(`there is no ${name}`);
  }
}

function withCard<R extends FarEnd & { putCard(card: ContactlessCard): void }>(reader: R, kind: string): R {
  const uid = Uint8Array.of(0x04, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6);
  if (kind === "desfire") reader.putCard(new DesfireCard({ uid }));
  else if (kind === "ntag") reader.putCard(new NtagCard({ uid }));
  else reader.putCard(new MifareClassicCard({ uid: Uint8Array.of(0xde, 0xad, 0xbe, 0xef) }));
  return reader;
}

/** The first `apart` bytes in a piece of their own, as a chip's acknowledgement. */
function echo(apart: number): FarEnd {
  let say: (bytes: Uint8Array) => void = () => undefined;
  return {
    receive: (bytes) => {
      if (apart > 0) say(bytes.slice(0, apart));
      say(bytes.slice(apart));
    },
    onSend: (listener) => void (say = listener),
  };
}

/** Null: nobody has the line open. */
function read(buffer: Buffer): Buffer | null {
  try {
    return buffer.subarray(0, readSync(STANDARD_INPUT, buffer));
  } catch {
    return null;
  }
}

const BYTE_MS = byteMsAt(Number(process.argv[3]));
const device = farEnd(process.argv[2] ?? "");
let arrived = 0;
let left = 0;
device.onSend((bytes) => {
  left = Math.max(arrived, left) + bytes.length * BYTE_MS;
  waitUntil(left);
  writeSync(STANDARD_OUTPUT, bytes);
});
process.stderr.write("ready\n");
for (const buffer = Buffer.alloc(4_096); ;) {
  const bytes = read(buffer);
  if (bytes === null) {
    waitUntil(performance.now() + NOBODY_THERE_MS);
    continue;
  }
  arrived = Math.max(performance.now(), arrived) + bytes.length * BYTE_MS;
  device.receive(bytes);
}
