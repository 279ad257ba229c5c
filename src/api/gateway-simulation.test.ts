import { beforeEach, describe, expect, test } from "vitest";
import type { SimulatedClassic } from "#drivers/reference/simulator";
import { EngineRig, SITE, uidOf } from "#test/support/engine-rig";
import { GatewaySimulation } from "./gateway-simulation.js";
import type { Simulation } from "./model.js";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const B = "eeeeeeee-0000-4000-8000-00000000000b";
const NOBODY = "eeeeeeee-0000-4000-8000-00000000000f";

let rig: EngineRig;
let simulation: GatewaySimulation;
/** What the hand laid down, by its UID. */
let cards: Map<string, SimulatedClassic>;
let laid: string[];

beforeEach(async () => {
  rig = await new EngineRig().ready();
  cards = new Map();
  laid = [];
  simulation = new GatewaySimulation(rig.engine, hand());
  for (const id of [A, B]) rig.feedCredential(id);
});

function hand(): Simulation {
  const lay = (card: SimulatedClassic): string => {
    cards.set(uidOf(card), card);
    laid.push(uidOf(card));
    return uidOf(card);
  };
  const none = () => {
    throw new Error("this hand has no locks");
  };
  return {
    cardKinds: ["mifare_classic_1k"],
    putCard: (_, wanted) => lay(rig.put("uid" in wanted ? cards.get(wanted.uid) : undefined)),
    takeCard: () => rig.take(),
    putForeignCard: none,
    putRestlessCard: none,
    setGarbled: (_, isGarbled) => void (rig.simulator.faults.garbledAnswers = isGarbled ? 10_000 : 0),
    setCodeAtLock: none,
    enterCode: none,
    lockByHand: none,
    befall: none,
    setConnected: none,
  };
}

const encodeFails = (
  error: "no_credential_on_encoder" | "action_attempt_expired",
  credentialId: string | null,
) =>
  simulation.carryOut(
    { do: "next_encode", encoderId: SITE.desk, outcome: { is: "error", error, credentialId } },
    null,
  );
const encodeSucceeds = () =>
  simulation.carryOut({ do: "next_encode", encoderId: SITE.desk, outcome: { is: "success" } }, null);
const scanFails = (credentialId: string | null) =>
  simulation.carryOut(
    {
      do: "next_scan",
      encoderId: SITE.desk,
      outcome: { is: "error", error: "uncategorized_error", credentialId },
    },
    null,
  );

test("a failure that names a credential waits for that one's encode", async () => {
  await encodeFails("action_attempt_expired", B);
  await encodeSucceeds();
  expect(await rig.job("encode", A)).toMatchObject({ status: "success" });
  expect(await rig.job("encode", B)).toMatchObject({ error: { type: "action_attempt_expired" } });
  await encodeSucceeds();
  expect(await rig.job("encode", B)).toMatchObject({ status: "success" });
});

test("a failure that names none is met by whichever comes next", async () => {
  await encodeFails("no_credential_on_encoder", null);
  expect(await rig.job("encode", A)).toMatchObject({ error: { type: "no_credential_on_encoder" } });
});

test("a scan that fails over a credential's card fails with that card on the encoder", async () => {
  await encodeSucceeds();
  await rig.job("encode", A);
  const [uid] = laid;
  await scanFails(A);
  expect(await rig.job("scan")).toMatchObject({ status: "error" });
  expect(laid).toEqual([uid, uid]);
  expect(rig.simulator.antenna).toEqual([]);
});

describe("a credential that cannot be meant is refused at once", () => {
  test.each([
    ["an encode of one that is not there", () => encodeFails("action_attempt_expired", NOBODY), 404],
    ["a scan of one that is not there", () => scanFails(NOBODY), 404],
    ["a scan of one that was never written", () => scanFails(B), 400],
  ])("%s", async (_, ask, status) => {
    await expect(ask()).rejects.toMatchObject({ status });
  });
});
