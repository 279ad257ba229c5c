import { expect, test } from "vitest";
import { encodeRecord } from "#src/cards/record";
import { classicSectorKey, type SiteKeys } from "#src/cards/site-keys";
import { Secret } from "#src/lib/secret";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { WitnessedCard, type WholeWrite } from "./witnessed-card.js";

const KEYS: SiteKeys = {
  version: 1,
  issuer: new Secret(Uint8Array.of(0x0a, 0x0b, 0x0c, 0x0d)),
  cardMaster: new Secret(new Uint8Array(16).fill(7)),
};
const UID = Uint8Array.of(0x6e, 0x55, 0xa4, 0xfa);
const TRANSPORT_KEY = new Uint8Array(6).fill(0xff);

/** A lock opens the sector with the site's key A, so the trailer is what makes a new card valid. */
test("a whole record under the transport key opens nothing until the site's keys are on the card", () => {
  const whole: WholeWrite[] = [];
  const card = new WitnessedCard(new MifareClassicCard({ uid: UID }), {
    keySets: [KEYS],
    life: () => 1,
    onWrite: () => undefined,
    onWhole: (write) => void whole.push(write),
  });
  const record = encodeRecord(
    {
      type: "guest",
      credentialId: "1122334455667788",
      sequence: 3,
      overridesDeadbolt: false,
      allowsPassage: false,
      isSingleUse: false,
      validFrom: 0,
      validTo: 0xffffffff,
      door: 101,
      zones: 0,
      wiegand: null,
    },
    card.name,
    KEYS,
  );
  const write = (block: number, bytes: Iterable<number>) =>
    card.transceive(Uint8Array.of(0xa0, block, ...bytes));

  card.select(true);
  card.transceive(Uint8Array.of(0x60, 4, ...TRANSPORT_KEY, ...UID));
  for (const n of [0, 1, 2]) write(4 + n, record.slice(n * 16, (n + 1) * 16));
  expect(card.record().is).not.toBe("ours");
  expect(whole).toEqual([]);

  const keyA = classicSectorKey(KEYS, card.name, 1, "A").reveal();
  write(7, [...keyA, 0x78, 0x77, 0x88, 0x69, ...classicSectorKey(KEYS, card.name, 1, "B").reveal()]);
  expect(card.record()).toMatchObject({ is: "ours", record: { sequence: 3 } });
  expect(whole).toEqual([{ uid: card.name, cardCredentialId: "1122334455667788", generation: 3, life: 1 }]);
});
