import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeamHttp } from "@seamapi/http";
import { OsdpSimulator } from "#drivers/osdp/simulator";
import { PcproxSimulator } from "#drivers/pcprox/simulator";
import { fromHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { createLog } from "#src/ops/log";
import { until } from "#src/sandbox/demo-site";
import { Plugged } from "#src/sandbox/plugged";
import { configuredGateway } from "#test/support/configured-gateway";
import { playScenario, type Scenario } from "../hid/enter.js";

/**
 * An office: badges that people have already, a pcProx on the desk over the real node-hid, and a door with an OSDP reader
 * over the real serialport, which the gateway opens. Everything is asked for through Seam's SDK.
 */
const PLUGGED = { reportBytes: 8, featureBytes: 8 };
/** H10301: facility code 101, number 1337 and 1338. */
const FIRST = { sent: "00110010100000101001110011", bits: fromHex("32829cc0") };
const SECOND = { bits: fromHex("32829d40") };
const BADGE_BITS = 26;

const office: Scenario = async (world) => {
  const stateDir = mkdtempSync(join(tmpdir(), "lb-badges-"));
  const desk = new PcproxSimulator(realClock);
  const end = await world.plug(0, { vid: "0c27", pid: "3bfa", at: "1-3", ...PLUGGED });
  end.onFeature((report) => desk.setFeature([...report]));
  end.answerFeature(() => Uint8Array.from(desk.getFeature()));
  const bus = new Plugged(join(stateDir, "bus.tty"), new OsdpSimulator(realClock));
  const reader = bus.simulator.add({ address: 1 });
  await bus.plugIn();
  const document = {
    site: { id: "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10", name: "Office", time_zone: "Europe/Lisbon" },
    state_dir: stateDir,
    socket: join(stateDir, "lockbridge.sock"),
    api: { host: "127.0.0.1", port: 0 },
    devices: {
      badges: { driver: "pcprox", port: "hid:0c27:3bfa" },
      bus: { driver: "osdp", port: bus.port, units: { door: { address: 1, install: true } } },
    },
    systems: {
      staff: { external_type: "hid_credential_manager_organization", badge_formats: ["H10301", "H10302"] },
    },
    encoders: {
      desk: { system: "staff", unit: "badges" },
      "at-the-door": { system: "staff", unit: "bus/door" },
    },
    entrances: { door: { system: "staff", name: "Door", keypad: "bus/door", opens_with: "card" } },
  };
  const { gateway, config } = await configuredGateway(document, { log: createLog("error", process.stderr) });
  const by = { name: "test", role: "admin", seesPins: true } as const;
  gateway.desk.keys.create(by);
  const { token } = gateway.desk.tokens.create({ name: "test", role: "admin" }, by);
  const { devices, store } = gateway.engine.deps;
  const { events } = store;
  await until(
    "reader and door are ready",
    () => devices.isOnline("badges/main") && devices.isOnline("bus/door"),
  );
  const seam = new SeamHttp({
    apiKey: token,
    endpoint: gateway.endpoint,
    waitForActionAttempt: { timeout: 30_000 },
  });
  const [deskEncoder, doorEncoder] = config.encoders.map(({ id }) => id);
  assert(deskEncoder !== undefined && doorEncoder !== undefined);

  /** A badge that lies on the reader of the desk until the job has ended. */
  const atDesk = async <T>(work: Promise<T>): Promise<T> => {
    const held = setInterval(() => desk.hold(FIRST.sent), 400);
    try {
      return await work;
    } finally {
      clearInterval(held);
    }
  };
  /** What the door was told to do, each time that somebody held something to it. */
  const answers = () =>
    events.list({ types: ["lock.unlocked", "lock.access_denied"], limit: 100 }).map((it) => it.event_type);
  const opensTo = async ({ bits }: { bits: Uint8Array }): Promise<boolean> => {
    const [pulses, told] = [reader.pulses.length, answers().length];
    reader.holdCard(bits, BADGE_BITS);
    await until("the door has answered", () => answers().length > told);
    const isOpen = answers().at(-1) === "lock.unlocked";
    assert.equal(reader.pulses.length, isOpen ? pulses + 1 : pulses);
    return isOpen;
  };

  try {
    const [system] = await seam.acs.systems.list();
    const [entrance] = await seam.acs.entrances.list();
    assert(system !== undefined && entrance !== undefined);
    const ada = await seam.acs.users.create({ acs_system_id: system.acs_system_id, full_name: "Ada" });
    const bob = await seam.acs.users.create({ acs_system_id: system.acs_system_id, full_name: "Bob" });
    for (const { acs_user_id } of [ada, bob]) {
      await seam.acs.entrances.grantAccess({ acs_entrance_id: entrance.acs_entrance_id, acs_user_id });
    }
    assert.equal(await opensTo(FIRST), false);

    // A badge from a drawer, at the reader on the desk.
    await atDesk(
      seam.acs.encoders.scanToAssignCredential({
        acs_encoder_id: deskEncoder,
        acs_user_id: ada.acs_user_id,
      }),
    );
    const [credential] = await seam.acs.credentials.list({ acs_user_id: ada.acs_user_id });
    assert(credential !== undefined);
    assert.equal(credential.external_type, "hid_credential");
    assert.equal(credential.card_number, "101-1337");
    assert.equal(credential.is_issued, true);
    assert.deepEqual((credential as unknown as { lockbridge_metadata: unknown }).lockbridge_metadata, {
      badge: { format: "H10301", facility_code: 101, number: 1337, bit_count: 26, bits: "32829cc0" },
    });
    assert.equal(await opensTo(FIRST), true);

    const scanned = await atDesk(seam.acs.encoders.scanCredential({ acs_encoder_id: deskEncoder }));
    assert.equal(scanned.status, "success");
    const { result } = scanned as unknown as {
      result: {
        acs_credential_on_encoder: { card_number: string };
        acs_credential_on_seam: { acs_credential_id: string };
        warnings: unknown[];
      };
    };
    assert.equal(result.acs_credential_on_encoder.card_number, "101-1337");
    assert.equal(result.acs_credential_on_seam.acs_credential_id, credential.acs_credential_id);
    assert.deepEqual(result.warnings, []);

    // Another one, at the door's own reader, which opens to nobody meanwhile and has answered others before.
    assert.equal(await opensTo(SECOND), false);
    const told = answers().length;
    const assigned = seam.acs.encoders.scanToAssignCredential({
      acs_encoder_id: doorEncoder,
      acs_user_id: bob.acs_user_id,
    });
    const held = setTimeout(() => reader.holdCard(SECOND.bits, BADGE_BITS), 1_000);
    await assigned;
    clearTimeout(held);
    assert.equal(answers().length, told);
    const [second] = await seam.acs.credentials.list({ acs_user_id: bob.acs_user_id });
    assert.equal(second?.card_number, "101-1338");
    assert.equal(await opensTo(SECOND), true);

    await seam.acs.credentials.delete({ acs_credential_id: credential.acs_credential_id });
    assert.equal(await opensTo(FIRST), false);
    assert.equal(await opensTo(SECOND), true);

    // The badge that is free again, by the number that is printed on it.
    const typed = await seam.acs.credentials.create({ acs_user_id: ada.acs_user_id, access_method: "card" });
    gateway.desk.enrolBadge(
      {
        credentialId: typed.acs_credential_id,
        format: undefined,
        facility: 101,
        number: 1337,
        overwrite: false,
      },
      by,
    );
    assert.equal(await opensTo(FIRST), true);
  } finally {
    await gateway.stop();
    await bus.unplug();
    rmSync(stateDir, { recursive: true, force: true });
  }
};

await playScenario({ office });
