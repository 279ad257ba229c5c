import assert from "node:assert/strict";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { Msr605xSimulator } from "#drivers/msr605x/simulator";
import { PcproxSimulator } from "#drivers/pcprox/simulator";
import { lineOpeners } from "#src/gateway-lines";
import { gatewayPorts } from "#src/gateway-ports";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import { playScenario, type Scenario } from "./enter.js";
import type { HidWorld } from "./world.js";

/** What a technician is told of USB HID devices that are plugged in, over the real node-hid. */
const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const by = { name: "technician", role: "technician", seesPins: false } as const;
const ADDRESS = "hid:0801:0003";
const WANTED = { kind: "hid", settings: { reportBytes: 64 } } as const;

function desk(configured: Readonly<Record<string, string>>) {
  const devices = Object.entries(configured).map(([key, port]) => ({
    key,
    driver: "msr605x",
    port,
    settings: {},
  }));
  const lines = lineOpeners(realClock, undefined, Object.values(configured));
  return {
    lines,
    ports: gatewayPorts({ devices }, { lines, clock: realClock, log, audit: () => undefined }),
  };
}

async function plugEncoder(world: HidWorld, node: number, at: string) {
  const end = await world.plug(node, { vid: "0801", pid: "0003", at, reportBytes: 64 });
  const encoder = new MsrSimulator(realClock);
  const simulator = new Msr605xSimulator(encoder);
  end.onOutput((report) => simulator.receive(report));
  simulator.onSend((report) => end.input(report));
  return { encoder, unplug: () => end.unplug() };
}

const facts = async ({ ports }: ReturnType<typeof desk>) =>
  (await ports.found()).map((it) => [it["port"], it["device"], it["ambiguous_name"]]);

/** One is in use under the name of its kind; a second one comes, and the gateway is started anew. */
const twins: Scenario = async (world) => {
  const first = await plugEncoder(world, 0, "1-1");
  const site = desk({ stripes: ADDRESS });
  assert.deepEqual(await facts(site), [[ADDRESS, "stripes", null]]);
  const line = await site.lines.open(ADDRESS, WANTED);

  await plugEncoder(world, 1, "1-2");
  assert.deepEqual(await facts(site), [
    [`${ADDRESS}/at:1-1`, "stripes", ADDRESS],
    [`${ADDRESS}/at:1-2`, null, null],
  ]);
  const asked = { driver: undefined, cardWaitMs: 0 };
  for (const [port, type] of [
    [`${ADDRESS}/at:1-1`, "port_in_use"],
    [ADDRESS, "port_ambiguous"],
  ] as const)
    await assert.rejects(site.ports.probe({ ports: [port], ...asked }, by), { type });

  await line.close();
  await assert.rejects(site.lines.open(ADDRESS, WANTED), { code: "port.ambiguous" });
  assert.deepEqual(
    (await facts(site)).map(([, device]) => device),
    [null, null],
  );

  const named = desk({ stripes: ADDRESS, bar: `${ADDRESS}/at:1-2` });
  await first.unplug();
  await assert.rejects(named.lines.open(ADDRESS, WANTED), {
    code: "port.ambiguous",
    message: /another device's by its socket/,
  });
  await (await named.lines.open(`${ADDRESS}/at:1-2`, WANTED)).close();
};

/** Two encoders that look the same, and a card that is pulled through one of them; then a badge at a reader. */
const taps: Scenario = async (world) => {
  await plugEncoder(world, 0, "1-1");
  const right = await plugEncoder(world, 1, "1-2");
  const { ports } = desk({});
  const both = [`${ADDRESS}/at:1-1`, `${ADDRESS}/at:1-2`];
  const known = await ports.probe({ ports: both, driver: undefined, cardWaitMs: 0 }, by);
  assert.deepEqual(
    (known["found"] as { driver: string; card: unknown }[]).map(({ driver, card }) => [driver, card]),
    [
      ["msr605x", null],
      ["msr605x", null],
    ],
  );
  setTimeout(() => right.encoder.hold(new SimulatedStripe()), 1_500);
  const pulled = await ports.probe({ ports: both, driver: "msr605x", cardWaitMs: 20_000 }, by);
  assert.deepEqual(
    (pulled["found"] as { card: unknown }[]).map(({ card }) => card),
    [null, { uid: null, technology: "magstripe" }],
  );

  const badges = new PcproxSimulator(realClock);
  const end = await world.plug(2, { vid: "0c27", pid: "3bfa", at: "1-3", reportBytes: 8, featureBytes: 8 });
  end.onFeature((report) => badges.setFeature([...report]));
  end.answerFeature(() => Uint8Array.from(badges.getFeature()));
  const holding = setInterval(() => badges.hold("00110010100000101001110011"), 300);
  const held = await ports.probe({ ports: ["hid:0c27:3bfa"], driver: undefined, cardWaitMs: 20_000 }, by);
  clearInterval(holding);
  const [reader] = held["found"] as { driver: string; card: unknown }[];
  assert.deepEqual([reader?.driver, reader?.card], ["pcprox", { uid: null, technology: "badge" }]);
};

await playScenario({ twins, taps });
