import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import { type SimulatedClassic, SimulatedNtag } from "#drivers/reference/simulator";
import { EngineRig, SITE } from "#test/support/engine-rig";

/** What a technician learns of the card in his hand: whose it is, whether it opens anything, whether it is in step. */
const A = "11111111-0000-4000-8000-000000000001";
const NOT_FOUND = "acs_credential_on_seam_not_found";
const OUT_OF_SYNC = "acs_credential_on_encoder_out_of_sync";
const TRANSPORT_KEY = Buffer.alloc(6, 0xff);

const answer = z.object({
  acs_credential_on_encoder: z
    .object({
      card_number: z.string().nullable(),
      is_issued: z.boolean().nullable(),
      starts_at: z.string().nullable(),
      ends_at: z.string().nullable(),
      lockbridge_metadata: z.object({
        state: z.string(),
        message: z.string(),
        holder: z.string().nullable(),
      }),
    })
    .nullable(),
  acs_credential_on_seam: z.object({ acs_credential_id: z.string() }).nullable(),
  warnings: z.array(z.object({ warning_code: z.string(), warning_message: z.string() })),
});

interface Desk {
  readonly rig: EngineRig;
  readonly card: SimulatedClassic;
}

async function desk(spec: Parameters<EngineRig["feedCredential"]>[1] = {}): Promise<Desk> {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedCredential(A, { acs_user_id: SITE.user, ...spec });
  const card = rig.put();
  expect((await rig.job("encode", A)).status).toBe("success");
  return { rig, card };
}

const feed = (rig: EngineRig, changes: Parameters<EngineRig["feedCredential"]>[1]) =>
  rig.feedCredential(A, { acs_user_id: SITE.user, ...changes });

interface Expected {
  /** null: the answer says nothing of the card. */
  readonly state: string | null;
  readonly says: RegExp;
  /** What the card says itself could be read. */
  readonly isRead: boolean;
  readonly isOurs: boolean;
  readonly warning: readonly [code: string, message: RegExp] | null;
}

const CASES: readonly (readonly [string, () => Promise<EngineRig>, Expected])[] = [
  [
    "an own card, in step",
    async () => (await desk()).rig,
    { state: "valid", says: /^It is valid\.$/, isRead: true, isOurs: true, warning: null },
  ],
  [
    "one whose time has not come",
    async () => (await desk({ starts_at: "2026-11-25T14:00:00.000Z" })).rig,
    {
      state: "not_yet_valid",
      says: /opens from 2026-11-25 14:00 \(/,
      isRead: true,
      isOurs: true,
      warning: null,
    },
  ],
  [
    "one whose time is over",
    async () => {
      const { rig } = await desk();
      rig.clock.jumpTo(Date.parse("2026-11-30T11:00:01.000Z"));
      return rig;
    },
    { state: "expired", says: /^Its time is over\.$/, isRead: true, isOurs: true, warning: null },
  ],
  [
    "a stale one: it ends otherwise than is wanted",
    async () => {
      const { rig } = await desk();
      feed(rig, { ends_at: "2026-12-01T11:00:00.000Z" });
      return rig;
    },
    {
      state: "valid",
      says: /valid/,
      isRead: true,
      isOurs: true,
      warning: [OUT_OF_SYNC, /card ends at another time/],
    },
  ],
  [
    "a stale one: it opens other doors than is wanted",
    async () => {
      const { rig } = await desk();
      feed(rig, { allowed_acs_entrance_ids: [SITE.room102] });
      return rig;
    },
    {
      state: "valid",
      says: /valid/,
      isRead: true,
      isOurs: true,
      warning: [OUT_OF_SYNC, /has changed since/],
    },
  ],
  [
    "one that was replaced",
    async () => {
      const { rig, card } = await desk();
      rig.put();
      expect((await rig.job("encode", A)).status).toBe("success");
      rig.put(card);
      return rig;
    },
    {
      state: "replaced",
      says: /newer card.*opens until 2026-11-30.*erase it/,
      isRead: true,
      isOurs: true,
      warning: [OUT_OF_SYNC, /newer card was written/],
    },
  ],
  [
    "one of a suspended user",
    async () => {
      const { rig } = await desk();
      rig.feedUser({ state: "suspended" });
      return rig;
    },
    { state: "suspended", says: /suspended here.*opens until/, isRead: true, isOurs: true, warning: null },
  ],
  [
    "a revoked one, which still opens",
    async () => {
      const { rig } = await desk();
      feed(rig, { state: "revoked" });
      return rig;
    },
    {
      state: "revoked",
      says: /revoked\. It opens until 2026-11-30.*erase it/,
      isRead: true,
      isOurs: true,
      warning: [OUT_OF_SYNC, /was revoked after this card/],
    },
  ],
  [
    "one whose credential was deleted",
    async () => {
      const { rig } = await desk();
      feed(rig, { state: "deleted" });
      return rig;
    },
    {
      state: "unknown",
      says: /credential is gone\. It opens until 2026-11-30.*erase it/,
      isRead: true,
      isOurs: false,
      warning: [NOT_FOUND, /No credential here/],
    },
  ],
  [
    "a blank one",
    async () => {
      const { rig } = await desk();
      rig.put();
      return rig;
    },
    { state: null, says: /^$/, isRead: false, isOurs: false, warning: null },
  ],
  [
    "a foreign one: somebody else's data",
    async () => {
      const { rig } = await desk();
      const card = rig.put();
      card.write(4, "A", TRANSPORT_KEY, Buffer.from("somebody else's!"));
      return rig;
    },
    {
      state: "foreign",
      says: /carries other data/,
      isRead: false,
      isOurs: false,
      warning: [NOT_FOUND, /No credential here/],
    },
  ],
  [
    "an unreadable one: somebody else's keys",
    async () => {
      const { rig } = await desk();
      rig.put().read = () => "wrong_key";
      return rig;
    },
    {
      state: "foreign",
      says: /one of this site's keys opens/,
      isRead: false,
      isOurs: false,
      warning: [NOT_FOUND, /No credential here/],
    },
  ],
  [
    "one of a kind that the system does not use",
    async () => {
      const { rig } = await desk();
      rig.simulator.antenna.splice(0, Infinity, new SimulatedNtag("ntag213", randomBytes(7)));
      return rig;
    },
    {
      state: "foreign",
      says: /ntag213.*none of the card profiles/,
      isRead: false,
      isOurs: false,
      warning: [NOT_FOUND, /No credential here/],
    },
  ],
  [
    "a torn one",
    async () => {
      const { rig } = await desk();
      const card = rig.put();
      rig.simulator.faults.tearAfterWrites = 2;
      expect((await rig.job("encode", A)).status).toBe("error");
      rig.simulator.faults.tearAfterWrites = null;
      rig.put(card);
      return rig;
    },
    {
      state: "torn",
      says: /put it on the encoder again/,
      isRead: false,
      isOurs: false,
      warning: [NOT_FOUND, /No credential here/],
    },
  ],
];

test.each(CASES)("%s", async (_what, prepare, expected) => {
  const rig = await prepare();
  const { status, result } = await rig.job("scan");
  expect(status).toBe("success");
  const { acs_credential_on_encoder: card, acs_credential_on_seam: known, warnings } = answer.parse(result);
  expect(card?.lockbridge_metadata.state ?? null).toBe(expected.state);
  expect(card?.lockbridge_metadata.message ?? "").toMatch(expected.says);
  expect(card?.card_number ?? null).toBe(expected.isRead ? rig.row(A).cardCredentialId : null);
  expect(card?.is_issued ?? null).toBe(expected.isRead ? true : null);
  expect(card?.ends_at ?? null).toBe(expected.isRead ? "2026-11-30T11:00:00.000Z" : null);
  expect(known?.acs_credential_id ?? null).toBe(expected.isOurs ? A : null);
  expect(card?.lockbridge_metadata.holder ?? null).toBe(expected.isOurs ? "Ada" : null);
  const [code, message] = expected.warning ?? [];
  expect(warnings.map(({ warning_code }) => warning_code)).toEqual(code === undefined ? [] : [code]);
  if (message !== undefined) expect(warnings[0]?.warning_message).toMatch(message);
});
