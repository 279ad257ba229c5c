import { randomInt, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { ReferenceSimulator } from "#drivers/reference/simulator";
import { objectId } from "#src/config/ids";
import { realClock } from "#src/ops/clock";
import { Plugged } from "#src/sandbox/plugged";
import { DaemonProcess } from "#test/power-cuts/daemon-process";
import { pause, untilFound } from "#test/power-cuts/waiting";
import { diceOf } from "#test/support/card-world";

/**
 * PINs on locks over the lives of a daemon that is killed where it hurts: what is counted is what reaches the locks. The
 * same seed tells the same story; where exactly a cut falls is also up to the machine.
 */
const SEED = Number(process.env["RESTART_SEED"] ?? randomInt(1_000_000));
const QUIET_LIVES = 6;
const BUSY_LIVES = 6;
const LIMIT_MS = 180_000;
const WITHIN_MS = 60_000;
const SITE_ID = randomUUID();
const stateDir = mkdtempSync(join(tmpdir(), "lockbridge-restarts-"));
const socketPath = join(stateDir, "lockbridge.sock");
const configPath = join(stateDir, "lockbridge.yaml");
const locks = new Plugged(join(stateDir, "locks.tty"), new ReferenceSimulator(realClock));
const { simulator } = locks;
const dice = diceOf(SEED);
const waiting: DaemonProcess[] = [];
let running: DaemonProcess | null = null;

beforeAll(async () => {
  simulator.schedulers.add("lock-1");
  await locks.plugIn();
  const document = {
    site: { id: SITE_ID, name: "Restarts", time_zone: "Europe/Lisbon" },
    state_dir: stateDir,
    socket: socketPath,
    api: { host: "127.0.0.1", port: 0 },
    devices: { locks: { driver: "reference", port: locks.port } },
    systems: { main: {} },
    entrances: {
      back: { system: "main", keypad: "locks/lock-1" },
      cellar: { system: "main", keypad: "locks/lock-2" },
    },
  };
  writeFileSync(configPath, stringify(document), { mode: 0o600 });
});

afterAll(async () => {
  await running?.cut();
  for (const daemon of waiting) await daemon.cut();
  await locks.unplug();
  rmSync(stateDir, { recursive: true, force: true });
});

/** One life; the next one is loaded meanwhile. */
async function live(): Promise<DaemonProcess> {
  while (waiting.length < 2) waiting.push(new DaemonProcess(configPath));
  const daemon = waiting.shift();
  if (daemon === undefined) throw new Error("no daemon was loaded");
  running = daemon;
  await daemon.start();
  return daemon;
}

async function cut(daemon: DaemonProcess): Promise<void> {
  await daemon.cut();
  running = null;
}

/** Over the unix socket, as somebody at the machine. `answer: null`: the daemon was gone before it answered. */
function ask(path: string, body: object): Promise<Record<string, unknown> | null> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    const asked = request({ socketPath, path, method: "POST", headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(text === "" ? null : (JSON.parse(text) as Record<string, unknown>)));
      response.on("error", () => resolve(null));
    });
    asked.on("error", () => resolve(null));
    asked.end(JSON.stringify(body));
  });
}

interface Code {
  readonly access_code_id: string;
  readonly status: string;
  readonly is_scheduled_on_device: boolean;
  readonly code: string;
}

async function codeOf(id: string): Promise<Code> {
  const answer = await ask("/access_codes/get", { access_code_id: id });
  return answer?.["access_code"] as Code;
}

async function create(lock: string, code: string, more: object = {}): Promise<string> {
  const device_id = objectId(SITE_ID, "device", `locks/${lock}`);
  const answer = await ask("/access_codes/create", { device_id, code, name: code, ...more });
  const made = answer?.["access_code"] as Code | undefined;
  if (made === undefined) throw new Error(JSON.stringify(answer));
  return made.access_code_id;
}

const isThere = ({ status, is_scheduled_on_device }: Code) => status === "set" || is_scheduled_on_device;

/** Every slot of both locks was read in this life, and nothing is under way any more. */
async function atRest(ids: readonly string[], readsBefore: number): Promise<void> {
  await untilFound(WITHIN_MS, "every slot is read", async () => {
    const reads = readsOf("lock-1") + readsOf("lock-2") - readsBefore;
    if (reads < 60) return null;
    const codes = await Promise.all(ids.map(codeOf));
    return codes.every(isThere) ? true : null;
  });
}

const readsOf = (unit: string) => simulator.slotReads.get(unit) ?? 0;
const reads = () => readsOf("lock-1") + readsOf("lock-2");

test("restarts at any moment write nothing that is there already", { timeout: LIMIT_MS }, async () => {
  const first = await live();
  await first.reaches("device.ready");
  const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  const ids = [
    await create("lock-1", "471101"),
    await create("lock-1", "471102", { starts_at: at(1), ends_at: at(2) }),
    await create("lock-1", "471103", { ends_at: at(1) }),
    await create("lock-2", "471104"),
  ];
  await untilFound(WITHIN_MS, "the codes are on the locks", async () => {
    const codes = await Promise.all(ids.map(codeOf));
    return codes.every(isThere) ? true : null;
  });
  await cut(first);
  const held = [simulator.codesOf("lock-1"), simulator.codesOf("lock-2"), simulator.windowsOf("lock-1")];
  const { changes } = simulator;
  expect(changes).toBe(ids.length);

  for (let count = 0; count < QUIET_LIVES; count++) {
    const daemon = await live();
    if (dice(3) > 0) await daemon.reaches("device.ready");
    await pause(dice(500));
    await cut(daemon);
    expect([`seed ${SEED}, life ${count}`, simulator.changes]).toEqual([
      `seed ${SEED}, life ${count}`,
      changes,
    ]);
  }
  const before = reads();
  const last = await live();
  await last.reaches("device.ready");
  await atRest(ids, before);
  await last.stop();
  running = null;
  expect(simulator.changes).toBe(changes);
  expect([simulator.codesOf("lock-1"), simulator.codesOf("lock-2"), simulator.windowsOf("lock-1")]).toEqual(
    held,
  );
});

test("a change that is cut short comes true once, and only the newest", { timeout: LIMIT_MS }, async () => {
  const first = await live();
  await first.reaches("device.ready");
  const ids = [await create("lock-1", "220000"), await create("lock-2", "330000")];
  await untilFound(WITHIN_MS, "both are on the locks", async () => {
    const codes = await Promise.all(ids.map(codeOf));
    return codes.every(isThere) ? true : null;
  });
  await cut(first);
  const { changes } = simulator;
  let wishes = 0;
  for (let count = 0; count < BUSY_LIVES; count++) {
    const daemon = await live();
    await daemon.reaches("device.ready");
    const asked = ids.map((id, index) => {
      wishes++;
      const code = `${index + 2}${index + 2}${1000 + wishes}`;
      return ask("/access_codes/update", { access_code_id: id, code });
    });
    // Every second time the wishes are surely on disk; else the cut may come before that.
    if (count % 2 === 0) await Promise.all(asked);
    await pause(dice(120));
    await cut(daemon);
  }
  const before = reads();
  const last = await live();
  await last.reaches("device.ready");
  await atRest(ids, before);
  const [one, two] = await Promise.all(ids.map(codeOf));
  const written = simulator.changes - changes;
  await last.stop();
  running = null;
  expect(Object.values(simulator.codesOf("lock-1"))).toContain(one?.code);
  expect(Object.values(simulator.codesOf("lock-2"))).toContain(two?.code);
  const ours = [...Object.values(simulator.codesOf("lock-1")), ...Object.values(simulator.codesOf("lock-2"))];
  expect(ours.filter((pin) => /^(22|33)/.test(pin))).toHaveLength(2);
  // At most one write a wish, and one more each time that a masked slot was cut short: nobody can read that one.
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThanOrEqual(wishes + BUSY_LIVES);
});
