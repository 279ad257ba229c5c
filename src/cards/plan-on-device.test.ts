import { beforeEach, describe, expect, test } from "vitest";
import type { CardSeen, CardWriter } from "#driver-api";
import pn532 from "#drivers/pn532/index";
import { rig } from "#drivers/pn532/conformance";
import { Bench } from "#test/conformance/bench";
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
import type { CardProfile } from "./profile.js";
import type { SiteKeys } from "./site-keys.js";

/** The plans through a real driver onto simulated cards that know nothing of this layout. */
const V1 = [siteKeys(1)] as const;
const V2 = [siteKeys(2), siteKeys(1)] as const;

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

const CLASSIC: CardProfile = { key: "classic", format: "lockbridge48", container: "classic", sector: 15 };
const NTAG: CardProfile = { key: "ntag", format: "lockbridge48", container: "ntag", page: 4 };

describe.each([
  ["mifare_classic_1k", CLASSIC],
  ["mifare_classic_4k", CLASSIC],
  ["ntag213", NTAG],
  ["ntag215", NTAG],
  ["ntag216", NTAG],
] as const)("%s on a PN532", (technology, profile) => {
  const call = { signal: new AbortController().signal };
  let bench: Bench;
  let writer: CardWriter;
  let card: CardSeen;

  beforeEach(async () => {
    bench = await new Bench({ id: "pn532", driver: pn532, rig }).open();
    writer = bench.unit("cardWriter");
    bench.world.putCard?.(technology);
    card = await bench.run(writer.present(call));
  });

  const readWith = (keySets: readonly SiteKeys[]) =>
    bench.run(writer.read(card, readPlan(profile, card, keySets), call));

  const stateWith = async (keySets: readonly SiteKeys[]) =>
    interpret(profile, card, keySets, await readWith(keySets));

  async function write(planned: Planned): Promise<void> {
    if (!planned.ok) throw new Error(planned.message);
    await bench.run(writer.write(card, planned.plan, call));
  }

  async function encode(keySets: typeof V1 | typeof V2, image: WantedCard) {
    await write(writePlan(profile, card, keySets, await readWith(keySets), image));
    const seen = await bench.run(writer.read(card, verifyPlan(profile, card, keySets[0]), call));
    return verify(profile, card, keySets, seen, image);
  }

  test("is encoded, encoded again, given newer keys and erased", async () => {
    expect(await stateWith(V1)).toEqual({ is: "blank" });
    expect(await encode(V1, wanted(1))).toEqual({ ok: true });
    expect(await encode(V1, wanted(2))).toEqual({ ok: true });
    expect(await encode(V2, wanted(3))).toEqual({ ok: true });
    expect(await stateWith(V1)).toEqual({ is: "foreign", reason: "unreadable" });
    await write(erasePlan(profile, card, V2, await readWith(V2)));
    expect(await stateWith([])).toEqual({ is: "blank" });
  });
});
