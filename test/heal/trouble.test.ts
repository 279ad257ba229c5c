import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "#src/sandbox/demo-site";
import { isWrite, OtherDevice } from "./plug.js";
import { type HealSite, startHealSite } from "./site.js";

/** Devices that are silent, strange, absent or held by another program: each is said, each heals, none delays another. */

/** An acknowledgement (NXP UM0701-02, 6.2.1.3), and bytes that are no frame. */
const ACK_AND_NOISE = Uint8Array.of(0x00, 0x00, 0xff, 0x00, 0xff, 0x00, ...new Uint8Array(8).fill(0x11));

let site: HealSite;
beforeAll(async () => {
  site = await startHealSite(["desk", "back", "late", "held"], { plugged: ["desk", "back"] });
});
afterAll(async () => {
  expect(site.fatal).toEqual([]);
  await site.stop();
});

test("a device that is absent at the start harms nobody, is said, and is found when it comes", async () => {
  const { state, problem, identity } = await site.device("late");
  expect({ state, problem, identity }).toMatchObject({
    state: "absent",
    problem: { code: "port.missing", message: `there is no device at ${site.desk("late").plug.port}` },
    identity: null,
  });
  const [error] = await site.encoderErrors("late");
  expect(error).toMatchObject({ error_code: "encoder_not_online" });
  expect(error?.message).toMatch(/plug it in, or correct its port .*; tried again .*\[port\.missing\]$/);
  site.desk("desk").put();
  expect(await site.encode("desk", await site.credential())).toMatchObject({ status: "success" });

  // The error says since when, not when it was asked for.
  const { since } = await site.device("late");
  expect((await site.encoderErrors("late"))[0]?.created_at).toBe(since);
  expect(Date.parse(since)).toBeLessThan(Date.now());

  await site.desk("late").plug.plugIn();
  await site.healed("late");
  expect(await site.encoderErrors("late")).toEqual([]);
  site.desk("late").put();
  expect(await site.encode("late", await site.credential())).toMatchObject({ status: "success" });
});

test("a device that falls silent before the intent ends its job unharmed, is said, and heals when it speaks again", async () => {
  const desk = site.desk("desk");
  desk.put();
  const credential = await site.credential();
  site.atStep("desk", "reading", () => {
    desk.simulator.faults.silentFrom = 0;
  });
  const cut = await site.encode("desk", credential);
  expect(cut).toMatchObject({ status: "error", error: { type: "encoder_communication_timeout" } });
  expect(cut.error?.message).toMatch(/\[device\.silent\]; the card was not changed$/);
  expect(await site.life(credential)).toMatchObject({ state: "waiting_to_be_issued", generation: 0 });

  await site.hasProblem("desk", "device.silent");
  const shown = await site.cli("devices");
  expect(shown).toMatch(/desk .*(backing off|opening)/);
  expect(shown).toContain("see that it has power");
  const { problem, next_try_ms } = await site.device("desk");
  expect(problem?.code).toBe("device.silent");
  expect(next_try_ms === null || next_try_ms <= 10_000).toBe(true);

  desk.simulator.faults.silentFrom = null;
  await site.healed("desk");
  expect(await site.encode("desk", credential)).toMatchObject({ status: "success" });
});

test("while one encoder hangs in the middle of a write, another makes its card", async () => {
  const desk = site.desk("desk");
  const back = site.desk("back");
  const [stuck, other] = [await site.credential(), await site.credential()];
  const order: string[] = [];
  const { jobs } = site.gateway.engine;
  const hangs = new Promise<void>((resolve) => {
    desk.plug.fate = (command) => {
      if (!isWrite(command)) return "pass";
      order.push("desk hangs");
      // From here on the chip acknowledges everything and then says nothing that makes sense.
      desk.plug.fate = () => {
        desk.plug.say(ACK_AND_NOISE);
        return "lose";
      };
      resolve();
      return desk.plug.fate(command);
    };
  });
  const card = desk.put();
  back.put();
  const stuckAttempt = await site.begin("desk", stuck);
  void jobs.get(stuckAttempt)?.ended.then(() => order.push("desk ends"));
  await hangs;
  const otherAttempt = await site.begin("back", other);
  void jobs.get(otherAttempt)?.ended.then(() => order.push("back ends"));
  expect(await site.ended(otherAttempt)).toMatchObject({ status: "success" });
  expect(await site.ended(stuckAttempt)).toMatchObject({ error: { type: "encoding_interrupted" } });
  expect(order).toEqual(["desk hangs", "back ends", "desk ends"]);
  expect(await site.life(stuck)).toMatchObject({ state: "in_doubt" });

  desk.plug.fate = () => "pass";
  await site.healed("desk");
  desk.put(card);
  expect(await site.encode("desk", stuck)).toMatchObject({ status: "success" });
});

test("another kind of device at the port is said to be one, and the right one is taken when it comes back", async () => {
  const { plug, simulator } = site.desk("desk");
  await plug.unplug();
  plug.device = new OtherDevice();
  await plug.plugIn();
  const { problem, identity } = await site.hasProblem("desk", "device.wrong");
  expect(identity).toBeNull();
  expect(problem?.message).toContain("not as a PN532 does");
  expect(problem?.message).toContain("0d0a");
  const [error] = await site.encoderErrors("desk");
  expect(error?.message).toMatch(/put the right device on this port.*\[device\.wrong\]$/);
  expect(await site.encode("desk", await site.credential())).toMatchObject({
    error: { type: "encoder_not_online" },
  });

  await plug.unplug();
  plug.device = simulator;
  simulator.faults.ic = 0x33;
  await plug.plugIn();
  await until("the other chip is named", async () =>
    ((await site.device("desk")).problem?.message ?? "").includes("its chip says 33"),
  );

  await plug.unplug();
  simulator.faults.ic = 0x32;
  await plug.plugIn();
  await site.healed("desk");
  site.desk("desk").put();
  expect(await site.encode("desk", await site.credential())).toMatchObject({ status: "success" });
});

/** Another program that opens a port as ours does, locked; `release` ends it. */
async function holdPort(path: string): Promise<{ readonly pid: number; release(): Promise<void> }> {
  const program = `const { SerialPort } = require("serialport");
    new SerialPort({ path: ${JSON.stringify(path)}, baudRate: 115200, lock: true }, (error) => console.log(error ?? "open"));
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  if (said.toString() !== "open\n") throw new Error(said.toString());
  return {
    pid: child.pid ?? 0,
    async release() {
      child.kill();
      await once(child, "exit");
    },
  };
}

test("a port that another program holds: the program is named, and the device is taken when it lets go", async () => {
  const { plug } = site.desk("held");
  const holder = await holdPort(await plug.warmUp());
  await plug.plugIn();
  const { problem } = await site.hasProblem("held", "port.held");
  expect(problem?.message).toBe(`${plug.port} is in use by node (process ${holder.pid})`);
  expect(await site.cli("devices")).toContain(`node (process ${holder.pid})`);
  expect(await site.cli("devices", "--json")).toContain(`node (process ${holder.pid})`);
  const [error] = await site.encoderErrors("held");
  expect(error?.message).toContain(`node (process ${holder.pid}): stop that program`);
  const refused = await site.encode("held", await site.credential());
  expect(refused.error?.message).toContain(`node (process ${holder.pid})`);

  await holder.release();
  await site.healed("held");
  site.desk("held").put();
  expect(await site.encode("held", await site.credential())).toMatchObject({ status: "success" });
});
