import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type CardWriter, DriverError, type Unit } from "#driver-api";
import reference from "#drivers/reference/index";
import { ReferenceSimulator, SimulatedClassic } from "#drivers/reference/simulator";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openPty } from "#src/sandbox/pty";
import { badDriver } from "#test/hosts/bad-driver";
import { driverProcesses, isThere, sourceProgram, until } from "#test/hosts/programs";
import { HostedSite } from "#test/hosts/site";

/** Drivers in processes of their own, under their supervisor, on real serial lines; and what becomes of those processes. */
const CANARY = "73915573";
const KEY = { name: "transport", slot: "A", key: new Secret(new Uint8Array(6).fill(0xff)) } as const;
const DATA = Uint8Array.from({ length: 16 }, (_, index) => index * 17);
const STEPS = [{ block: 4, data: new Secret(DATA), key: KEY }];
const calm = () => ({ signal: new AbortController().signal });

async function referenceSite() {
  const simulator = new ReferenceSimulator(realClock);
  const site = new HostedSite(reference, { entry: "src/hosted-driver.ts", silenceMs: 1_500, simulator });
  await site.start();
  await site.ready();
  return { site, simulator };
}

async function badSite(settings: object) {
  const site = new HostedSite(badDriver, {
    entry: "test/hosts/bad-process.ts",
    silenceMs: 1_500,
    settings: { pin: CANARY, ...settings },
  });
  return site.start();
}

function writerOf({ cardWriter }: Unit): CardWriter {
  if (cardWriter === undefined) throw new Error("it writes no cards");
  return cardWriter;
}

function lockOf({ keypadLock }: Unit) {
  if (keypadLock?.codes !== "on_device") throw new Error("it holds no codes");
  return keypadLock;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "it did not fail",
    (error: unknown) => error,
  );
}

test("a card is written in another process, and a pulled plug heals", async () => {
  const { site, simulator } = await referenceSite();
  simulator.antenna.push(new SimulatedClassic(Buffer.from("a1b2c3d4", "hex")));
  const [unit] = site.status().units;
  expect(unit?.capabilities).toContain("cardWriter");
  const read = await site.use(async (unitNow) => {
    const writer = writerOf(unitNow);
    const card = await writer.present(calm());
    await writer.write(card, { container: "classic", sector: 1, steps: STEPS }, calm());
    return writer.read(card, { container: "classic", sector: 1, blocks: [4], keys: [KEY] }, calm());
  }, unit?.key);
  expect(read).toEqual({ container: "classic", opened: "transport", blocks: new Map([[4, DATA]]) });
  expect(site.hosts.memory().get("reference")).toBeGreaterThan(10_000_000);

  await site.unplug();
  await until(() => site.status().state !== "ready");
  await until(() => site.processes.length === 0);
  expect(site.hosts.memory().size).toBe(0);
  await until(() => site.status().problem?.code === "port.missing");
  await site.plugIn();
  await site.ready();
}, 60_000);

test("what waits for a card is cancelled across", async () => {
  const { site } = await referenceSite();
  const giveUp = new AbortController();
  const waiting = failureOf(
    site.use((unit) => writerOf(unit).present({ signal: giveUp.signal }), site.status().units[0]?.key),
  );
  setTimeout(() => giveUp.abort(), 200);
  expect(await waiting).toMatchObject({ code: "call.cancelled", effect: "none" });
  expect(site.status().state).toBe("ready");
}, 60_000);

test("killed in a write: the outcome is unknown, a new process takes over, and none is left at the end", async () => {
  const { site, simulator } = await referenceSite();
  const key = site.status().units[0]?.key;
  const first = site.onlyProcess;
  simulator.antenna.push(new SimulatedClassic(Buffer.from("a1b2c3d4", "hex")));
  const card = await site.use((unit) => writerOf(unit).present(calm()), key);
  simulator.faults.isSilent = true;
  const writing = failureOf(
    site.use(
      (unit) => writerOf(unit).write(card, { container: "classic", sector: 1, steps: STEPS }, calm()),
      key,
    ),
  );
  setTimeout(() => process.kill(first, "SIGKILL"), 100);
  const failure = await writing;
  expect(failure).toBeInstanceOf(DriverError);
  expect(failure).toMatchObject({ code: "device.lost", effect: "unknown" });
  simulator.faults.isSilent = false;
  await site.ready();
  expect(site.onlyProcess).not.toBe(first);
  await site.stop();
  expect(site.processes).toEqual([]);
}, 60_000);

test("a signal that is meant for the gateway ends no driver", async () => {
  const { site } = await referenceSite();
  const pid = site.onlyProcess;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.kill(pid, signal);
  await site.use((unit) => writerOf(unit).release(), site.status().units[0]?.key);
  expect(site.onlyProcess).toBe(pid);
}, 60_000);

test("a gateway that is killed leaves no process", async () => {
  const pty = await openPty(join(mkdtempSync(join(tmpdir(), "lb-host-")), "tty"));
  onTestFinished(() => pty.unplug());
  const { entry, execArgv } = sourceProgram("test/hosts/parent.ts");
  const gateway = spawn(process.execPath, [...execArgv, entry, pty.path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void gateway.kill("SIGKILL"));
  await once(gateway.stdout, "data");
  const [pid = 0] = driverProcesses(gateway.pid ?? 0);
  expect(isThere(pid)).toBe(true);
  gateway.kill("SIGKILL");
  await until(() => !isThere(pid));
}, 60_000);

test.each([
  ["is stopped", (site: HostedSite) => process.kill(site.onlyProcess, "SIGSTOP"), 3],
  ["does not get round to anything", () => undefined, 2],
  ["fails", () => undefined, 1],
] as const)(
  "a process that %s is given up: who waits learns it, and another is started",
  async (_what, act, slot) => {
    const site = await badSite({});
    await site.ready();
    const first = site.onlyProcess;
    const writing = failureOf(site.use((unit) => lockOf(unit).writeSlot(slot, new Secret("4711"), calm())));
    act(site);
    expect(await writing).toMatchObject({ code: "device.lost", effect: "unknown" });
    await until(() => site.status().state === "ready" && !site.processes.includes(first));
    await site.stop();
    expect(site.processes).toEqual([]);
  },
  60_000,
);

test.each([
  ["crash", "device.lost"],
  ["exit", "device.lost"],
  ["reject", "device.lost"],
])(
  "a process that ends in opening (%s) is a problem of the device, and it is tried again",
  async (at_open, code) => {
    const site = await badSite({ at_open });
    await until(() => site.status().problem?.code === code);
    await until(() => site.logged.filter((line) => line.includes("bad.opened")).length >= 2);
    await site.stop();
    expect(site.processes).toEqual([]);
    expect(site.logged.join("\n")).not.toContain(CANARY);
  },
  60_000,
);

test("a gateway that stops waits for no process that is being started", async () => {
  const site = new HostedSite(badDriver, { entry: "test/hosts/slow-process.ts", settings: { pin: CANARY } });
  await site.start();
  await until(() => site.processes.length === 1);
  const before = performance.now();
  await site.stop();
  expect(performance.now() - before).toBeLessThan(2_000);
  expect(site.processes).toEqual([]);
}, 60_000);

test("what the process prints, throws and logs shows no PIN; a PIN that is answered is one", async () => {
  const site = await badSite({});
  await site.ready();
  const pid = site.onlyProcess;
  const around = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1"));
  expect(around.join("")).not.toContain(CANARY);
  expect(around[1]).toBe("");
  const content = await site.use((unit) => lockOf(unit).readSlot(1, calm()));
  expect(content.is === "code" && content.code.reveal()).toBe(CANARY);
  await failureOf(site.use((unit) => lockOf(unit).writeSlot(1, new Secret(CANARY), calm())));
  await site.ready();
  await site.stop();
  const said = site.logged.join("\n");
  expect(said).not.toContain(CANARY);
  expect(said).toContain(
    '"event":"bad.opened","pin":"[secret]","error":{"type":"Error","message":"in a field"}',
  );
  expect(said).toMatch(/"event":"host.printed","bytes":32/);
  expect(said).toMatch(/"event":"host.crashed","error":"RangeError","stack":\["at throwIt \(.*bad-driver/);
}, 60_000);

test("an error of the driver arrives with its code, its effect and its sentence", async () => {
  const site = await badSite({});
  await site.ready();
  const failure = await failureOf(site.use((unit) => lockOf(unit).lock(calm())));
  expect(failure).toBeInstanceOf(DriverError);
  expect(failure).toMatchObject({
    code: "device.refused",
    effect: "unknown",
    message: "it is jammed [device.refused]",
  });
}, 60_000);
