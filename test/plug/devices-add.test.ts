import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addDeviceTo, assertCanChange, moveDevicesIn } from "#src/add-device";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import type { CliEdge } from "#src/cli/context";
import { EXIT } from "#src/cli/exit-codes";
import type { SimulatedDevice } from "#src/sandbox/attach";
import { toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { OtherDevice, Plug } from "#test/heal/plug";
import { blank, type HealSite, startHealSite } from "#test/heal/site";
import { typed } from "#test/support/typed";

/** A technician plugs encoders in beside the one that is configured, on real pseudo-terminals under a real gateway. */

const YAML = `# Our hotel.
site: { id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10, name: Harbour Hotel, time_zone: Europe/Lisbon }
devices:
  desk: { driver: pn532, port: /dev/serial/by-id/desk } # the old one
systems: { main: { card_profiles: [classic] } }
card_profiles: { classic: { format: lockbridge48, container: classic, sector: 1 } }
encoders: { desk: { system: main, unit: desk } }
entrances: { room-101: { system: main, door: 101 } }
`;

let site: HealSite;
let config: string;
let plugs: Plug[];
beforeEach(async () => {
  site = await startHealSite(["desk"]);
  config = join(site.directory, "site.yaml");
  writeFileSync(config, YAML, { mode: 0o640 });
  plugs = [];
});
afterEach(async () => {
  await Promise.all(plugs.map((plug) => plug.throwAway()));
  await site.stop();
});

async function plugIn(device: SimulatedDevice): Promise<string> {
  const plug = new Plug(join(site.directory, `extra-${plugs.length}.tty`), device);
  plugs.push(plug);
  await plug.plugIn();
  return plug.terminal;
}

const edge: Partial<CliEdge> = {
  get configPath() {
    return config;
  },
  assertCanChange: (path, device) => Promise.resolve().then(() => assertCanChange(path, device)),
  addDevice: (path, device) => addDeviceTo(path, device, {}),
  moveDevices: (path, ports) => moveDevicesIn(path, ports, {}),
};
const cli = (...words: readonly string[]) => typed([...words, "--socket", site.socket], edge);

test(
  "asked, an encoder says what it is; a modem is told as what answered, silence as silence",
  { timeout: 60_000 },
  async () => {
    const encoder = await plugIn(new Pn532Simulator());
    const known = await cli("devices", "probe", encoder);
    expect(known.code).toBe(EXIT.ok);
    expect(known.out.split("\n")[1]).toMatch(/^\/dev\/pts\/\d+ +NXP PN532 1\.6 +pn532$/);
    expect(known.out).toContain(encoder);

    const modem = await plugIn(new OtherDevice());
    const unknown = await cli("devices", "probe", modem, "--driver", "pn532");
    expect(unknown.code).toBe(EXIT.failed);
    expect(unknown.error).toContain(`${modem}, asked as pn532: something answers at this port`);
    expect(unknown.error.match(/\[device\.wrong\]/g)).toHaveLength(1);

    const dead = await plugIn({ receive: () => undefined, onSend: () => () => undefined });
    const silent = await cli("devices", "probe", dead);
    expect(silent.code).toBe(EXIT.failed);
    expect(silent.error).toContain(`${dead}: nothing answers, asked as msr605, pn532, twn4, ufr.`);
  },
);

test("a port that a device uses is never asked, by whatever name", async () => {
  const { plug } = site.desk("desk");
  const before = plug.commands.length;
  const { code, error } = await cli("devices", "probe", plug.terminal);
  expect(code).toBe(EXIT.refused);
  expect(error).toContain('is the port of the device "desk"');
  expect(plug.commands.length).toBe(before);
  expect((await cli("devices", "probe", "/etc/passwd")).code).toBe(EXIT.refused);
});

test("an encoder is added with a card, and the file keeps its comments, its owner and its mode", async () => {
  const simulator = new Pn532Simulator();
  const port = await plugIn(simulator);
  const card = blank();
  simulator.putCard(card);
  const { code, out } = await cli("devices", "add", "bar", port);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain(`It read a card: mifare_classic_1k, UID ${toHex(card.uid)}.`);
  expect(out).toContain('It is an encoder of the system "main".');
  const text = readFileSync(config, "utf8");
  expect(text).toContain("# Our hotel.\n");
  expect(text).toContain("# the old one\n");
  expect(text).toContain(`bar: { driver: pn532, port: ${port} }`);
  expect(text).toContain("bar: { system: main, unit: bar }");
  expect(statSync(config).mode & 0o777).toBe(0o640);

  const again = await cli("devices", "add", "bar", port, "--no-card");
  expect(again).toMatchObject({ code: EXIT.refused });
  expect(again.error).toContain('there is a device "bar" already');
  expect(readFileSync(config, "utf8")).toBe(text);
});

test("two that look the same are told apart by where the card is laid", async () => {
  const [left, right] = [new Pn532Simulator(), new Pn532Simulator()];
  const ports = [await plugIn(left), await plugIn(right)];
  right.putCard(blank());
  const { code, out } = await cli("devices", "add", "bar", ...ports);
  expect([code, out.includes(`at ${ports[1]} is now "bar"`)]).toEqual([EXIT.ok, true]);
  expect(readFileSync(config, "utf8")).not.toContain(String(ports[0]));
  expect((await cli("devices", "add", "spa", ...ports, "--no-card")).error).toContain("Only a card tells");
});

test("two cards at once are a card all the same, and the words say that it was not read", async () => {
  const simulator = new Pn532Simulator();
  const port = await plugIn(simulator);
  simulator.putCard(blank());
  simulator.putCard(blank());
  const { code, out } = await cli("devices", "add", "bar", port);
  expect([code, out.includes("A card was seen, and not read")]).toEqual([EXIT.ok, true]);
});

test("an encoder for stripes is tried by a pull, and makes cards too", async () => {
  const [left, right] = [new MsrSimulator(realClock), new MsrSimulator(realClock)];
  const ports = [await plugIn(left), await plugIn(right)];
  const adding = typed(["devices", "add", "stripes", ...ports, "--socket", site.socket], edge, (said) => {
    if (said.startsWith("Pull a card through the device")) right.hold(new SimulatedStripe());
  });
  const { code, out, error } = await adding;
  expect(code, error).toBe(EXIT.ok);
  expect(out).toContain(`at ${ports[1]} is now "stripes"`);
  expect(out).toContain("A card was pulled through it.");
  const text = readFileSync(config, "utf8");
  expect(text).toContain(`stripes: { driver: msr605, port: ${ports[1]} }`);
  expect(text).toContain("stripes: { system: main, unit: stripes }");
});

test("a device gets another port, found by a card, and keeps what else stands about it", async () => {
  const simulator = new Pn532Simulator();
  const ports = [await plugIn(new Pn532Simulator()), await plugIn(simulator)];
  simulator.putCard(blank());
  const { code, out, error } = await cli("devices", "move", "desk", ...ports);
  expect(code, error).toBe(EXIT.ok);
  expect(out).toContain(`"desk" is now at ${ports[1]} in ${config}: NXP PN532 1.6.`);
  const text = readFileSync(config, "utf8");
  expect(text).toContain(`desk: { driver: pn532, port: ${ports[1]} } # the old one`);
  const none = await cli("devices", "move", "spa", ...ports);
  expect(none).toMatchObject({ code: EXIT.refused });
  expect(none.error).toContain('there is no device "spa": add it with lockbridge devices add spa');
});

test("a file that would be wrong then is not changed", async () => {
  const port = await plugIn(new Pn532Simulator());
  for (const [text, why] of [
    [`${YAML}surprise: 1\n`, "surprise"],
    ["- a list\n", "does not hold a configuration"],
    ["site: [\n", "is no YAML"],
  ] as const) {
    writeFileSync(config, text);
    const { code, error } = await cli("devices", "add", "bar", port, "--no-card");
    expect([code, readFileSync(config, "utf8")]).toEqual([EXIT.refused, text]);
    expect(error).toContain(why);
  }
  chmodSync(config, 0o600);
  const gone = await cli("devices", "add", "bar", port, "--no-card", "--config", "/nowhere/site.yaml");
  expect(gone.error).toBe("Cannot read /nowhere/site.yaml (ENOENT).\n");
});
