/**
 * OSDP readers behind a wire of real speed; as `paced-device.ts`, without an event loop. Arguments: how many readers,
 * the speed in baud, and how many keys to press (0: none). A key is pressed at a random reader some time after the last one
 * was answered; the milliseconds from the key to the output that opens the door go to standard error, one a line.
 */
import { randomBytes } from "node:crypto";
import { readSync, writeSync } from "node:fs";
import { OsdpSimulator } from "#drivers/osdp/simulator";
import { realClock } from "#src/ops/clock";

const [count = 1, baud = 9_600, presses = 0] = process.argv.slice(2).map(Number);
const BYTE_MS = 10_000 / baud;
const SPIN_MS = 0.4;
const NOBODY_THERE_MS = 5;
const BETWEEN_PRESSES_MS = 150;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
function waitUntil(deadline: number): void {
  const rest = deadline - performance.now();
  if (rest > SPIN_MS) Atomics.wait(sleeper, 0, 0, rest - SPIN_MS);
  while (performance.now() < deadline);
}

const key = Buffer.alloc(16, 0x5a);
const line = new OsdpSimulator(
  realClock,
  Array.from({ length: count }, (_, address) => ({
    address,
    key,
    baud,
    serial: address,
    wantsSecurity: true,
  })),
);
line.hostBaud = baud;

let left = 0;
let arrived = 0;
let pressedAt: number | null = null;
/** Once all have a session and somebody listens: until then what is typed reaches nobody. */
let pressAt = performance.now() + 3_000 + (count * 8_000_000) / baud;
let toPress = presses;
let pulses = 0;

line.onSend((bytes) => {
  left = Math.max(arrived, left) + bytes.length * BYTE_MS;
  waitUntil(left);
  writeSync(1, bytes);
});

/** Whoever waits before a door began to wait when the key was pressed, not when the reader was asked. */
function maybePress(now: number): void {
  if (toPress === 0 || pressedAt !== null || now < pressAt) return;
  toPress -= 1;
  pressedAt = pressAt;
  line.at((randomBytes(1)[0] ?? 0) % count).pressKeys("1#");
}

function maybeOpened(): void {
  if (pressedAt === null || line.pulses === pulses) return;
  pulses = line.pulses;
  process.stderr.write(`${(arrived - pressedAt).toFixed(2)}\n`);
  pressedAt = null;
  pressAt = arrived + BETWEEN_PRESSES_MS * (0.5 + (randomBytes(1)[0] ?? 0) / 256);
}

process.stderr.write("ready\n");
for (const buffer = Buffer.alloc(4_096); ;) {
  let size = 0;
  try {
    size = readSync(0, buffer);
  } catch {
    waitUntil(performance.now() + NOBODY_THERE_MS);
    continue;
  }
  const bytes = buffer.subarray(0, size);
  arrived = Math.max(performance.now(), arrived) + bytes.length * BYTE_MS;
  maybePress(arrived);
  line.receive(bytes);
  maybeOpened();
}
