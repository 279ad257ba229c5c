import assert from "node:assert/strict";
import { expect } from "vitest";
import {
  erasePlan,
  interpret,
  type Planned,
  readPlan,
  verify,
  verifyPlan,
  type WantedCard,
  writePlan,
} from "#src/cards/plan";
import { type CardProfile, profileFor } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { Bench, calm } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { present } from "#test/conformance/steps";
import { siteKeys } from "#test/support/site-keys";

const profiles: readonly CardProfile[] = [
  { key: "classic", format: "lockbridge48", container: "classic", sector: 2 },
  { key: "ntag", format: "lockbridge48", container: "ntag", page: 8 },
  { key: "desfire", format: "lockbridge48", container: "desfire", application: "F52000" },
];

const [first, second] = [siteKeys(1), siteKeys(2)];

const wanted = (generation: number): WantedCard => ({
  cardCredentialId: "1122334455667788",
  generation,
  content: {
    format: "lockbridge48",
    entrances: ["room-101"],
    validFrom: null,
    validTo: 1_795_604_400,
    function: "guest",
    isOneTimeUse: false,
    door: 101,
    zones: 0,
  },
});

/** The gateway's own card layout, through every driver that writes cards, onto cards that know nothing of it. */
export const formatCases: readonly Case[] = [
  {
    id: "F01",
    promise: "our own layout is written, written anew with newer keys, and erased",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of subject.rig.cards) {
        const card = await present(bench, technology);
        const profile = profileFor(profiles, card, writer.technologies);
        assert(profile !== undefined, `no profile for ${technology}`);
        const read = (keys: readonly SiteKeys[]) =>
          bench.run(writer.read(card, readPlan(profile, card, keys), calm()));
        const write = async (planned: Planned) => {
          assert(planned.ok);
          await bench.run(writer.write(card, planned.plan, calm()));
        };
        const keySets = [second, first];
        for (const [generation, keys] of [[first], keySets].entries()) {
          const image = wanted(generation + 1);
          await write(writePlan(profile, card, keys, await read(keys), image));
          const newest = keys[0] ?? first;
          const back = await bench.run(writer.read(card, verifyPlan(profile, card, newest), calm()));
          expect(verify(profile, card, keys, back, image)).toEqual({ ok: true });
        }
        expect(interpret(profile, card, [first], await read([first])).is).toBe("foreign");
        await write(erasePlan(profile, card, keySets, await read(keySets)));
        expect(interpret(profile, card, [], await read([]))).toEqual({ is: "blank" });
      }
      await bench.finish();
    },
  },
];
