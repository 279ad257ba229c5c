import { expect, test } from "vitest";
import { SimulatedStripe } from "#drivers/msr605/simulator";
import type { Inventory } from "#src/domain/inventory";
import type { Progress } from "#src/engine/jobs";
import { EngineRig, INVENTORY, SITE } from "#test/support/engine-rig";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const B = "eeeeeeee-0000-4000-8000-00000000000b";
const SWIPE = "cccccccc-0000-4000-8000-000000000003";

const WITH_STRIPES: Inventory = {
  ...INVENTORY,
  systems: INVENTORY.systems.map((system) =>
    system.key === "main" ? { ...system, cardProfiles: ["classic", "stripe"] } : system,
  ),
  encoders: [
    ...INVENTORY.encoders,
    { id: SWIPE, key: "swipe", name: "Swipe", systemId: SITE.system, unit: "stripes/main" },
  ],
};

async function desk(inventory = WITH_STRIPES): Promise<EngineRig> {
  const rig = new EngineRig({ inventory, hasStripes: true });
  await rig.clock.advance(5_000);
  expect(rig.devices.isOnline("stripes/main")).toBe(true);
  return rig;
}

const encode = (rig: EngineRig, id: string, overwrite = false) => rig.job("encode", id, overwrite, SWIPE);

async function issued(rig: EngineRig, id = A): Promise<SimulatedStripe> {
  rig.feedCredential(id);
  const card = new SimulatedStripe();
  rig.stripes.hold(card);
  expect((await encode(rig, id)).error).toBeNull();
  return card;
}

test("a credential becomes a stripe in three pulls, each asked for", async () => {
  const rig = await desk();
  const said: string[] = [];
  rig.engine.jobs.onProgress((_job, { step, say }: Progress) => said.push(`${step}: ${say}`));
  const card = await issued(rig);
  expect(said.slice(1, 5)).toEqual([
    "waiting_for_card: Pull a card through the encoder.",
    "card_seen: Card read. Keep it at hand.",
    "writing: Pull the same card through again to write it.",
    "verifying: Pull it through once more to check it.",
  ]);
  expect(rig.state(A)).toBe("issued");
  expect(rig.stripes.changes).toBe(1);
  expect([card.tracks[0], card.tracks[1]]).toEqual(["", ""]);
  const scanned = await rig.job("scan", null, false, SWIPE);
  expect(scanned.result).toMatchObject({
    acs_credential_on_encoder: { card_number: rig.row(A).cardCredentialId },
    acs_credential_on_seam: { acs_credential_id: A },
  });
});

test("the same card again is the same card: it is written anew, and nothing else stays alive", async () => {
  const rig = await desk();
  await issued(rig);
  rig.feedCredential(A, { ends_at: "2026-12-01T11:00:00.000Z" });
  expect((await encode(rig, A)).error).toBeNull();
  expect(rig.row(A).record?.context).toMatchObject({ generation: 2, cards: [{ generation: 2 }] });
});

test("another blank card is another card: the first one lives on until its date", async () => {
  const rig = await desk();
  await issued(rig);
  rig.stripes.hold(new SimulatedStripe());
  expect((await encode(rig, A)).error).toBeNull();
  expect(rig.row(A).record?.context.cards.map(({ generation }) => generation)).toEqual([1, 2]);
});

test("revoked, erased and read back blank it is invalidated", async () => {
  const rig = await desk();
  const card = await issued(rig);
  rig.feedCredential(A, { state: "revoked" });
  expect(rig.state(A)).toBe("invalidating");
  expect((await rig.job("erase", null, false, SWIPE)).status).toBe("success");
  expect(card.tracks).toEqual(["", "", ""]);
  expect(rig.state(A)).toBe("invalidated");
});

test("another guest's valid stripe is not written over, unless told to; then the other credential is dead", async () => {
  const rig = await desk();
  await issued(rig);
  rig.feedCredential(B);
  const refused = await encode(rig, B);
  expect(refused.error).toMatchObject({ type: "credential_cannot_be_reissued" });
  expect(rig.stripes.changes).toBe(1);
  expect((await encode(rig, B, true)).error).toBeNull();
  expect(rig.row(A).record?.context.cards).toEqual([]);
});

test("cancelled while it waits for the pull that writes: in doubt, and no card that comes along is written", async () => {
  const rig = await desk();
  rig.feedCredential(A);
  const card = new SimulatedStripe();
  rig.stripes.hold(card);
  const attempt = rig.start("encode", A, false, SWIPE);
  const stop = rig.engine.jobs.onProgress((_job, { step }) => {
    if (step === "writing") rig.stripes.hold(null);
  });
  await rig.clock.advance(3_000);
  stop();
  await rig.clock.until(rig.engine.cancel(attempt.id), { msMax: 20_000 });
  expect(rig.state(A)).toBe("in_doubt");
  rig.stripes.hold(card);
  await rig.clock.advance(30_000);
  expect(rig.stripes.changes).toBe(0);
});

test("another card in the pull that checks is not taken for the one that was written", async () => {
  const rig = await desk();
  rig.feedCredential(A);
  const card = new SimulatedStripe();
  rig.stripes.hold(card);
  rig.engine.jobs.onProgress((_job, { step }) => {
    if (step === "verifying") rig.stripes.hold(new SimulatedStripe());
  });
  expect((await encode(rig, A)).error).toMatchObject({
    message: expect.stringContaining("does not hold what was written") as string,
  });
  expect(rig.state(A)).toBe("in_doubt");
  // The card that was written settles it, and is not written again.
  rig.stripes.hold(card);
  expect((await encode(rig, A)).error).toBeNull();
  expect(rig.state(A)).toBe("issued");
  expect(rig.stripes.changes).toBe(1);
});

test("a stripe of somebody else is left alone, and nobody's pull ends the job", async () => {
  const rig = await desk();
  rig.feedCredential(A);
  rig.stripes.hold(new SimulatedStripe("low", ["", "", "110100111011011100001"]));
  expect((await encode(rig, A)).error).toMatchObject({ type: "incompatible_card_format" });
  rig.stripes.hold(null);
  expect((await encode(rig, A)).error).toMatchObject({ type: "no_credential_on_encoder" });
  expect(rig.stripes.changes).toBe(0);
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("a system without a profile for stripes says so before anybody pulls a card", async () => {
  const { systems } = INVENTORY;
  const rig = await desk({ ...WITH_STRIPES, systems });
  rig.feedCredential(A);
  expect((await encode(rig, A)).error).toMatchObject({
    type: "incompatible_card_format",
    message: expect.stringContaining("no card profile for magnetic stripes") as string,
  });
});
