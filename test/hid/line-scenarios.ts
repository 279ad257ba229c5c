import assert from "node:assert/strict";
import { DriverError, type HidLine } from "#driver-api";
import { parseHidAddress } from "#src/lib/hid-address";
import { realClock } from "#src/ops/clock";
import { openHidLine } from "#src/transports/hid";
import { hidMark } from "#src/transports/hid-nodes";
import { PortError } from "#src/transports/port-error";
import { playScenario, type Scenario } from "./enter.js";
import type { PluggedDevice } from "./world.js";

const ENCODER: PluggedDevice = { vid: "0801", pid: "0003", at: "1-1", reportBytes: 64, featureBytes: 8 };
const ADDRESS = "hid:0801:0003";
const SETTINGS = { reportBytes: 64, featureBytes: 8 };
const NOTICED_WITHIN_MS = 2_000;
const signal = new AbortController().signal;
const open = (address = ADDRESS) => openHidLine(address, SETTINGS, { clock: realClock });

const reports: Scenario = async (world) => {
  const device = await world.plug(0, ENCODER);
  const heard: Uint8Array[] = [];
  device.onOutput((report) => heard.push(report));
  const line = await open();
  const read: Uint8Array[] = [];
  line.onReport((report) => read.push(report));
  line.onReport(() => assert.fail("it was taken off"))();

  const every = Uint8Array.from({ length: 64 }, (_, index) => index * 4 + 3);
  await line.write(every, signal);
  await line.write(Uint8Array.of(0x1b, 0x03, 0x11), signal);
  await until(() => heard.length === 2, "both output reports");
  assert.deepEqual(heard[0], every);
  assert.deepEqual(heard[1], Uint8Array.of(0x1b, 0x03, 0x11, ...new Uint8Array(61)));
  await assert.rejects(() => line.write(new Uint8Array(65), signal), RangeError);

  for (const first of [0x00, 0x1b, 0x03, 0x1c, 0x7f]) device.input(new Uint8Array(64).fill(first));
  await until(() => read.length === 5, "five input reports");
  assert.deepEqual(
    read.map((report) => [report.length, report[63]]),
    [0x00, 0x1b, 0x03, 0x1c, 0x7f].map((last) => [64, last]),
  );

  const features: Uint8Array[] = [];
  device.onFeature((report) => features.push(report));
  device.answerFeature(() => Uint8Array.of(0x39, 0x05, 0x65, 0, 0, 0, 0, 0));
  await line.setFeature(Uint8Array.of(0x8f), signal);
  assert.deepEqual(await line.getFeature(signal), Uint8Array.of(0x39, 0x05, 0x65, 0, 0, 0, 0, 0));
  assert.deepEqual(features, [Uint8Array.of(0x8f, 0, 0, 0, 0, 0, 0, 0)]);

  await line.close();
  await line.close();
  assert.equal(line.isOpen, false);
  await assert.rejects(line.write(every, signal), isLost("none"));
};

const identity: Scenario = async (world) => {
  await world.plug(0, { ...ENCODER, vid: "1781", pid: "0c10", at: "1-4" });
  await world.plug(1, { ...ENCODER, at: "1-1.2", serial: "A1" });
  await world.plug(2, { ...ENCODER, at: "1-1.3", serial: "B2" });
  await assert.rejects(open(), (error) => {
    assert(error instanceof PortError);
    assert.match(error.message, /2 devices are hid:0801:0003: say which one by \/at:1-1\.2 or \/at:1-1\.3$/);
    return error.code === "port.ambiguous";
  });
  for (const [address, node] of [
    [`${ADDRESS}/at:1-1.3`, 2],
    [`${ADDRESS}/serial:A1`, 1],
    [`${ADDRESS}/serial:B2/interface:0`, 2],
    ["hid:1781:0C10", 0],
  ] as const) {
    const wanted = parseHidAddress(address);
    assert(wanted !== null);
    assert.match((await hidMark(wanted)) ?? "", new RegExp(`^/dev/hidraw${node}:`));
    await (await open(address)).close();
  }
  await assert.rejects(open(`${ADDRESS}/at:1-9`), isPortError("port.missing"));
};

const replug: Scenario = async (world) => {
  const wanted = parseHidAddress(ADDRESS);
  assert(wanted !== null);
  assert.equal(await hidMark(wanted), null);
  const first = await world.plug(0, ENCODER);
  const mark = await hidMark(wanted);
  const line = await open();
  const gone = closed(line);
  await first.unplug();
  assert.match(await gone, /went away/);
  await assert.rejects(line.write(Uint8Array.of(1), signal), isLost("none"));
  assert.equal(await hidMark(wanted), null);
  await assert.rejects(open(), isPortError("port.missing"));

  const second = await world.plug(3, ENCODER);
  assert.notEqual(await hidMark(wanted), mark);
  const heard: Uint8Array[] = [];
  second.onOutput((report) => heard.push(report));
  const again = await open();
  await again.write(Uint8Array.of(7), signal);
  await until(() => heard[0]?.[0] === 7, "a report under the other node");
  // A listener that comes after the loss is told at once.
  const lost = closed(again);
  await second.unplug();
  await lost;
  assert.match(await closed(again), /went away/);
};

const refused: Scenario = async (world) => {
  await world.plug(0, ENCODER);
  // Root may open everything, so it becomes somebody else for this.
  if (process.getuid?.() !== 0) return;
  process.setgid?.(65_534);
  process.setuid?.(65_534);
  await assert.rejects(open(), (error) => {
    assert(error instanceof PortError);
    assert.match(error.message, /no permission .*60-lockbridge\.rules/);
    return error.code === "port.refused";
  });
};

const transfers: Scenario = async (world) => {
  const device = await world.plug(0, ENCODER);
  const line = await open();
  await assert.rejects(
    line.write(Uint8Array.of(1), AbortSignal.abort()),
    (error) => error instanceof DriverError && error.code === "call.cancelled" && error.effect === "none",
  );
  const operator = new AbortController();
  // The device says nothing: the host would wait for five seconds.
  device.answerFeature(() => {
    operator.abort();
    return null;
  });
  await assert.rejects(
    line.getFeature(operator.signal),
    (error) => error instanceof DriverError && error.code === "call.cancelled" && error.effect === "unknown",
  );
  await assert.rejects(
    line.getFeature(signal),
    (error) => error instanceof DriverError && error.code === "device.silent",
  );
  assert.equal(line.isOpen, true);
  await line.close();
};

await playScenario({ reports, identity, replug, refused, transfers });

function isLost(effect: string) {
  return (error: unknown) =>
    error instanceof DriverError && error.code === "device.lost" && error.effect === effect;
}

function isPortError(code: string) {
  return (error: unknown) => error instanceof PortError && error.code === code;
}

function closed(line: HidLine): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the loss was not noticed")), NOTICED_WITHIN_MS);
    line.onClose((reason) => {
      clearTimeout(late);
      resolve(reason);
    });
  });
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + NOTICED_WITHIN_MS;
  while (!isTrue()) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
