import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import { expect, test } from "vitest";
import { openPty } from "#src/sandbox/pty";

async function open(path: string): Promise<SerialPort> {
  const port = new SerialPort({ path, baudRate: 115_200, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  return port;
}

const freshPath = () => join(mkdtempSync(join(tmpdir(), "lb-pty-")), "tty");

test("carries every byte value both ways unchanged", async () => {
  const pty = await openPty(freshPath());
  const port = await open(pty.path);
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const echoed: Buffer[] = [];
  pty.onData((chunk) => pty.write(chunk));
  await new Promise<void>((resolve) => {
    port.on("data", (chunk: Buffer) => {
      echoed.push(chunk);
      if (Buffer.concat(echoed).length >= 256) resolve();
    });
    port.write(every);
  });
  expect(Buffer.concat(echoed).equals(every)).toBe(true);
  await new Promise((resolve) => port.close(resolve));
  await pty.unplug();
});
