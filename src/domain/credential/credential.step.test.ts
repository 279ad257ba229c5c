import { getNextTransitions } from "xstate";
import { describe, expect, test } from "vitest";
import {
  after,
  AFTER_END,
  CARD_A,
  CARD_B,
  change,
  converged,
  DESIRED,
  encode,
  END,
  fail,
  intend,
  LATER_END,
  NOW,
  now,
  SITUATIONS,
  START,
  verify,
} from "#test/support/credential-cells";
import { automaticMachine } from "./automatic.machine.js";
import type { CredentialEffect, CredentialEvent } from "./credential.events.js";
import { presentedMachine } from "./credential.machine.js";
import { newCredentialRecord, stepCredential } from "./credential.step.js";
import type { CredentialRecord } from "./credential.schema.js";
import { AUTOMATIC_STATES, nameOf, PRESENTED_STATES, valueOf } from "./credential.states.js";

const { presented, automatic } = SITUATIONS;

function situation(from: Readonly<Record<string, CredentialRecord>>, name: string): CredentialRecord {
  const record = from[name];
  if (record === undefined) throw new Error(`no situation "${name}"`);
  return record;
}
const card = (name: string) => situation(presented, name);
const code = (name: string) => situation(automatic, name);

function effectsOf(record: CredentialRecord, event: CredentialEvent): readonly CredentialEffect[] {
  const step = stepCredential(record, event);
  if (step.refused) throw new Error(`refused: ${step.reason}`);
  return step.effects;
}

const waiting = card("waiting_to_be_issued");
const issued = card("issued");
const doubt = card("in_doubt, issued before");

describe("stepping", () => {
  test("is pure: the same answer twice, and the record is left alone", () => {
    const frozen = structuredClone(issued);
    const event = change({ fingerprint: "second" });
    expect(stepCredential(issued, event)).toEqual(stepCredential(issued, event));
    expect(issued).toEqual(frozen);
  });

  test("throws on a state that no machine has", () => {
    expect(() => stepCredential({ ...issued, state: "lost" }, encode("job9"))).toThrow(
      'no presented credential is ever "lost"',
    );
    expect(() => stepCredential({ ...issued, state: "constructor" }, encode("job9"))).toThrow("constructor");
  });

  test("says when the state began, and does not count what keeps it", () => {
    const later = after(issued, { ...change({}), at: NOW + 5 });
    expect(later.context.since).toBe(NOW);
    const changed = after(issued, { ...change({ fingerprint: "second" }), at: NOW + 5 });
    expect(changed.context.since).toBe(NOW + 5);
  });

  test("says whether anything is to be stored", () => {
    expect(stepCredential(issued, now({ type: "card.erased", uid: "ff" }))).toMatchObject({ changed: false });
    expect(stepCredential(issued, change({}))).toMatchObject({ changed: true });
    expect(stepCredential(card("invalidating"), now({ type: "revoke.requested" }))).toMatchObject({
      changed: false,
    });
  });

  test.each([
    ["presented", presentedMachine, PRESENTED_STATES],
    ["automatic", automaticMachine, AUTOMATIC_STATES],
  ] as const)(
    "a %s credential's machine waits for nothing and starts nothing",
    (issuance, machine, states) => {
      for (const state of states) {
        const context = situation(SITUATIONS[issuance], Object.keys(SITUATIONS[issuance])[0] ?? "").context;
        const snapshot = machine.resolveState({ value: valueOf(issuance, state), context });
        expect(nameOf(snapshot.value)).toBe(state);
        expect(
          getNextTransitions(snapshot).filter(({ eventType }) => String(eventType).startsWith("xstate.")),
        ).toEqual([]);
        expect(snapshot.children).toEqual({});
      }
    },
  );
});

describe("a job", () => {
  test("that is denied while it waits for a card is stopped", () => {
    const effects = effectsOf(card("issuing.presenting"), now({ type: "revoke.requested" }));
    expect(effects).toEqual([{ type: "abortJob", jobId: "job1", reason: "credential_deleted" }]);
  });

  test("that is denied while it writes is stopped, and its outcome awaited", () => {
    const revoked = after(card("issuing.writing"), now({ type: "revoke.requested" }));
    expect(revoked.context).toMatchObject({
      denied: "revoked",
      job: { id: "job1", intent: { generation: 1 } },
    });
    const written = after(revoked, verify("job1", 1, CARD_A));
    expect(written.state).toBe("invalidating");
    expect(written.context).toMatchObject({ job: null, cards: [{ generation: 1, certainty: "written" }] });
    expect(after(revoked, fail("job1", "none")).state).toBe("invalidated");
  });

  test("a generation counts though nothing was written", () => {
    const failed = after(card("issuing.writing"), fail("job1", "none"));
    expect(failed.context.generation).toBe(1);
    expect(after(failed, encode("job2"), intend("job2", CARD_A)).context.job?.intent?.generation).toBe(2);
  });

  test("that cannot say what became of a card it never wrote to is a driver's bug", () => {
    expect(effectsOf(card("issuing.presenting"), fail("job1", "unknown"))).toEqual([
      { type: "countDriverBug", reason: "device.lost" },
    ]);
  });

  const seen = now({ type: "card.seen", jobId: "job3", uid: CARD_B, left: 2 });
  test("ends well without writing when the doubtful card carries what is wanted", () => {
    const presenting = after(doubt, encode("job3"));
    expect(effectsOf(presenting, seen)).toContainEqual({ type: "jobDone", jobId: "job3" });
    const done = after(presenting, seen);
    expect(done.context).toMatchObject({ job: null, doubt: null, issued: { generation: 2, uid: CARD_B } });
  });

  test("goes on when the doubtful card turns out written, and something else is wanted by now", () => {
    const presenting = after(doubt, change({ fingerprint: "second" }), encode("job3"));
    expect(effectsOf(presenting, seen)).not.toContainEqual({ type: "jobDone", jobId: "job3" });
    const going = after(presenting, seen);
    expect(going.state).toBe("reissuing.presenting");
    expect(going.context).toMatchObject({ doubt: null, issued: { generation: 2, good: true } });
    expect(after(going, intend("job3", CARD_B, "second"), verify("job3", 3, CARD_B)).state).toBe("issued");
  });
});

describe("the ledger of cards", () => {
  test("a card that is written again carries only the newest generation", () => {
    const again = after(issued, encode("job2"), intend("job2", CARD_A), verify("job2", 2, CARD_A));
    expect(again.context.cards).toEqual([
      { generation: 2, uid: CARD_A, certainty: "written", validUntil: END },
    ]);
  });

  test("a re-encode that tore the issued card leaves a card that is not good", () => {
    const torn = after(issued, encode("job2"), intend("job2", CARD_A), fail("job2", "unknown"));
    expect(torn.context.issued?.good).toBe(false);
    expect(torn.context.cards.map(({ generation, certainty }) => [generation, certainty])).toEqual([
      [1, "maybe"],
      [2, "maybe"],
    ]);
    const blank = after(torn, now({ type: "card.seen", jobId: null, uid: CARD_A, left: 0 }));
    expect(blank).toMatchObject({
      state: "needs_to_be_reissued",
      context: { cards: [], issued: { good: false } },
    });
    const old = after(torn, now({ type: "card.seen", jobId: null, uid: CARD_A, left: 1 }));
    expect(old).toMatchObject({ state: "issued", context: { issued: { good: true } } });
    expect(old.context.cards).toEqual([
      { generation: 1, uid: CARD_A, certainty: "written", validUntil: END },
    ]);
  });

  test("a card found with a generation in between is not mistaken for the issued one", () => {
    const twice = after(doubt, encode("job3"), intend("job3", CARD_B), fail("job3", "unknown"));
    const found = after(twice, now({ type: "card.seen", jobId: null, uid: CARD_B, left: 2 }));
    expect(found.state).toBe("needs_to_be_reissued");
    expect(found.context.cards.map(({ generation, certainty }) => [generation, certainty])).toEqual([
      [1, "written"],
      [2, "written"],
    ]);
  });

  test("another credential's torn write to the issued card makes it doubtful and outdated", () => {
    const torn = after(issued, now({ type: "card.torn", uid: CARD_A }));
    expect(torn.context).toMatchObject({
      issued: { good: false },
      cards: [{ certainty: "maybe" }],
      doubt: null,
    });
  });

  test("a key server's doubt is settled by the generation alone, or by a person", () => {
    const lost = after(waiting, encode("job1"), intend("job1", null), fail("job1", "unknown"));
    const look = (left: number) =>
      stepCredential(lost, now({ type: "card.seen", jobId: null, uid: "77", left }));
    expect(look(0)).toMatchObject({ refused: true, reason: "not_expected_here" });
    expect(look(1)).toMatchObject({ next: { state: "issued", context: { issued: { uid: "77" } } } });
    expect(after(lost, now({ type: "card.destroyed", generation: 1 })).state).toBe("waiting_to_be_issued");
  });

  test("a credential whose last card was overwritten is encoded anew, or stays invalidated when that fails", () => {
    const presenting = after(card("invalidated, card overwritten"), encode("job2"));
    expect(after(presenting, fail("job2", "none"))).toMatchObject({
      state: "invalidated",
      context: { why: "overwritten" },
    });
    const anew = after(presenting, intend("job2", CARD_B), verify("job2", 2, CARD_B));
    expect(anew).toMatchObject({ state: "issued", context: { why: null } });
  });
});

describe("a denial", () => {
  test("is told again to a cloud that still calls it active, and to no other", () => {
    for (const name of ["invalidating", "invalidated, revoked", "deleted, card live"]) {
      expect(effectsOf(card(name), change({}))).toContainEqual({ type: "reassertRevocation" });
      expect(effectsOf(card(name), change({ allowed: false }))).toEqual([]);
    }
    expect(effectsOf(card("invalidated, card overwritten"), change({}))).toEqual([]);
    expect(effectsOf(code("invalidating, revoked"), change({}))).toContainEqual({
      type: "reassertRevocation",
    });
    expect(effectsOf(code("invalidating, expired"), change({}))).toEqual([]);
  });

  test("a deletion is not softened to a revocation", () => {
    const revoked = after(card("deleting"), now({ type: "revoke.requested" }));
    expect(revoked.context).toMatchObject({ denied: "deleted", why: "deleted" });
  });
});

describe("a record goes", () => {
  const forget = now({ type: "forget" });

  test("at once when nothing of it opens", () => {
    expect(effectsOf(waiting, forget)).toEqual([{ type: "leaveTombstone" }]);
    expect(effectsOf(card("invalidated, revoked"), forget)).toEqual([{ type: "leaveTombstone" }]);
    expect(effectsOf(code("deleted"), forget)).toEqual([{ type: "leaveTombstone" }]);
  });

  test("not before its last card is dead", () => {
    expect(effectsOf(card("deleted, card live"), forget)).toEqual([]);
    const forgotten = after(card("deleted, card live"), forget);
    expect(effectsOf(forgotten, now({ type: "card.erased", uid: CARD_A }))).toContainEqual({
      type: "leaveTombstone",
    });
    expect(effectsOf(after(issued, forget), { type: "expiry.due", at: END })).toContainEqual({
      type: "leaveTombstone",
    });
  });
});

describe("wake-ups", () => {
  const wakes = (record: CredentialRecord, event: CredentialEvent) =>
    effectsOf(record, event).filter(({ type }) => type === "wakeAt");

  test("a card: its end; the end of the doubtful one while in doubt; none for a card without an end", () => {
    expect(wakes(card("issuing.writing"), verify("job1", 1, CARD_A))).toEqual([{ type: "wakeAt", at: END }]);
    expect(wakes(issued, now({ type: "card.erased", uid: CARD_A }))).toEqual([{ type: "wakeAt", at: null }]);
    expect(wakes(issued, change({ endsAt: LATER_END }))).toEqual([]);
    const endless = { ...intend("job2", CARD_B), validUntil: null } as CredentialEvent;
    const writing = after(issued, encode("job2"), endless);
    expect(wakes(writing, verify("job2", 2, CARD_B))).toEqual([{ type: "wakeAt", at: null }]);
  });

  test("a doubtful card that ends before the others wakes at its own end", () => {
    const sooner = { ...intend("job2", CARD_B), validUntil: END - 1 } as CredentialEvent;
    const writing = after(issued, encode("job2"), sooner);
    expect(wakes(writing, fail("job2", "unknown"))).toEqual([{ type: "wakeAt", at: END - 1 }]);
  });

  test("a wake-up that came too early is set again", () => {
    expect(wakes(issued, { type: "expiry.due", at: END - 1 })).toEqual([{ type: "wakeAt", at: END }]);
    expect(wakes(issued, { type: "expiry.due", at: END })).toEqual([{ type: "wakeAt", at: null }]);
  });

  test("a code: its start while it waits, then its end", () => {
    const early = newCredentialRecord({ issuance: "automatic", desired: DESIRED, at: 0 });
    expect(wakes(early, { ...change({ startsAt: START + 9 }), at: 0 })).toEqual([
      { type: "wakeAt", at: START + 9 },
    ]);
    expect(wakes(early, { type: "window.opened", at: START })).toEqual([{ type: "wakeAt", at: END }]);
    expect(wakes(code("issued"), change({ endsAt: LATER_END }))).toEqual([{ type: "wakeAt", at: LATER_END }]);
    expect(wakes(code("issued"), { type: "expiry.due", at: AFTER_END })).toEqual([
      { type: "wakeAt", at: null },
    ]);
    expect(
      wakes(code("waiting_to_be_issued, suspended"), change({ allowed: false, startsAt: NOW + 1 })),
    ).toEqual([]);
  });
});

describe("a code", () => {
  test("is wanted from the start when its window is open", () => {
    expect(code("issuing").context.generation).toBe(0);
    expect(newCredentialRecord({ issuance: "automatic", desired: DESIRED, at: END }).state).toBe(
      "waiting_to_be_issued",
    );
  });

  test("counts a generation each time all its keypads agree", () => {
    const again = after(code("reissuing"), converged(true, "second"));
    expect(again.context).toMatchObject({ generation: 2, issued: { generation: 2, fingerprint: "second" } });
  });

  test("changed at a lock where that is allowed stays issued, and is good again when the lock is", () => {
    const changed = after(code("issued"), now({ type: "slots.diverged", allowed: true }));
    expect(changed).toMatchObject({ state: "issued", context: { issued: { good: false } } });
    expect(after(changed, converged(true)).context).toMatchObject({ generation: 1, issued: { good: true } });
  });

  test("whose end is moved while it leaves the locks comes back, now or at its start", () => {
    const moved = after(code("invalidating, expired"), change({ endsAt: LATER_END }));
    expect(moved.state).toBe("invalidating");
    expect(after(moved, converged(false))).toMatchObject({ state: "issuing", context: { why: null } });
    const ahead = after(code("invalidating, expired"), change({ startsAt: NOW + 1, endsAt: LATER_END }));
    expect(after(ahead, converged(false)).state).toBe("waiting_to_be_issued");
  });

  test("lists a lagging keypad once, and forgets it when it is back", () => {
    const blocked = (reason: string, at: number): CredentialEvent => ({
      type: "slots.blocked",
      entranceId: "pool",
      reason,
      at,
    });
    const lagging = after(code("issuing"), blocked("device.lost", 1), blocked("device.lost", 2));
    expect(lagging.context.lagging).toEqual([{ entranceId: "pool", reason: "device.lost", since: 1 }]);
    const other = after(lagging, blocked("slot.full", 3));
    expect(other.context.lagging).toEqual([{ entranceId: "pool", reason: "slot.full", since: 3 }]);
    expect(after(other, now({ type: "slots.unblocked", entranceId: "pool" })).context.lagging).toEqual([]);
    expect(after(other, converged(true)).context.lagging).toEqual([]);
  });
});
