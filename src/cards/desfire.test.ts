import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { deliveredMemory, zeroKey } from "#src/sandbox/cards/desfire-memory";
import { ModelDesfire } from "#test/support/model-desfire";
import { siteKeys } from "#test/support/site-keys";
import type { CardContent } from "./content.js";
import {
  erasePlan,
  interpret,
  type Planned,
  readPlan,
  verify,
  verifyPlan,
  type WantedCard,
  writePlan,
} from "./plan.js";
import { type CardProfile, cardProfileSchema } from "./profile.js";
import { desfireKey, type SiteKeys } from "./site-keys.js";
import vectors from "./vectors.json" with { type: "json" };

const V1 = [siteKeys(1)] as const;
const V2 = [siteKeys(2), siteKeys(1)] as const;
type Keys = readonly [SiteKeys, ...SiteKeys[]];

const profile: CardProfile = {
  key: "desfire",
  format: "lockbridge48",
  container: "desfire",
  application: "F52000",
};
const content: CardContent = {
  format: "lockbridge48",
  entrances: ["101"],
  validFrom: null,
  validTo: 1795604400,
  function: "guest",
  isOneTimeUse: false,
  door: 101,
  zones: 0,
};
const wanted = (generation: number): WantedCard => ({
  cardCredentialId: "1122334455667788",
  generation,
  content,
});

const seenBy = (model: ModelDesfire, keySets: readonly SiteKeys[]) =>
  model.read(readPlan(profile, model.card, keySets));
const stateOf = (model: ModelDesfire, keySets: readonly SiteKeys[]) =>
  interpret(profile, model.card, keySets, seenBy(model, keySets));
const planFor = (model: ModelDesfire, keySets: Keys, goal: WantedCard | null): Planned =>
  goal === null
    ? erasePlan(profile, model.card, keySets, seenBy(model, keySets))
    : writePlan(profile, model.card, keySets, seenBy(model, keySets), goal);

/** Plays the plan until `left` APDUs are used up, then takes the card away; how many were used. */
function play(model: ModelDesfire, keySets: Keys, goal: WantedCard | null, left = Infinity): number {
  const planned = planFor(model, keySets, goal);
  assert(planned.ok);
  model.powerCycle();
  let used = 0;
  outer: for (const step of planned.plan.steps) {
    const dialogue = model.dialogueOf(step);
    let turn = dialogue.next();
    while (turn.done !== true) {
      if (used === left) break outer;
      used++;
      turn = dialogue.next(model.answer(turn.value.apdu));
    }
  }
  model.powerCycle();
  return used;
}

const isReached = (model: ModelDesfire, keySets: Keys, goal: WantedCard | null) =>
  goal === null
    ? stateOf(model, keySets).is === "blank"
    : verify(profile, model.card, keySets, model.read(verifyPlan(profile, model.card, keySets[0])), goal).ok;

describe("keys", () => {
  test.each(vectors.desfireKeys.keys)("$purpose of $application", ({ application, purpose, key }) => {
    const keys = { ...siteKeys(1), cardMaster: new Secret(fromHex(vectors.desfireKeys.master)) };
    const made = desfireKey(keys, vectors.desfireKeys.uid, application, purpose as "read"); // checked by its key
    expect(toHex(made.reveal())).toBe(key);
  });
});

describe("taken away after any APDU", () => {
  test.each<[string, Keys | null, Keys, WantedCard | null]>([
    ["a new card", null, V1, wanted(1)],
    ["an issued card that is issued again", V1, V1, wanted(2)],
    ["an issued card that gets newer keys", V1, V2, wanted(2)],
    ["an issued card that is erased", V1, V1, null],
  ])("%s is the old card, blank or torn, and every way leads on", (_, before, keySets, goal) => {
    const start = new ModelDesfire();
    if (before !== null) play(start, before, wanted(1));
    const length = play(start.copy(), keySets, goal);
    expect(length).toBeGreaterThan(5);
    for (let cut = 0; cut < length; cut++) {
      const torn = start.copy();
      play(torn, keySets, goal, cut);
      const state = stateOf(torn, keySets);
      expect(["blank", "torn", "ours"], `after APDU ${cut}`).toContain(state.is);
      if (state.is === "ours") expect(state.generation).toBe(1);
      for (const again of [goal, wanted(3), null]) {
        const repaired = torn.copy();
        play(repaired, keySets, again);
        expect(isReached(repaired, keySets, again), `after APDU ${cut}`).toBe(true);
      }
    }
  });

  test("an issued card stays good until the last APDU of its next issue", () => {
    const start = new ModelDesfire();
    play(start, V1, wanted(1));
    const length = play(start.copy(), V1, wanted(2));
    for (let cut = 0; cut < length; cut++) {
      const torn = start.copy();
      play(torn, V1, wanted(2), cut);
      expect(stateOf(torn, V1)).toMatchObject({ is: "ours", generation: 1 });
    }
  });
});

test("no key of an issued card is as it was delivered, and each tells its version", () => {
  const model = new ModelDesfire();
  play(model, V2, wanted(1));
  const keys = [...model.chip.memory.values()].flatMap((application) => application.keys);
  expect(keys).toHaveLength(4);
  for (const { cipher, bytes, version } of keys) {
    expect([cipher, version]).toEqual(["aes", 2]);
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
  }
  expect(new Set(keys.map(({ bytes }) => bytes.toString("hex"))).size).toBe(4);
});

test("a card does not fill up, however often its keys change", () => {
  const model = new ModelDesfire();
  for (let version = 1; version <= 60; version++) {
    const keySets = [siteKeys(version), siteKeys(Math.max(1, version - 1))] as const;
    play(model, keySets, wanted(version));
    expect(stateOf(model, keySets)).toMatchObject({ is: "ours", generation: version });
  }
});

describe("cards of others", () => {
  const other = { settings: 0x0b, cipher: "aes" as const, keys: [zeroKey("aes")], files: new Map() };
  const cardWith = (...ids: readonly string[]) => {
    const memory = deliveredMemory();
    for (const id of ids) memory.set(id, { ...other, files: new Map() });
    const model = new ModelDesfire();
    model.chip.memory = memory;
    return model;
  };

  test.each([
    ["an application of somebody else", cardWith("010203")],
    ["our application and another one", cardWith("0020f5", "010203")],
    ["an application of our name that is not ours", cardWith("0020f5")],
  ])("%s: other data, neither written nor erased", (_, model) => {
    expect(stateOf(model, V1)).toEqual({ is: "foreign", reason: "other_data" });
    expect(planFor(model, V1, wanted(1))).toMatchObject({ ok: false, refusal: "card_foreign" });
    expect(planFor(model, V1, null)).toMatchObject({ ok: false, refusal: "card_foreign" });
  });

  test("another application on a card of ours is not taken away", () => {
    const model = new ModelDesfire();
    play(model, V1, wanted(1));
    model.chip.memory.set("010203", { ...other, files: new Map() });
    expect(stateOf(model, V1)).toEqual({ is: "foreign", reason: "other_data" });
    expect(planFor(model, V1, null)).toMatchObject({ ok: false, refusal: "card_foreign" });
  });

  test("a card of another site opens with none of our keys", () => {
    const model = new ModelDesfire();
    play(model, V1, wanted(1));
    expect(stateOf(model, [siteKeys(7)])).toEqual({ is: "foreign", reason: "unreadable" });
  });
});

test("an application id is six hex digits, and not the card itself", () => {
  const parse = (application: unknown) =>
    cardProfileSchema.safeParse({ format: "lockbridge48", container: "desfire", application }).success;
  expect(["F52000", "0a1B2c"].map(parse)).toEqual([true, true]);
  expect(["000000", "F5200", "F520000", "G52000", 520000, undefined].map(parse)).toEqual(
    Array(6).fill(false),
  );
});
