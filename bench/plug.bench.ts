import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver } from "#driver-api";
import { Devices } from "#src/devices/devices";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import type { SimulatedDevice } from "#src/sandbox/attach";
import { Plugged } from "#src/sandbox/plugged";
import { deskEncoder } from "#src/sandbox/desk-encoders";
import { openSerialLine, portMark } from "#src/transports/serial";
import { DRIVERS } from "./desk.js";
import { median, print, round } from "./figures.js";

/**
 * From a plug that is put in until the gateway's supervisor calls the device ready, against opening the port and asking who
 * is there by the driver alone, which begins when the port is there. What is between them is the time until the
 * supervisor looks.
 */
const ROUNDS = Number(process.argv[2] ?? 10);
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));

async function openBare(driver: Driver<unknown, "serial">, port: string): Promise<number> {
  const begun = performance.now();
  const line = await openSerialLine(port, driver.serial ?? { baudRate: 115_200 }, { clock: realClock });
  const call = { signal: new AbortController().signal };
  const device = await driver.open(driver.config.parse({}), { line, clock: realClock, log: quiet }, call);
  const ms = performance.now() - begun;
  await device.close();
  await line.close();
  return ms;
}

async function measure(name: "pn532" | "twn4" | "ufr" | "msr605") {
  const driver: Driver<unknown, "serial"> = DRIVERS[name];
  const plugged = new Plugged<SimulatedDevice>(join(folder, `${name}.tty`), deskEncoder(name).simulator);
  const settings = driver.serial ?? { baudRate: 115_200 };
  const devices = new Devices(
    [
      {
        key: "desk",
        driverId: name,
        port: plugged.port,
        line: { kind: "serial", settings },
        open: (line, log, signal) =>
          line === null || !("onData" in line)
            ? Promise.reject(new Error("no serial line"))
            : driver.open(driver.config.parse({}), { line, clock: realClock, log }, { signal }),
      },
    ],
    {
      clock: realClock,
      log: quiet,
      openers: { open: (port) => openSerialLine(port, settings, { clock: realClock }), mark: portMark },
    },
  );
  const [bare, ours]: [number[], number[]] = [[], []];
  const isThere = (wanted: boolean) =>
    new Promise<void>((resolve) => {
      const look = () => devices.isOnline("desk") === wanted && resolve();
      const stop = devices.onChange(look);
      look();
      void Promise.resolve().then(() => stop);
    });
  for (let turn = 0; turn < ROUNDS; turn++) {
    await plugged.plugIn();
    bare.push(await openBare(driver, plugged.port));
    await plugged.unplug();
  }
  devices.start();
  for (let turn = 0; turn < ROUNDS; turn++) {
    // Anywhere between two looks.
    await new Promise((resolve) => setTimeout(resolve, 1_500 + (turn * 1_000) / ROUNDS));
    await plugged.plugIn();
    const begun = performance.now();
    await isThere(true);
    ours.push(performance.now() - begun);
    await plugged.unplug();
    await isThere(false);
  }
  await devices.stop();
  return {
    driver: name,
    bare_open_ms: round(median(bare), 1),
    plug_to_ready_ms: round(median(ours), 1),
    longest_ms: round(Math.max(...ours), 1),
    ready_to_bare: round(median(ours) / median(bare), 1),
    until_it_looks_ms: round(median(ours) - median(bare), 1),
  };
}

const rows = [];
for (const name of ["pn532", "twn4", "ufr", "msr605"] as const) rows.push(await measure(name));
rmSync(folder, { recursive: true, force: true });
print("plug", rows);
