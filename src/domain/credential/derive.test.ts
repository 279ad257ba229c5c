import { describe, expect, test } from "vitest";
import {
  after,
  CARD_A,
  CARD_B,
  change,
  converged,
  encode,
  END,
  fail,
  intend,
  NOW,
  now,
  SITUATIONS,
  verify,
} from "#test/support/credential-cells";
import { observedSchema } from "../observed.js";
import type { CredentialEvent } from "./credential.events.js";
import { newCredentialRecord } from "./credential.step.js";
import type { CredentialRecord } from "./credential.schema.js";
import { derive, observe } from "./derive.js";

function situation(issuance: "presented" | "automatic", name: string): CredentialRecord {
  const record = SITUATIONS[issuance][name];
  if (record === undefined) throw new Error(`no situation "${name}"`);
  return record;
}
const card = (name: string) => situation("presented", name);
const code = (name: string) => situation("automatic", name);

/** What one event leads to, in short. */
function told(record: CredentialRecord, event: CredentialEvent) {
  const { events, journal } = derive(record, after(record, event), event);
  return { events: events.map((name) => name.replace("acs_credential.", "")), journal };
}

const warningsOf = (record: CredentialRecord) => observe(record).warnings.map((warning) => warning.code);

const revoke = now({ type: "revoke.requested" });
const remove = now({ type: "delete.requested" });
const erase = (uid: string) => now({ type: "card.erased", uid });
const seen = (left: number) => now({ type: "card.seen", jobId: null, uid: CARD_B, left });
const nothing = { events: [], journal: [] };

describe("events and journal", () => {
  test("the first card is issued, every later one reissued", () => {
    expect(told(card("issuing.writing"), verify("job1", 1, CARD_A))).toEqual({
      events: ["issued"],
      journal: ["issued"],
    });
    expect(told(card("reissuing.writing"), verify("job2", 2, CARD_B))).toEqual({
      events: ["reissued"],
      journal: ["reissued"],
    });
    expect(told(code("issuing"), converged(true))).toEqual({ events: ["issued"], journal: ["issued"] });
    expect(told(code("reissuing"), converged(true, "second"))).toEqual({
      events: ["reissued"],
      journal: ["reissued"],
    });
  });

  test("a card that turns out to be written is issued then", () => {
    expect(told(card("in_doubt, issued before"), seen(2))).toEqual({
      events: ["reissued"],
      journal: ["reissued"],
    });
  });

  test("a write is journalled before it happens, and so is what it came to", () => {
    expect(told(card("issuing.presenting"), intend("job1", CARD_A))).toEqual({
      events: [],
      journal: ["intent"],
    });
    expect(told(card("issuing.writing"), fail("job1", "unknown"))).toEqual({
      events: [],
      journal: ["in_doubt"],
    });
    expect(told(card("issuing.writing"), fail("job1", "none"))).toEqual({ events: [], journal: ["settled"] });
    // The document may have been planned while the job waited: the cloud then shows it as being issued.
    expect(told(card("issuing.presenting"), fail("job1", "none"))).toEqual({
      events: [],
      journal: ["settled"],
    });
    expect(told(card("in_doubt, issued before"), seen(0))).toEqual({ events: [], journal: ["settled"] });
  });

  test("a card that was torn under another write is told, though nothing is certain", () => {
    const torn = { type: "card.torn", uid: CARD_A, at: 5_000, certain: 5_000 } as const;
    expect(told(card("issued"), torn)).toEqual({ events: [], journal: ["settled"] });
  });

  test("a second doubt about the same card is a new one", () => {
    const writing = after(card("in_doubt, issued before"), encode("job3"), intend("job3", CARD_B));
    expect(told(writing, fail("job3", "unknown")).journal).toEqual(["in_doubt"]);
  });

  test("a revoked credential is invalidated when its last card is dead, and not before", () => {
    expect(told(card("issued, two cards live"), revoke)).toEqual(nothing);
    const revoked = after(card("issued, two cards live"), revoke);
    expect(told(revoked, erase(CARD_A))).toEqual({ events: [], journal: ["settled"] });
    expect(told(after(revoked, erase(CARD_A)), erase(CARD_B))).toEqual({
      events: ["invalidated"],
      journal: ["invalidated"],
    });
    expect(told(card("waiting_to_be_issued"), revoke)).toEqual({
      events: ["invalidated"],
      journal: ["invalidated"],
    });
  });

  test("a deleted credential is invalidated later, when that is true", () => {
    expect(told(card("issued"), remove)).toEqual({ events: ["deleted"], journal: ["deleted"] });
    expect(told(card("deleted, card live"), erase(CARD_A))).toEqual({
      events: ["invalidated"],
      journal: ["invalidated"],
    });
    const dead = after(card("deleted, card live"), erase(CARD_A));
    expect(told(dead, now({ type: "proof.revoked" }))).toEqual(nothing);
    expect(told(card("waiting_to_be_issued"), remove)).toEqual({ events: ["deleted"], journal: ["deleted"] });
  });

  test("a deletion that waited for a write says both when nothing came of it", () => {
    const deleting = after(card("deleting"), erase(CARD_A));
    expect(told(deleting, fail("job2", "none"))).toEqual({
      events: ["deleted", "invalidated"],
      journal: ["deleted", "invalidated"],
    });
    expect(told(deleting, fail("job2", "unknown"))).toEqual({
      events: ["deleted"],
      journal: ["in_doubt", "deleted"],
    });
  });

  test("an issued card that passes its end is dead, and that is no event", () => {
    expect(told(card("issued"), { type: "expiry.due", at: END })).toEqual({
      events: [],
      journal: ["settled"],
    });
  });

  test("a wish for what was denied is answered with the denial", () => {
    for (const name of ["invalidating", "invalidated, revoked", "deleted, card live"]) {
      expect(told(card(name), change({})).journal).toEqual(["revocation_reasserted"]);
    }
    expect(told(card("deleting"), change({}))).toEqual(nothing);
    expect(told(card("issued"), change({}))).toEqual(nothing);
  });

  test("the first record of a credential is no event", () => {
    const first = newCredentialRecord({
      issuance: "presented",
      desired: card("issued").context.desired,
      at: NOW,
    });
    const { events, journal, observed } = derive(null, first, change({}));
    expect({ events, journal }).toEqual(nothing);
    expect(observed).toEqual(observe(first));
  });
});

describe("what is observed", () => {
  test.each(
    Object.entries(SITUATIONS).flatMap(([kind, records]) =>
      Object.entries(records).map((entry) => [kind, ...entry] as const),
    ),
  )("%s, %s: fits the schema, and is in step exactly when issued", (_, __, record) => {
    const observed = observedSchema.parse(observe(record));
    expect(observed.isSynced).toBe(record.state === "issued");
    expect(observed.syncedAt).toBe(record.state === "issued" ? record.context.since : null);
  });

  test("a card: issued from its first write until it is invalidated", () => {
    const facts = (name: string) => {
      const { state, isIssued, issuedAt, cardNumber } = observe(card(name));
      return [state, isIssued, issuedAt, cardNumber];
    };
    expect(facts("waiting_to_be_issued")).toEqual(["waiting_to_be_issued", false, null, null]);
    expect(facts("in_doubt, never issued")).toEqual(["in_doubt", false, null, null]);
    for (const name of ["issued", "needs_to_be_reissued", "in_doubt, issued before", "invalidating"]) {
      expect(facts(name).slice(1)).toEqual([true, NOW, "17"]);
    }
    expect(facts("reissuing.writing")).toEqual(["reissuing", true, NOW, "17"]);
    expect(facts("invalidated, card overwritten")).toEqual(["invalidated", false, null, null]);
    expect(observe(after(card("invalidated, card overwritten"), encode("job2"))).isIssued).toBe(false);
  });

  test("a code has no card", () => {
    expect(observe(code("issued"))).toMatchObject({
      isIssued: null,
      issuedAt: null,
      cardNumber: null,
      liveCards: 0,
    });
  });

  test("a revoked card is invalidating while it may open something, and says until when", () => {
    expect(observe(card("invalidating"))).toMatchObject({
      state: "invalidating",
      liveCards: 1,
      cardsValidUntil: END,
    });
    expect(observe(card("invalidated, revoked"))).toMatchObject({ liveCards: 0, cardsValidUntil: null });
  });

  test("live cards are counted as things: one card with two generations in doubt is one", () => {
    const torn = after(card("issued"), encode("job2"), intend("job2", CARD_A), fail("job2", "unknown"));
    expect(torn.context.cards).toHaveLength(2);
    expect(observe(torn).liveCards).toBe(1);
    expect(observe(card("issued, two cards live")).liveCards).toBe(2);
    expect(observe(card("issuing.writing")).liveCards).toBe(1);
    const endless = { ...intend("job2", CARD_B), validUntil: null } as CredentialEvent;
    const two = after(card("issued"), encode("job2"), endless, verify("job2", 2, CARD_B));
    expect(observe(two)).toMatchObject({ liveCards: 2, cardsValidUntil: null });
  });

  test("warnings", () => {
    expect(warningsOf(card("waiting_to_be_issued"))).toEqual(["waiting_to_be_issued"]);
    expect(warningsOf(card("issuing.presenting"))).toEqual(["waiting_to_be_issued"]);
    expect(warningsOf(card("issued"))).toEqual([]);
    expect(warningsOf(card("needs_to_be_reissued"))).toEqual(["needs_to_be_reissued"]);
    expect(warningsOf(after(card("issued"), now({ type: "card.torn", uid: CARD_A })))).toEqual([
      "needs_to_be_reissued",
    ]);
    expect(warningsOf(card("in_doubt, issued before"))).toEqual(["unknown_issue_with_acs_credential"]);
    expect(warningsOf(after(card("needs_to_be_reissued"), revoke))).toEqual(["being_deleted"]);
    expect(warningsOf(card("deleting"))).toEqual(["being_deleted"]);
    expect(warningsOf(code("waiting_to_be_issued"))).toEqual([]);
    expect(warningsOf(code("reissuing"))).toEqual([]);
    expect(warningsOf(code("deleting"))).toEqual(["being_deleted"]);
    const changed = after(code("issued"), now({ type: "slots.diverged", allowed: true }));
    expect(warningsOf(changed)).toEqual(["unknown_issue_with_acs_credential"]);
  });

  test("a doubt says what to do with which card", () => {
    const [warning] = observe(card("in_doubt, issued before")).warnings;
    expect(warning?.message).toContain(`card ${CARD_B}`);
    expect(warning?.message).toContain("Put the card back on the encoder");
    const server = after(
      card("waiting_to_be_issued"),
      encode("job1"),
      intend("job1", null),
      fail("job1", "unknown"),
    );
    expect(observe(server).warnings[0]?.message).toContain("declare it destroyed");
  });

  test("a lagging keypad is an error that says which entrance, and in which direction", () => {
    const blocked = now({ type: "slots.blocked", entranceId: "pool", reason: "device.lost" });
    const errorsOf = (name: string) => observe(after(code(name), blocked)).errors;
    expect(errorsOf("issuing")).toMatchObject([{ code: "failed_to_set_on_device", createdAt: NOW }]);
    expect(errorsOf("issuing")[0]?.message).toContain("entrance pool");
    expect(errorsOf("invalidating, revoked")).toMatchObject([{ code: "failed_to_remove_from_device" }]);
  });
});
