import { expect, test } from "vitest";
import { SITUATIONS } from "#test/support/credential-cells";
import { CredentialRecordError, parseCredentialRecord } from "./credential.migrations.js";
import { RECORD_VERSION } from "./credential.schema.js";

/** One record of every version that was ever shipped, as it was stored. */
const FIXTURES = [
  {
    version: 1,
    issuance: "presented",
    state: "in_doubt",
    context: {
      desired: { rev: 3, fingerprint: "9f2c", allowed: true, startsAt: null, endsAt: 1_900_000_000_000 },
      denied: null,
      forgotten: false,
      generation: 2,
      issued: {
        generation: 1,
        fingerprint: "41d0",
        uid: "04a1b2c3d4e5f6",
        cardNumber: "17",
        encoderId: "front-desk",
        at: 1_800_000_000_000,
        good: true,
      },
      cards: [
        { generation: 1, uid: "04a1b2c3d4e5f6", certainty: "written", validUntil: 1_850_000_000_000 },
        { generation: 2, uid: "04ffeeddccbbaa", certainty: "maybe", validUntil: 1_900_000_000_000 },
      ],
      doubt: {
        generation: 2,
        uid: "04ffeeddccbbaa",
        fingerprint: "9f2c",
        validUntil: 1_900_000_000_000,
        cardNumber: null,
      },
      job: null,
      why: null,
      since: 1_800_000_100_000,
      lagging: [],
    },
  },
];
const [newest] = FIXTURES.slice(-1);

test("there is a fixture of every version", () => {
  expect(FIXTURES.map(({ version }) => version)).toEqual(
    Array.from({ length: RECORD_VERSION }, (_, n) => n + 1),
  );
});

test.each(FIXTURES)("version $version is read", (fixture) => {
  expect(parseCredentialRecord(JSON.parse(JSON.stringify(fixture)))).toMatchObject({
    version: RECORD_VERSION,
  });
});

test.each(Object.values(SITUATIONS).flatMap((records) => Object.values(records)))(
  "what is stored in $issuance $state is read back the same",
  (record) => {
    expect(parseCredentialRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
  },
);

test.each([
  ["nothing", null, "carries no version"],
  ["no version", { state: "issued" }, "carries no version"],
  ["version 0", { ...newest, version: 0 }, "carries no version"],
  ["a newer version", { ...newest, version: RECORD_VERSION + 1 }, "install the newer release again"],
  ["a missing field", { ...newest, context: {} }, "context.desired"],
  ["a state of nobody", { ...newest, state: "lost" }, 'ever "lost"'],
  [
    "a state of the other kind",
    { ...newest, issuance: "automatic" },
    'no automatic credential is ever "in_doubt"',
  ],
])("%s is refused with what is wrong", (_, json, message) => {
  expect(() => parseCredentialRecord(json)).toThrow(CredentialRecordError);
  expect(() => parseCredentialRecord(json)).toThrow(message);
});
