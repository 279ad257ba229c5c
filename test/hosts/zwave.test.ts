import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SIMULATED_KEYS, ZWaveSimulator } from "#drivers/zwave/simulator";
import { accessCodesCreate, accessCodesGet } from "#src/api/schemas/access-codes";
import { DaemonClient } from "#src/cli/daemon-client";
import { objectId } from "#src/config/ids";
import type { Gateway } from "#src/gateway";
import { realClock } from "#src/ops/clock";
import { Plugged } from "#src/sandbox/plugged";
import { driverProcesses, sourceProgram, until } from "#test/hosts/programs";
import { recordingLog } from "#test/hosts/site";
import { configuredGateway } from "#test/support/configured-gateway";
import { typed } from "#test/support/typed";

/**
 * A Z-Wave stick from an empty network to a PIN on a lock, over the whole gateway: zwave-js in a process of its own, its
 * own mock stick at the far end of a pseudo-terminal, and the commands that a technician types.
 */
const PIN = "73915";
const siteId = randomUUID();
const directory = mkdtempSync(join(tmpdir(), "lb-zwave-site-"));
const socketPath = join(directory, "lockbridge.sock");
const logged: string[] = [];
const client = new DaemonClient(socketPath);
let stick: Plugged<ZWaveSimulator>;
let gateway: Gateway | undefined;

beforeAll(async () => {
  writeFileSync(join(directory, "keys.json"), JSON.stringify(SIMULATED_KEYS), { mode: 0o600 });
  stick = new Plugged(join(directory, "stick"), await ZWaveSimulator.create(realClock, []));
  await stick.plugIn();
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  await stick.unplug();
  stick.simulator.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(locks: object): Promise<void> {
  await gateway?.stop();
  const document = {
    site: { id: siteId, name: "Harbour Hotel", time_zone: "Europe/Lisbon" },
    state_dir: join(directory, "state"),
    socket: socketPath,
    api: { host: "127.0.0.1", port: 0 },
    devices: {
      stick: { driver: "zwave", port: stick.port, keys: `\${file:${join(directory, "keys.json")}}` },
    },
    locks,
  };
  ({ gateway } = await configuredGateway(document, {
    log: recordingLog(logged),
    hostProgram: sourceProgram("src/hosted-driver.ts"),
  }));
}

/** The stick is there, with so many locks that can be used. */
async function ready(locks: number): Promise<void> {
  await until(() => {
    const { state, units } = (gateway?.desk.devices()[0] ?? {}) as { state?: string; units?: unknown[] };
    return state === "ready" && units?.length === locks;
  }, 60_000);
}

test("a lock is included, gets a PIN, keeps it over the death of the driver's process, and is excluded", async () => {
  await start({});
  await ready(0);
  const offered = stick.simulator.offer({ nodeId: 2, kind: "v2", slots: 5, isSecure: true });
  const included = await typed(["locks", "include"], { socketPath, ask: async () => (await offered).pin });
  expect(included.error).toMatch(/^Its label shows a key that goes on like this: -----(-\d{5}){7}\n$/);
  expect(included.out).toContain("is included with S2 Access Control, as stick/node-2.");
  expect(included.code).toBe(0);

  await start({ front: { name: "Front door", unit: "stick/node-2" } });
  await ready(1);
  const device_id = objectId(siteId, "device", "front");
  const { access_code } = await client.call(accessCodesCreate, { device_id, name: "Guest", code: PIN });
  const lock = stick.simulator.lock(2);
  const slots = () => [1, 2, 3, 4, 5].map((slot) => lock.code(slot));
  await until(() => slots().includes(PIN), 60_000);
  const { access_code_id } = access_code;
  await reaches("set");
  const kept = slots();

  const [pid = 0] = driverProcesses(process.pid);
  process.kill(pid, "SIGKILL");
  await until(() => !driverProcesses(process.pid).includes(pid));
  await until(() => driverProcesses(process.pid).length === 1, 30_000);
  await ready(1);
  await reaches("set");
  expect(slots()).toEqual(kept);
  // What the library keeps there has codes in it.
  expect(statSync(join(directory, "state", "devices", "stick")).mode & 0o777).toBe(0o700);
  expect(await gatewayMetrics()).toMatch(/^lockbridge_driver_memory_bytes\{driver="zwave"\} \d{8,}$/m);

  stick.simulator.leaving = 2;
  const excluded = await typed(["locks", "exclude"], { socketPath });
  expect(excluded).toMatchObject({ code: 0, error: "" });
  expect(excluded.out).toContain("stick/node-2 is excluded. Take it out of the configuration too.");
  const said = logged.join("\n") + included.out + included.error + excluded.out;
  const secrets = [PIN, (await offered).pin, ...Object.values(SIMULATED_KEYS)];
  expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);

  async function reaches(status: string): Promise<void> {
    let now = "";
    const look = async () => {
      now = (await client.call(accessCodesGet, { access_code_id })).access_code.status;
    };
    for (const end = performance.now() + 60_000; now !== status;) {
      if (performance.now() > end) throw new Error(`it is ${now}`);
      await look();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}, 90_000);

test("a lock that joins without its PIN is refused, and the command says what to do", async () => {
  await ready(0);
  void stick.simulator.offer({ nodeId: 3, kind: "v2", slots: 5, isSecure: true });
  const refused = await typed(["locks", "include"], { socketPath, ask: () => Promise.resolve("") });
  expect(refused.code).toBe(1);
  expect(refused.error).toContain("The lock joined without the security that locks need");
  expect(refused.error).toContain("lockbridge locks exclude");
}, 60_000);

async function gatewayMetrics(): Promise<string> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    request({ socketPath, path: "/metrics" }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
}
