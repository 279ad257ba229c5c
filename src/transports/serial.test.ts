import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DriverError, type SerialLine } from "#driver-api";
import { realClock } from "#src/ops/clock";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { openSerialLine, portMark } from "#src/transports/serial";

const NOTICED_WITHIN_MS = 2_000;
const SETTINGS = { baudRate: 115_200 };
const signal = new AbortController().signal;
const freshPath = () => join(mkdtempSync(join(tmpdir(), "lb-serial-")), "tty");
const open = (path: string) => openSerialLine(path, SETTINGS, { clock: realClock });

let pty: PtyEnd;
beforeEach(async () => {
  pty = await openPty(freshPath());
});
afterEach(async () => {
  vi.restoreAllMocks();
  await pty.unplug();
});

/** Milliseconds until the line reports that it is gone. Rejects after the promised time. */
function closed(line: SerialLine): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLate = setTimeout(() => reject(new Error("the loss was not noticed")), NOTICED_WITHIN_MS);
    line.onClose((reason) => {
      clearTimeout(tooLate);
      resolve(reason);
    });
  });
}

test("carries bytes both ways to every listener, until it is removed", async () => {
  const line = await open(pty.path);
  const far: number[] = [];
  const near: number[] = [];
  const removed: number[] = [];
  pty.onData((chunk) => far.push(...chunk));
  line.onData((chunk) => removed.push(...chunk))();
  const arrived = new Promise<void>((resolve) => {
    line.onData((chunk) => {
      near.push(...chunk);
      if (near.length === 256) resolve();
    });
  });
  const every = Uint8Array.from({ length: 256 }, (_, value) => value);
  pty.write(every);
  await arrived;
  await line.write(every, signal);
  await vi.waitFor(() => expect(far).toEqual([...every]));
  expect(near).toEqual([...every]);
  expect(removed).toEqual([]);
  await line.close();
});

test("tells a missing port, a held one and something that is no port apart", async () => {
  const line = await open(pty.path);
  await expect(open(pty.path)).rejects.toMatchObject({
    name: "PortError",
    code: "port.held",
    message: `${pty.path} is in use by this gateway itself`,
  });
  await expect(open("/nowhere/tty")).rejects.toMatchObject({ name: "PortError", code: "port.missing" });
  const file = freshPath();
  writeFileSync(file, "");
  await expect(open(file)).rejects.toMatchObject({ name: "PortError", code: "port.refused" });
  await line.close();
  const again = await open(pty.path);
  await again.close();
});

test("a port in use is not touched: not even opened", async () => {
  const line = await open(pty.path);
  const opening = vi.spyOn(SerialPort.prototype, "open");
  await expect(open(pty.path)).rejects.toMatchObject({ code: "port.held" });
  expect(opening).not.toHaveBeenCalled();
  await line.close();
});

test("the mark of a port is the same while it is used, another for another device, and null for none", async () => {
  const before = await portMark(pty.path);
  const line = await open(pty.path);
  await line.write(Uint8Array.of(1, 2, 3), signal);
  expect(await portMark(pty.path)).toBe(before);
  await line.close();
  await pty.unplug();
  expect(await portMark(pty.path)).toBeNull();
  pty = await openPty(pty.path);
  expect(await portMark(pty.path)).not.toBe(before);
  expect(await portMark(pty.path)).not.toBeNull();
});

test.runIf(process.getuid?.() !== 0)("says so when there is no permission", async () => {
  chmodSync(pty.path, 0);
  await expect(open(pty.path)).rejects.toMatchObject({ code: "port.refused" });
});

test("notices an unplug right after opening", async () => {
  const line = await open(pty.path);
  const reason = closed(line);
  await pty.unplug();
  await reason;
  expect(line.isOpen).toBe(false);
});

test("notices an unplug between opening and the first read, which serialport itself never reports", async () => {
  const line = await openUnpluggedBeforeFirstRead();
  expect(await closed(line)).toBe("the device went away");
  expect(line.isOpen).toBe(false);
  await line.close();
});

async function openUnpluggedBeforeFirstRead(): Promise<SerialLine> {
  vi.spyOn(SerialPort.prototype, "set").mockImplementation((_flags, done) => {
    void pty.unplug().then(() => done?.(null));
  });
  return open(pty.path);
}

test("notices an unplug while idle and during traffic, and can be opened again after", async () => {
  const idle = await open(pty.path);
  const greeted = new Promise((resolve) => idle.onData(resolve));
  pty.write(Uint8Array.of(1));
  await greeted;
  const idleReason = closed(idle);
  await pty.unplug();
  await idleReason;

  pty = await openPty(pty.path);
  const busy = await open(pty.path);
  pty.onData((chunk) => pty.write(chunk));
  let echoes = 0;
  busy.onData(() => {
    echoes++;
    if (echoes === 5) void pty.unplug();
  });
  const pump = async (): Promise<never> => {
    for (;;) await busy.write(Uint8Array.of(1, 2, 3), signal);
  };
  const busyReason = closed(busy);
  expect(await pump().catch((thrown: unknown) => thrown)).toMatchObject({ code: "device.lost" });
  await busyReason;
});

test("a listener that comes too late is told at once, and only once", async () => {
  const line = await open(pty.path);
  const told = vi.fn();
  line.onClose(told);
  await line.close();
  line.onClose(told);
  expect(told.mock.calls).toEqual([["it was closed"], ["it was closed"]]);
});

test("closes twice, and what is written after is lost without effect", async () => {
  const line = await open(pty.path);
  await Promise.all([line.close(), line.close()]);
  await line.close();
  const error = await line.write(Uint8Array.of(1), signal).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DriverError);
  expect(error).toMatchObject({ code: "device.lost", effect: "none" });
});

test("a write that never comes back loses the line instead of hanging", async () => {
  const timers: (() => void)[] = [];
  const clock = {
    ...realClock,
    startTimer(ms: number, fire: () => void) {
      if (ms < 3_000) return realClock.startTimer(ms, fire);
      timers.push(fire);
      return () => undefined;
    },
  };
  const line = await openSerialLine(pty.path, SETTINGS, { clock });
  vi.spyOn(SerialPort.prototype, "drain").mockImplementation(() => undefined);
  const opening = timers.length;
  const write = line.write(Uint8Array.of(1), signal).catch((thrown: unknown) => thrown);
  timers[opening]?.();
  expect(await write).toMatchObject({ code: "device.lost", effect: "unknown" });
  expect(line.isOpen).toBe(false);
  await line.close();
});

test("an aborted write settles at once and the line stays open", async () => {
  const line = await open(pty.path);
  const abort = new AbortController();
  vi.spyOn(SerialPort.prototype, "drain").mockImplementation(() => undefined);
  const write = line.write(Uint8Array.of(1), abort.signal).catch((thrown: unknown) => thrown);
  abort.abort();
  expect(await write).toMatchObject({ code: "call.cancelled", effect: "unknown" });
  await expect(line.write(Uint8Array.of(1), abort.signal)).rejects.toMatchObject({ effect: "none" });
  expect(line.isOpen).toBe(true);
  await line.close();
});

test("changes speed while open, and says what the port does not take", async () => {
  const line = await open(pty.path);
  await line.setBaudRate(9_600);
  await line.close();
  await expect(line.setBaudRate(9_600)).rejects.toMatchObject({ code: "device.lost" });
});
