import { afterAll, beforeAll, expect, test } from "vitest";
import { toHex } from "#src/lib/hex";
import { until } from "#src/sandbox/demo-site";
import { type HostCommand, isRead, isWrite, type Plug } from "./plug.js";
import { blank, type HealSite, startHealSite } from "./site.js";

/**
 * The line of an encoder is pulled in every phase of an encode, on a real pseudo-terminal under the whole gateway. What
 * the desk is told is what the card is; the device comes back by itself, and the next encode works.
 */

let site: HealSite;
/** Writes that make one blank card good. */
let writesPerCard: number;

beforeAll(async () => {
  site = await startHealSite(["desk"]);
  const { plug } = site.desk("desk");
  site.desk("desk").put();
  expect(await site.encode("desk", await site.credential())).toMatchObject({ status: "success" });
  writesPerCard = plug.commands.filter(isWrite).length;
});
afterAll(async () => {
  expect(site.fatal).toEqual([]);
  await site.stop();
});

/** How a device comes back. */
const REPLUGS = {
  "at once": (plug: Plug) => plug.plugIn(),
  "after a while without a port": async (plug: Plug) => {
    await site.hasProblem("desk", "port.missing");
    expect(await site.encoderErrors("desk")).toMatchObject([{ error_code: "encoder_not_online" }]);
    await plug.plugIn();
  },
  "as another terminal": async (plug: Plug) => {
    await plug.plugIn();
    expect(plug.terminal).not.toBe(lastTerminal);
  },
} as const satisfies Record<string, (plug: Plug) => Promise<void>>;
let lastTerminal = "";

/** Two terminals that are there at the same time are surely different ones. */
async function getReady(plug: Plug, replug: keyof typeof REPLUGS): Promise<void> {
  lastTerminal = plug.terminal;
  if (replug === "as another terminal") await plug.warmUp();
}

test.each(Object.keys(REPLUGS) as (keyof typeof REPLUGS)[])("pulled while idle, back %s", async (replug) => {
  const { plug } = site.desk("desk");
  await getReady(plug, replug);
  await plug.unplug();
  const { devices } = site.gateway.engine.deps;
  await until("the loss is noticed", () => !devices.isOnline("desk"));
  await REPLUGS[replug](plug);
  await site.healed("desk");
  site.desk("desk").put();
  expect(await site.encode("desk", await site.credential())).toMatchObject({ status: "success" });
});

test("asked for while the device is away for a moment, an encode waits and works; later it is refused at once", async () => {
  const { plug } = site.desk("desk");
  site.desk("desk").put();
  const credential = await site.credential();
  const gone = new Promise<void>((resolve) => {
    const stop = site.gateway.engine.deps.devices.onChange(({ state }) => {
      if (state !== "backing_off") return;
      stop();
      resolve();
    });
  });
  void plug.unplug();
  await gone;
  const attempt = await site.begin("desk", credential);
  await plug.plugIn();
  expect(await site.ended(attempt)).toMatchObject({ status: "success" });

  await plug.unplug();
  const { devices } = site.gateway.engine.deps;
  await until("the device is no longer waited for", () => !devices.takesWork("desk"));
  const [error] = await site.encoderErrors("desk");
  const refused = await site.encode("desk", await site.credential());
  expect(refused).toMatchObject({ status: "error", error: { type: "encoder_not_online" } });
  expect(refused.error?.message).toContain("[port.missing]");
  expect(error?.message).toContain("plug it in");
  await plug.plugIn();
  await site.healed("desk");
});

interface Phase {
  readonly when: string;
  readonly isCardThere: boolean;
  /** Arms the cut. */
  readonly cut: (plug: Plug) => void;
  /** Of the attempt that is cut. */
  readonly error: string;
  readonly state: "waiting_to_be_issued" | "in_doubt";
  readonly generation: number;
  /** What the card carries after the cut. */
  readonly card: "blank" | "torn" | "whole";
  readonly replug: keyof typeof REPLUGS;
}

const cutAtStep = (step: "card_seen" | "writing" | "verifying") => (plug: Plug) =>
  site.atStep("desk", step, () => void plug.unplug());

/** Cuts the line before the n-th command of a kind reaches the device. */
const cutBefore = (n: number, isIt: (command: HostCommand | null) => boolean) => {
  return (plug: Plug) => {
    let left = n;
    plug.fate = (command) => (isIt(command) && --left === 0 ? "cut" : "pass");
  };
};

const untouched = { error: "encoder_not_online", state: "waiting_to_be_issued", card: "blank" } as const;
const doubtful = { error: "encoding_interrupted", state: "in_doubt", generation: 1 } as const;

const PHASES: readonly Phase[] = [
  {
    when: "while it waits for a card",
    isCardThere: false,
    cut: cutBefore(2, (command) => command?.code === 0x4a),
    ...untouched,
    generation: 0,
    replug: "at once",
  },
  {
    when: "when the card has just been seen",
    isCardThere: true,
    cut: cutAtStep("card_seen"),
    ...untouched,
    generation: 0,
    replug: "as another terminal",
  },
  {
    when: "while the card is read",
    isCardThere: true,
    cut: cutBefore(1, isRead),
    ...untouched,
    generation: 0,
    replug: "at once",
  },
  {
    // The intent is stored, and the driver proves that no write command left.
    when: "between the intent and the first byte",
    isCardThere: true,
    cut: cutAtStep("writing"),
    ...untouched,
    generation: 1,
    replug: "after a while without a port",
  },
  {
    when: "in the middle of the write",
    isCardThere: true,
    cut: cutBefore(2, isWrite),
    ...doubtful,
    card: "torn",
    replug: "at once",
  },
  {
    when: "after the write, before its answer",
    isCardThere: true,
    cut: (plug) => {
      let left = writesPerCard;
      plug.fate = (command) => {
        if (!isWrite(command) || --left > 0) return "pass";
        plug.isHeard = false;
        setImmediate(() => void plug.unplug());
        return "pass";
      };
    },
    ...doubtful,
    card: "whole",
    replug: "as another terminal",
  },
  {
    when: "while the card is verified",
    isCardThere: true,
    cut: cutAtStep("verifying"),
    ...doubtful,
    card: "whole",
    replug: "after a while without a port",
  },
];

test.each(PHASES)("pulled $when, back $replug", async (phase) => {
  const desk = site.desk("desk");
  const { plug, simulator } = desk;
  const card = blank();
  if (phase.isCardThere) desk.put(card);
  else simulator.takeCard();
  const credential = await site.credential();
  await getReady(plug, phase.replug);
  phase.cut(plug);
  const cut = await site.encode("desk", credential);
  expect(cut).toMatchObject({ status: "error", error: { type: phase.error } });
  expect(cut.error?.message).toContain(
    phase.state === "in_doubt" ? "put it back on the encoder" : "the card was not changed",
  );
  expect(await site.life(credential)).toMatchObject({
    state: phase.state,
    generation: phase.generation,
    doubt: phase.state === "in_doubt" ? { generation: 1, uid: toHex(card.uid) } : null,
  });

  await REPLUGS[phase.replug](plug);
  await site.healed("desk");
  simulator.takeCard();
  desk.put(card);
  if (phase.card === "torn") {
    expect(await site.scan("desk")).toMatchObject({ status: "success" });
    expect(await site.life(credential)).toMatchObject({ state: "waiting_to_be_issued", doubt: null });
  }
  plug.commands.length = 0;
  expect(await site.encode("desk", credential)).toMatchObject({ status: "success" });
  // A card that carries the doubtful write intact is found good by reading: nothing is written twice.
  const isWhole = phase.card === "whole";
  expect(plug.commands.filter(isWrite).length > 0).toBe(!isWhole);
  expect(await site.life(credential)).toMatchObject({
    state: "issued",
    generation: isWhole ? 1 : phase.generation + 1,
    doubt: null,
  });
  expect(await site.scan("desk")).toMatchObject({
    result: { acs_credential_on_seam: { acs_credential_id: credential } },
  });
});
