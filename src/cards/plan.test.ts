import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import {
  type ModelCard,
  ModelClassic,
  ModelNtag,
  type NtagTechnology,
  type Step,
} from "#test/support/model-cards";
import { ModelDesfire } from "#test/support/model-desfire";
import { siteKeys } from "#test/support/site-keys";
import { accessBytes, decodeAccess } from "./classic.js";
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
import type { LaidProfile } from "./profile.js";
import { decodeRecord } from "./record.js";
import type { SiteKeys } from "./site-keys.js";
import vectors from "./vectors.json" with { type: "json" };

const V1 = [siteKeys(1)];
const V2 = [siteKeys(2), siteKeys(1)];

const content: CardContent = {
  format: "lockbridge48",
  entrances: ["101", "pool"],
  validFrom: 1795356000,
  validTo: null,
  function: "guest",
  isOneTimeUse: false,
  door: 101,
  zones: 8,
};
const FIRST: WantedCard = { cardCredentialId: "1122334455667788", generation: 1, content };
const NEXT: WantedCard = { ...FIRST, generation: 2, content: { ...content, validTo: 1795604400 } };
const OTHER: WantedCard = {
  cardCredentialId: "aabbccddeeff0011",
  generation: 2,
  content: { ...content, function: "one_shot", isOneTimeUse: true, door: 0 },
};

const CLASSIC: LaidProfile = { key: "classic", format: "lockbridge48", container: "classic", sector: 1 };
const NTAG: LaidProfile = { key: "ntag", format: "lockbridge48", container: "ntag", page: 4 };
const LATE_NTAG: LaidProfile = { ...NTAG, page: 28 };
const DESFIRE: LaidProfile = {
  key: "desfire",
  format: "lockbridge48",
  container: "desfire",
  application: "F52000",
};

const kinds: readonly { name: string; profile: LaidProfile; fresh: () => ModelCard }[] = [
  { name: "Classic, sector 1", profile: CLASSIC, fresh: () => new ModelClassic(1) },
  { name: "NTAG213", profile: NTAG, fresh: () => new ModelNtag("ntag213", false) },
  {
    name: "NTAG213, last place, AUTH0 from the next selection",
    profile: LATE_NTAG,
    fresh: () => new ModelNtag("ntag213", true),
  },
  {
    name: "NTAG216, AUTH0 from the next selection",
    profile: NTAG,
    fresh: () => new ModelNtag("ntag216", true),
  },
  { name: "DESFire", profile: DESFIRE, fresh: () => new ModelDesfire() },
];

/** Block, page or file where the record begins. */
function firstOf(profile: LaidProfile): number {
  switch (profile.container) {
    case "classic":
      return profile.sector * 4;
    case "ntag":
      return profile.page;
    case "desfire":
      return 1;
  }
}

/** Steps that only open something leave the card as it is. */
const changes = (step: Step) => !("do" in step && ["select", "reselect", "authenticate"].includes(step.do));

/** `null` wants the card erased. */
type Goal = WantedCard | null;

function planned(outcome: Planned): WritePlan {
  assert(outcome.ok, outcome.ok ? "" : outcome.message);
  return outcome.plan;
}

function planFor(
  profile: LaidProfile,
  model: ModelCard,
  keySets: readonly SiteKeys[],
  goal: Goal,
): WritePlan {
  const seen = model.read(readPlan(profile, model.card, keySets));
  return planned(
    goal === null
      ? erasePlan(profile, model.card, keySets, seen)
      : writePlan(profile, model.card, keySets, seen, goal),
  );
}

/** Plans and plays at most `steps` steps, then takes the card away. */
function play(
  profile: LaidProfile,
  model: ModelCard,
  keySets: readonly SiteKeys[],
  goal: Goal,
  steps = Infinity,
): void {
  const plan = planFor(profile, model, keySets, goal);
  model.powerCycle();
  plan.steps.slice(0, steps).forEach((step) => model.apply(step));
  model.powerCycle();
}

function stateOf(profile: LaidProfile, model: ModelCard, keySets: readonly SiteKeys[]) {
  return interpret(profile, model.card, keySets, model.read(readPlan(profile, model.card, keySets)));
}

function isReached(
  profile: LaidProfile,
  model: ModelCard,
  keySets: readonly SiteKeys[],
  goal: Goal,
): boolean {
  const [newest] = keySets;
  assert(newest);
  if (goal === null) return stateOf(profile, model, keySets).is === "blank";
  const seen = model.read(verifyPlan(profile, model.card, newest));
  return verify(profile, model.card, keySets, seen, goal).ok;
}

describe("access bytes", () => {
  test.each(vectors.access.bytes)("$conditions is $bytes", ({ conditions, bytes }) => {
    const [a, b, c, d] = conditions as [number, number, number, number]; // four in each vector
    expect(toHex(accessBytes([a, b, c, d]))).toBe(bytes);
    expect(decodeAccess(fromHex(bytes))).toEqual(conditions);
  });

  test("one wrong bit never passes for access bytes", () => {
    const bytes = accessBytes([4, 4, 4, 3]);
    for (let bit = 0; bit < 24; bit++)
      expect(
        decodeAccess(bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))),
      ).toBeNull();
    expect(decodeAccess(bytes.slice(1))).toBeNull();
  });
});

describe.each(kinds)("$name", ({ profile, fresh }) => {
  test("a new card becomes the wanted one, with what it says", () => {
    const model = fresh();
    expect(stateOf(profile, model, V1)).toEqual({ is: "blank" });
    play(profile, model, V1, NEXT);
    expect(isReached(profile, model, V1, NEXT)).toBe(true);
    expect(stateOf(profile, model, V1)).toMatchObject({
      is: "ours",
      credentialId: NEXT.cardCredentialId,
      generation: 2,
      keyVersion: 1,
      type: "guest",
      isOneTimeUse: false,
      validFrom: content.validFrom,
      validTo: 1795604400,
      door: 101,
      zones: 8,
    });
  });

  test("verify names what differs", () => {
    const model = fresh();
    const differs = (keySets: readonly SiteKeys[], wanted: WantedCard) => {
      const seen = model.read(readPlan(profile, model.card, keySets));
      return verify(profile, model.card, keySets, seen, wanted);
    };
    expect(differs(V1, FIRST)).toEqual({ ok: false, differs: "state" });
    play(profile, model, V1, FIRST);
    expect(differs(V1, NEXT)).toEqual({ ok: false, differs: "sequence" });
    expect(differs(V1, { ...FIRST, content: NEXT.content })).toEqual({ ok: false, differs: "validTo" });
    expect(differs(V2, FIRST)).toEqual({ ok: false, differs: "keyVersion" });
    expect(differs(V1, FIRST)).toEqual({ ok: true });
  });

  test("an issued card opens for nobody without this site's keys", () => {
    const model = fresh();
    play(profile, model, V1, FIRST);
    expect(model.read(readPlan(profile, model.card, []))).toMatchObject({ opened: null });
    expect(stateOf(profile, model, [siteKeys(3)])).toEqual({ is: "foreign", reason: "unreadable" });
  });

  test("an erased card is as it was delivered, but for the empty message of a tag", () => {
    const [model, expected] = [fresh(), fresh()];
    play(profile, model, V1, FIRST);
    play(profile, model, V1, null);
    if (model instanceof ModelClassic && expected instanceof ModelClassic)
      expect(model.blocks).toEqual(expected.blocks);
    else if (model instanceof ModelNtag && expected instanceof ModelNtag)
      expect(model.pages.slice(16)).toEqual(expected.pages.slice(16));
    else if (model instanceof ModelDesfire && expected instanceof ModelDesfire)
      expect(model.chip.memory).toEqual(expected.chip.memory);
    expect(stateOf(profile, model, V1)).toEqual({ is: "blank" });
  });

  const histories: readonly {
    from: string;
    before: WantedCard | null;
    keySets: readonly SiteKeys[];
    goal: Goal;
  }[] = [
    { from: "blank to first", before: null, keySets: V1, goal: FIRST },
    { from: "first to next", before: FIRST, keySets: V1, goal: NEXT },
    { from: "first to another guest's", before: FIRST, keySets: V1, goal: OTHER },
    { from: "older keys to newer", before: FIRST, keySets: V2, goal: NEXT },
    { from: "first to erased", before: FIRST, keySets: V1, goal: null },
    { from: "older keys to erased", before: FIRST, keySets: V2, goal: null },
  ];

  test.each(histories)(
    "$from, taken away after every step: never foreign, never new too early",
    ({ before, keySets, goal }) => {
      const start = fresh();
      if (before !== null) play(profile, start, V1, before);
      const length = planFor(profile, start, keySets, goal).steps.length;
      expect(length).toBeGreaterThan(0);
      for (let cut = 0; cut < length; cut++) {
        const torn = start.copy();
        play(profile, torn, keySets, goal, cut);
        const state = stateOf(profile, torn, keySets);
        expect(state.is, `after step ${cut}`).not.toBe("foreign");
        if (state.is === "ours")
          expect([state.credentialId, state.generation]).toEqual([
            before?.cardCredentialId,
            before?.generation,
          ]);
        // The MAC is written last, so even who ignores keys and protection sees no new record; only a new Classic
        // card gets its protection after it.
        const raw = decodeRecord(torn.dataFrom(firstOf(profile)), torn.card.uid, keySets);
        if (raw.is === "ours" && !(profile.container === "classic" && before === null))
          expect(raw.record.sequence).toBe(before?.generation);
        for (const again of [goal, NEXT, null]) {
          const repaired = torn.copy();
          play(profile, repaired, keySets, again);
          expect(isReached(profile, repaired, keySets, again), `after step ${cut}`).toBe(true);
        }
      }
    },
  );

  test("the first write of an erase makes the record invalid", () => {
    const model = fresh();
    play(profile, model, V1, FIRST);
    const { steps } = planFor(profile, model, V1, null);
    const firstWrite = steps.findIndex(changes);
    play(profile, model, V1, null, firstWrite + 1);
    expect(stateOf(profile, model, V1)).toEqual({ is: "torn", reason: "incomplete" });
  });

  test("any history of interrupted plans and new keys ends in what is wanted at last", () => {
    const goals = fc.constantFrom<Goal>(FIRST, NEXT, OTHER, null);
    const act = fc.record({ goal: goals, cut: fc.nat(), isRotated: fc.nat(4).map((n) => n === 0) });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 6 }), goals, (acts, last) => {
        const model = fresh();
        let keySets: readonly SiteKeys[] = V1;
        for (const { goal, cut, isRotated } of acts) {
          if (isRotated) keySets = [siteKeys((keySets[0]?.version ?? 0) + 1), ...keySets];
          const { length } = planFor(profile, model, keySets, goal).steps;
          play(profile, model, keySets, goal, cut % (length + 1));
          expect(stateOf(profile, model, keySets).is).not.toBe("foreign");
        }
        play(profile, model, keySets, last);
        expect(isReached(profile, model, keySets, last)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  /** A card of ours as no plan leaves it, and every way out of it, interrupted anywhere. */
  function expectRepairable(model: ModelCard, keySets: readonly SiteKeys[]) {
    expect(stateOf(profile, model, keySets)).toEqual({ is: "torn", reason: "unprotected" });
    for (const goal of [NEXT, null]) {
      const { length } = planFor(profile, model, keySets, goal).steps;
      for (let cut = 0; cut <= length; cut++) {
        const copy = model.copy();
        play(profile, copy, keySets, goal, cut);
        expect(stateOf(profile, copy, keySets).is, `after step ${cut}`).not.toBe("foreign");
        play(profile, copy, keySets, goal);
        expect(isReached(profile, copy, keySets, goal), `after step ${cut}`).toBe(true);
      }
    }
  }

  test("a valid record on an unprotected card is torn, and can be written and erased", () => {
    const [model, issued] = [fresh(), fresh()];
    play(profile, issued, V1, FIRST);
    model.setData(firstOf(profile), issued.dataFrom(firstOf(profile)));
    expectRepairable(model, V1);
  });

  test("a valid record under keys of another version is torn, and can be written and erased", () => {
    const [model, newer] = [fresh(), fresh()];
    play(profile, model, V1, FIRST);
    play(profile, newer, V2, FIRST);
    model.setData(firstOf(profile), newer.dataFrom(firstOf(profile)));
    expectRepairable(model, V2);
  });

  test("a valid record under our keys and other access conditions is torn, and can be written and erased", () => {
    const model = fresh();
    play(profile, model, V1, FIRST);
    if (model instanceof ModelClassic) model.blocks[3]?.set(fromHex("7f0788"), 6);
    else if (model instanceof ModelNtag) model.protectOnlyWriting();
    else if (model instanceof ModelDesfire && model.file) model.file.rights = 0x1e20;
    expectRepairable(model, V1);
  });

  test("refusals", () => {
    const model = fresh();
    const refused = (keySets: readonly SiteKeys[], wanted: WantedCard) => {
      const seen = model.read(readPlan(profile, model.card, keySets));
      const outcome = writePlan(profile, model.card, keySets, seen, wanted);
      return outcome.ok ? null : outcome.refusal;
    };
    expect(refused(V1, FIRST)).toBeNull();
    expect(refused([], FIRST)).toBe("no_keys");
    expect(refused([{ ...siteKeys(1), issuer: new Secret(new Uint8Array(4)) }], FIRST)).toBe("issuer");
    expect(refused([siteKeys(256)], FIRST)).toBe("key_version");
    expect(refused(V1, { ...FIRST, generation: 65536 })).toBe("generation");
    expect(refused(V1, { ...FIRST, generation: 65535 })).toBeNull();
    play(profile, model, [siteKeys(9)], FIRST);
    expect(refused(V1, FIRST)).toBe("card_foreign");
  });

  test("the answer to another container's question is unreadable", () => {
    const { card } = fresh();
    const classic: ReadBack = { container: "classic", opened: "transport", blocks: new Map() };
    const ntag: ReadBack = { container: "ntag", opened: "free", pages: new Map() };
    const desfire: ReadBack = {
      container: "desfire",
      opened: "transport",
      master: "transport",
      applications: [],
      file: null,
    };
    for (const seen of [classic, ntag, desfire].filter(({ container }) => container !== profile.container))
      expect(interpret(profile, card, V1, seen)).toEqual({ is: "foreign", reason: "unreadable" });
  });

  function keysOf(read: ReadPlan): readonly Secret<Uint8Array>[] {
    switch (read.container) {
      case "classic":
        return read.keys.slice(0, 1).map(({ key }) => key);
      case "ntag":
        return read.passwords.map(({ pwd }) => pwd);
      case "desfire":
        return [...read.masterKeys.slice(0, 1), ...read.readKeys.slice(0, 1)].map(({ key }) => key);
    }
  }

  test("plans print no key and no content", () => {
    const model = fresh();
    const read = readPlan(profile, model.card, V1);
    const write = planFor(profile, model, V1, FIRST);
    const bytes = (step: Step) => ("data" in step ? [step.data.reveal()] : []);
    const secrets = [...keysOf(read).map((key) => key.reveal()), ...write.steps.flatMap(bytes)];
    const printed = JSON.stringify([read, write]);
    for (const secret of secrets) {
      expect(printed).not.toContain(toHex(secret));
      expect(printed).not.toContain(JSON.stringify([...secret]).slice(1, -1));
    }
  });
});

describe("cards of others", () => {
  const ntagWith = (page: number, hex: string, technology: NtagTechnology = "ntag213") => {
    const model = new ModelNtag(technology, false);
    model.set(page, hex);
    model.powerCycle();
    return model;
  };
  const classicWith = (n: number, hex: string) => {
    const model = new ModelClassic(1);
    model.blocks[n] = fromHex(hex.padEnd(32, "0"));
    return model;
  };

  test.each<[string, ModelCard, LaidProfile, string]>([
    ["other data in a sector with transport keys", classicWith(1, "01"), CLASSIC, "other_data"],
    ["a record of another site", classicWith(0, "4f43010100000001"), CLASSIC, "other_data"],
    [
      "transport key A and other access conditions",
      classicWith(3, "ffffffffffff7f078869ffffffffffff"),
      CLASSIC,
      "access_conditions",
    ],
    ["other keys", classicWith(3, "a0a1a2a3a4a5ff078069ffffffffffff"), CLASSIC, "unreadable"],
    ["a link in the first pages of a tag", ntagWith(4, "0312d101"), NTAG, "other_data"],
    ["another site's password", ntagWith(0x29, "04000004"), NTAG, "unreadable"],
    ["a locked page", ntagWith(2, "00001000"), NTAG, "locked"],
    ["a locked page past 15", ntagWith(0x28, "400000bd"), LATE_NTAG, "locked"],
    ["a locked configuration", ntagWith(0x2a, "40000000"), NTAG, "locked"],
  ])("%s", (_, model, profile, reason) => {
    expect(stateOf(profile, model, V1)).toEqual({ is: "foreign", reason });
  });

  test("pages that are locked elsewhere do not matter", () => {
    expect(stateOf(LATE_NTAG, ntagWith(0x28, "3f0000bd"), V1)).toEqual({ is: "blank" });
    expect(stateOf(NTAG, ntagWith(0x28, "010000bd", "ntag213"), V1)).toEqual({ is: "blank" });
  });
});
