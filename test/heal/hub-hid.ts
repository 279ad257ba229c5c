import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MsrSimulator } from "#drivers/msr605/simulator";
import { Msr605xSimulator } from "#drivers/msr605x/simulator";
import { PcproxSimulator } from "#drivers/pcprox/simulator";
import { realClock } from "#src/ops/clock";
import { createLog } from "#src/ops/log";
import { until } from "#src/sandbox/demo-site";
import { configuredGateway } from "#test/support/configured-gateway";
import type { HidWorld } from "../hid/world.js";
import { playScenario, type Scenario } from "../hid/enter.js";

/** A stripe encoder at a socket of the hub. Both have the same USB ids and no serial number. */
class StripeEncoder {
  readonly simulator = new MsrSimulator(realClock);
  readonly #at: string;
  #end = (): Promise<void> => Promise.resolve();

  constructor(at: string, firmware: string) {
    this.#at = at;
    this.simulator.firmware = firmware;
  }

  async plugIn(world: HidWorld, node: number): Promise<void> {
    const end = await world.plug(node, { vid: "0801", pid: "0003", at: this.#at, reportBytes: 64 });
    const framed = new Msr605xSimulator(this.simulator);
    end.onOutput((report) => framed.receive(report));
    const stop = framed.onSend((report) => end.input(report));
    this.#end = () => {
      stop();
      return end.unplug();
    };
  }

  unplug(): Promise<void> {
    return this.#end();
  }
}

class BadgeReader {
  readonly simulator = new PcproxSimulator(realClock);
  #end = (): Promise<void> => Promise.resolve();

  async plugIn(world: HidWorld, node: number): Promise<void> {
    const reports = { reportBytes: 8, featureBytes: 8 };
    const end = await world.plug(node, { vid: "0c27", pid: "3bfa", at: "1-1.3", ...reports });
    end.onFeature((report) => this.simulator.setFeature([...report]));
    end.answerFeature(() => Uint8Array.from(this.simulator.getFeature()));
    this.#end = () => end.unplug();
  }

  unplug(): Promise<void> {
    return this.#end();
  }
}

const hub: Scenario = async (world) => {
  const left = new StripeEncoder("1-1.1", "REVL3.12");
  const right = new StripeEncoder("1-1.2", "REVR3.12");
  const badges = new BadgeReader();
  await left.plugIn(world, 0);
  await right.plugIn(world, 1);
  await badges.plugIn(world, 2);
  const stateDir = mkdtempSync(join(tmpdir(), "lb-hub-"));
  const document = {
    site: { id: "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10", name: "Hub", time_zone: "Europe/Lisbon" },
    state_dir: stateDir,
    socket: join(stateDir, "lockbridge.sock"),
    api: { host: "127.0.0.1", port: 0 },
    devices: {
      left: { driver: "msr605x", port: "hid:0801:0003/at:1-1.1" },
      right: { driver: "msr605x", port: "hid:0801:0003/at:1-1.2" },
      badges: { driver: "pcprox", port: "hid:0c27:3bfa" },
    },
    systems: { main: { card_profiles: ["stripe"] } },
    card_profiles: { stripe: { format: "lockbridge96", container: "magstripe" } },
    encoders: {
      left: { system: "main", unit: "left" },
      right: { system: "main", unit: "right" },
      badges: { system: "main", unit: "badges" },
    },
  };
  const { gateway, config } = await configuredGateway(document, { log: createLog("error", process.stderr) });
  const { engine } = gateway;
  const { devices } = engine.deps;
  const firmwareOf = (key: string) =>
    devices.status().find((device) => device.key === key)?.identity?.firmware;
  const areReady = () => ["left", "right", "badges"].every((key) => devices.isOnline(key));
  const [leftEncoder] = config.encoders;
  const badgeEncoder = config.encoders[2];
  try {
    await until("all are there", areReady);
    assert.deepEqual(["left", "right"].map(firmwareOf), ["REVL3.12", "REVR3.12"]);
    // A card is waited for at one, a badge at another.
    const jobs = [leftEncoder, badgeEncoder].map((encoder) => {
      const started = engine.startJob({
        kind: "scan",
        encoderId: encoder?.id ?? "",
        credentialId: null,
        overwrite: false,
        cause: {},
      });
      assert(started.ok);
      return started.attempt.id;
    });
    await until("both wait", () =>
      jobs.every((id) => engine.jobs.get(id)?.progress.some(({ step }) => step === "waiting_for_card")),
    );

    await Promise.all([left, right, badges].map((device) => device.unplug()));
    await until("both jobs have ended", () => jobs.every((id) => engine.jobs.get(id)?.outcome !== null));
    for (const id of jobs)
      assert.equal(engine.deps.store.attempts.get(id)?.error?.type, "encoder_not_online");
    await until("all are away", () => ["left", "right", "badges"].every((key) => !devices.isOnline(key)));

    // Other nodes, given out in another order. (umockdev gives none of its nodes a second time.)
    await badges.plugIn(world, 3);
    await right.plugIn(world, 4);
    await left.plugIn(world, 5);
    await until("all are back", areReady);
    assert.deepEqual(["left", "right"].map(firmwareOf), ["REVL3.12", "REVR3.12"]);
  } finally {
    await gateway.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
};

await playScenario({ hub });
