import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "#src/sandbox/demo-site";
import { runInHidWorld } from "#test/hid/run";
import { isWrite, OtherDevice } from "./plug.js";
import { blank, type HealSite, startHealSite } from "./site.js";

/**
 * The hub that all encoders of a desk hang on loses its power: they vanish at one instant, each in the middle of something
 * else, and come back in another order under other names of the system.
 */
const KEYS = ["writing", "waiting", "reading", "idle"] as const;
let site: HealSite;

beforeEach(async () => {
  site = await startHealSite(KEYS);
}, 60_000);
afterEach(async () => {
  expect(site.fatal).toEqual([]);
  await site.stop();
});

const terminals = () => KEYS.map((key) => site.desk(key).plug.terminal);

test(
  "four serial encoders heal, none is taken for another, and each job ends as its card stands",
  {
    timeout: 60_000,
  },
  async () => {
    const before = terminals();
    const card = { writing: site.desk("writing").put(blank()), reading: site.desk("reading").put(blank()) };
    const credentials = {
      writing: await site.credential(),
      waiting: await site.credential(),
      reading: await site.credential(),
    };
    const powerIsGone = new Promise<void>((resolve) => {
      let writes = 0;
      // The second block of the card is on its way when the power goes.
      site.desk("writing").plug.fate = (command) => {
        if (!isWrite(command) || ++writes < 2) return "pass";
        for (const key of KEYS) void site.desk(key).plug.unplug();
        resolve();
        return "lose";
      };
    });
    const waiting = await site.begin("waiting", credentials.waiting);
    // It has seen its card, and is held up before it can read it.
    site.desk("reading").plug.fate = (command) => (command?.code === 0x40 ? "lose" : "pass");
    const reading = await site.begin("reading", credentials.reading);
    await until(
      "the card is seen",
      () => site.gateway.engine.jobs.get(reading)?.progress.some(({ step }) => step === "reading") ?? false,
    );
    const writing = await site.begin("writing", credentials.writing);
    await powerIsGone;

    for (const id of [waiting, reading])
      expect(await site.ended(id)).toMatchObject({ status: "error", error: { type: "encoder_not_online" } });
    expect(await site.ended(writing)).toMatchObject({ error: { type: "encoding_interrupted" } });
    expect(await site.life(credentials.writing)).toMatchObject({ state: "in_doubt", generation: 1 });
    for (const id of [credentials.waiting, credentials.reading])
      expect(await site.life(id)).toMatchObject({
        state: "waiting_to_be_issued",
        generation: 0,
        doubt: null,
      });

    // The system gives out its terminals anew, in the order in which the devices come: the last one first.
    for (const key of KEYS) await site.desk(key).plug.unplug();
    for (const key of [...KEYS].reverse()) await site.desk(key).plug.plugIn();
    for (const key of KEYS) await site.healed(key);
    const after = terminals();
    expect(after).not.toEqual(before);
    expect(after.some((terminal, index) => before.includes(terminal) && before[index] !== terminal)).toBe(
      true,
    );

    // The card in doubt, at its own encoder; and whoever encodes anywhere writes on the card that lies there.
    site.desk("writing").put(card.writing);
    expect(await site.encode("writing", credentials.writing)).toMatchObject({ status: "success" });
    site.desk("reading").put(card.reading);
    expect(await site.encode("reading", credentials.reading)).toMatchObject({ status: "success" });
    for (const key of ["waiting", "idle"] as const) {
      for (const other of KEYS) site.desk(other).plug.commands.length = 0;
      site.desk(key).put();
      const id = key === "waiting" ? credentials.waiting : await site.credential();
      expect(await site.encode(key, id)).toMatchObject({ status: "success" });
      for (const other of KEYS)
        expect([other, site.desk(other).plug.commands.some(isWrite)]).toEqual([other, other === key]);
    }
  },
);

test("a modem that is given an encoder's name is not taken for the encoder, and the others heal", async () => {
  for (const key of KEYS) void site.desk(key).plug.unplug();
  const { plug, simulator } = site.desk("idle");
  plug.device = new OtherDevice();
  for (const key of [...KEYS].reverse()) await site.desk(key).plug.plugIn();
  for (const key of ["writing", "waiting", "reading"]) await site.healed(key);
  await site.hasProblem("idle", "device.wrong");
  await plug.unplug();
  plug.device = simulator;
  await plug.plugIn();
  await site.healed("idle");
}, 60_000);

test(
  "two encoders and a badge reader on USB HID come back in another order under other nodes, and each is who it was",
  {
    timeout: 60_000,
  },
  () => runInHidWorld(join(import.meta.dirname, "hub-hid.ts"), "hub"),
);
