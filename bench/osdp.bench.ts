import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import type { Device } from "#driver-api";
import driver from "#drivers/osdp/index";
import { realClock } from "#src/ops/clock";
import { openSerialLine } from "#src/transports/serial";
import { bytesOf, CountedLine } from "./counted-line.js";
import { median, percentile, print, round } from "./figures.js";

/**
 * Secure readers on one line: a full round of polls against the time that the same bytes need on the wire; from a key
 * press to the output that opens the door; processor time a poll, beside a bare serial port that exchanges polls in clear;
 * up to how many readers the door answers a key promptly.
 */
const SECONDS = Number(process.argv[2] ?? 5);
const PRESSES = Number(process.argv[3] ?? 100);
const PARTS = 10;
const KEY = "5a".repeat(16);
const SIZES = [1, 8, 32] as const;
const SPEEDS = [9_600, 115_200] as const;
/** Who presses a key and hears nothing for longer presses it again. */
const PROMPT_MS = 500;
const signal = new AbortController().signal;
const log = { debug: () => undefined, warn: () => undefined };

async function openReaders(count: number, baud: number, presses: number) {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-osdp-"));
  const path = join(folder, "tty");
  const words = `${count} ${baud} ${presses}`;
  const program = `node --conditions=source --import ./test/support/typescript-hooks.mjs bench/paced-readers.ts ${words}`;
  const child = spawn("socat", [`PTY,link=${path},raw,echo=0`, `EXEC:${program},nofork`], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  while (!said.includes("ready")) await once(child.stderr, "data");
  return {
    path,
    /** Milliseconds from each key to its output, so far. */
    latencies: () => said.split("\n").slice(1, -1).map(Number),
    async close() {
      child.kill("SIGKILL");
      await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openLine(path: string, count: number, baud: number) {
  const line = new CountedLine(await openSerialLine(path, { baudRate: baud }, { clock: realClock }));
  const units = Object.fromEntries(
    Array.from({ length: count }, (_, address) => [`door-${address}`, { address, key: KEY }]),
  );
  const config = driver.config.parse({ baud_rate: baud, poll_ms: 20, units });
  const device = await driver.open(config, { line, clock: realClock, log }, { signal });
  while (device.units.length < count) await sleep(50);
  return { line, device };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Elapsed time and processor time of whatever goes over the line meanwhile, in parts, each against its wire time. */
async function rounds(line: CountedLine, device: Device, count: number, baud: number) {
  const toWire: number[] = [];
  const roundMs: number[] = [];
  let [exchanges, cpuMs, bytes] = [0, 0, 0];
  // A line that one reader does not fill is filled with signs of life, which are polls.
  const state = { isOver: false };
  const filling = (async () => {
    while (!state.isOver) {
      if (count === 1) await device.ping({ signal });
      else await sleep(100);
    }
  })();
  for (let part = 0; part < PARTS; part++) {
    line.take();
    const [begun, cpu] = [performance.now(), process.cpuUsage()];
    await sleep((SECONDS * 1_000) / PARTS);
    const took = performance.now() - begun;
    const used = process.cpuUsage(cpu);
    const done = line.take();
    toWire.push(took / ((bytesOf(done) * 10_000) / baud));
    roundMs.push((took / done.length) * count);
    exchanges += done.length;
    bytes += bytesOf(done);
    cpuMs += (used.user + used.system) / 1_000;
  }
  state.isOver = true;
  await filling;
  return { toWire, roundMs, cpuPerPollMs: cpuMs / exchanges, bytesPerPoll: bytes / exchanges };
}

/** Processor time of a bare serial port for one exchange: a poll in clear and its answer, each nine bytes. */
async function bareCpuMs(baud: number): Promise<number> {
  const readers = await openReaders(1, baud, 0);
  const port = await new Promise<SerialPort>((resolve, reject) => {
    const opened = new SerialPort({ path: readers.path, baudRate: baud }, (error) =>
      error === null ? resolve(opened) : reject(error),
    );
  });
  // POLL to address 0, number 0, with a mark: answered anew for ever.
  const poll = Buffer.from("ff530008000460ebaa", "hex");
  const answerBytes = 9;
  const state = { exchanges: 0, missing: answerBytes, isOver: false };
  port.on("data", (chunk: Buffer) => {
    state.missing -= chunk.length;
    if (state.missing > 0 || state.isOver) return;
    state.exchanges += 1;
    state.missing = answerBytes;
    port.write(poll);
  });
  const cpu = process.cpuUsage();
  port.write(poll);
  await sleep(SECONDS * 500);
  state.isOver = true;
  const used = process.cpuUsage(cpu);
  await new Promise<void>((resolve) => port.close(() => resolve()));
  await readers.close();
  return (used.user + used.system) / 1_000 / state.exchanges;
}

async function measure(count: number, baud: number, bareMs: number) {
  const readers = await openReaders(count, baud, PRESSES);
  const { line, device } = await openLine(readers.path, count, baud);
  for (const { keypadLock } of device.units) {
    if (keypadLock?.codes !== "on_gateway") continue;
    keypadLock.onInput(() => void keypadLock.grant(5_000, { signal }).catch(() => undefined));
  }
  const giveUpAt = performance.now() + 120_000;
  while (readers.latencies().length < PRESSES && performance.now() < giveUpAt) await sleep(100);
  const latencies = readers.latencies();
  const { toWire, roundMs, cpuPerPollMs } = await rounds(line, device, count, baud);
  await device.close();
  await line.close();
  await readers.close();
  return {
    baud,
    readers: count,
    round_ms: round(median(roundMs), 1),
    round_to_wire: round(median(toWire)),
    best: round(Math.min(...toWire)),
    key_to_output_p50_ms: round(median(latencies), 0),
    key_to_output_p99_ms: round(percentile(latencies, 0.99), 0),
    keys: latencies.length,
    cpu_per_poll_ms: round(cpuPerPollMs, 3),
    to_bare_port: round(cpuPerPollMs / bareMs, 1),
  };
}

/** A key waits for a whole round at worst, and the output for one exchange more. */
function promptUpTo(baud: number, ofSpeed: readonly Awaited<ReturnType<typeof measure>>[]) {
  const perReaderMs = Math.min(...ofSpeed.map(({ readers, round_ms }) => round_ms / readers));
  return { baud, a_poll_ms: round(perReaderMs, 1), prompt_up_to: Math.floor(PROMPT_MS / perReaderMs) - 1 };
}

const rows = [];
const limits = [];
for (const baud of SPEEDS) {
  const bareMs = await bareCpuMs(baud);
  const ofSpeed = [];
  for (const count of SIZES) ofSpeed.push(await measure(count, baud, bareMs));
  rows.push(...ofSpeed);
  limits.push(promptUpTo(baud, ofSpeed));
}
print("osdp", rows);
print(`osdp: readers that answer a key within ${PROMPT_MS} ms at worst`, limits);
