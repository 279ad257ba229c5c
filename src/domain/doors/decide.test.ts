import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CARD_PIN_MS,
  decide,
  type Door,
  DOOR_MODES,
  type DoorTime,
  type Entry,
  type Holder,
} from "./decide.js";
import { failed, FAILURES_MAX, isLockedOut, type Lockout, NO_LOCKOUT } from "./lockout.js";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const at = (now: number): DoorTime => ({ now, ended: now });
const holder = (changes: Partial<Holder> = {}): Holder => ({
  owner: "access_code:a",
  isAllowed: true,
  startsAt: null,
  endsAt: null,
  isOneTimeUse: false,
  pin: null,
  ...changes,
});
const door = (changes: Partial<Door> = {}): Door => ({
  mode: "pin",
  lockout: NO_LOCKOUT,
  card: null,
  ...changes,
});
const pin = (...holders: Holder[]): Entry => ({ by: "pin", pin: "h", holders });
const card = (...holders: Holder[]): Entry => ({ by: "card", holders });

describe("a PIN", () => {
  test("of one who may come in opens, and ends the counting", () => {
    const decision = decide(pin(holder()), door({ lockout: { failures: 4, until: null } }), at(NOW));
    expect(decision).toEqual({
      do: "open",
      owner: "access_code:a",
      by: "keycode",
      usesUp: false,
      lockout: NO_LOCKOUT,
      card: null,
    });
  });

  test.each([
    ["nobody's", [], "unknown", null, 1],
    ["taken away or suspended", [holder({ isAllowed: false })], "not_allowed", "access_code:a", 0],
    ["too early", [holder({ startsAt: NOW + 1 })], "not_yet", "access_code:a", 0],
    ["at its end", [holder({ endsAt: NOW })], "expired", "access_code:a", 0],
    ["of two who both may", [holder(), holder({ owner: "access_code:b" })], "ambiguous", null, 0],
  ] as const)("%s is denied", (_, holders, why, owner, failures) => {
    const decision = decide(pin(...holders), door(), at(NOW));
    expect(decision).toMatchObject({ do: "deny", why, owner, lockout: { failures } });
  });

  test("of two of whom one may still come in opens for that one", () => {
    const gone = holder({ owner: "access_code:old", endsAt: NOW - 1 });
    expect(decide(pin(gone, holder()), door(), at(NOW))).toMatchObject({
      do: "open",
      owner: "access_code:a",
    });
  });

  test("from the first to the last instant, and no other", () => {
    const guest = holder({ startsAt: NOW, endsAt: NOW + 10 });
    const opens = [NOW - 1, NOW, NOW + 9, NOW + 10].map((now) => decide(pin(guest), door(), at(now)).do);
    expect(opens).toEqual(["deny", "open", "open", "deny"]);
  });

  test("ends by what has surely ended, however wrong the clock is", () => {
    const guest = holder({ endsAt: NOW });
    expect(decide(pin(guest), door(), { now: NOW + 9e9, ended: NOW - 1 }).do).toBe("open");
  });

  test("for one use opens once, and says that it is to be taken away first", () => {
    const once = holder({ isOneTimeUse: true });
    expect(decide(pin(once), door(), at(NOW))).toMatchObject({ do: "open", usesUp: true });
  });
});

describe("a PIN alone", () => {
  test.each([
    ["pin", "open"],
    ["card", "deny"],
    ["pin_or_card", "open"],
    ["card_and_pin", "deny"],
  ] as const)("at a door for %s: %s", (mode, act) => {
    expect(decide(pin(holder()), door({ mode }), at(NOW)).do).toBe(act);
  });
});

describe("a card", () => {
  test.each([
    ["pin", "deny"],
    ["card", "open"],
    ["pin_or_card", "open"],
    ["card_and_pin", "ask_pin"],
  ] as const)("at a door for %s: %s", (mode, act) => {
    expect(decide(card(holder()), door({ mode }), at(NOW)).do).toBe(act);
  });

  test("unknown, ambiguous or expired is denied, and is no guess", () => {
    for (const holders of [[], [holder(), holder()], [holder({ endsAt: NOW })]])
      expect(decide(card(...holders), door({ mode: "card" }), at(NOW))).toMatchObject({
        do: "deny",
        lockout: NO_LOCKOUT,
      });
  });
});

describe("card and PIN", () => {
  const mine = holder({ owner: "acs_credential:c", pin: "h" });
  const asked = decide(card(mine), door({ mode: "card_and_pin" }), at(NOW));
  const then = (entry: Entry, now: number, changes: Partial<Door> = {}) =>
    decide(
      entry,
      door({ mode: "card_and_pin", lockout: asked.lockout, card: asked.card, ...changes }),
      at(now),
    );

  test("both, one after the other", () => {
    const opened = { do: "open", owner: "acs_credential:c", by: "card", card: null };
    expect(then(pin(), NOW + 5_000)).toMatchObject(opened);
  });

  test("a PIN alone, or too late, wants the card first", () => {
    expect(then(pin(), NOW + CARD_PIN_MS + 1)).toMatchObject({ do: "deny", why: "card_first" });
    expect(then(pin(), NOW, { card: null })).toMatchObject({ do: "deny", why: "card_first" });
  });

  test("another's PIN is wrong, is a guess, and the card must be held to it again", () => {
    const wrong = then({ by: "pin", pin: "x", holders: [holder()] }, NOW + 1);
    expect(wrong).toMatchObject({ do: "deny", why: "wrong_pin", lockout: { failures: 1 }, card: null });
  });

  test("a credential that was taken away between card and PIN opens nothing", () => {
    const gone = { holder: { ...mine, isAllowed: false }, at: NOW };
    expect(then(pin(), NOW, { card: gone })).toMatchObject({ do: "deny", why: "not_allowed" });
  });

  test("a card without a PIN opens nothing here", () => {
    const bare = { holder: holder(), at: NOW };
    expect(then(pin(), NOW, { card: bare })).toMatchObject({ do: "deny", why: "wrong_pin" });
  });
});

describe("guessing", () => {
  test("20 wrong PINs in a row are looked at no more than a handful of times in the first half hour", () => {
    let lockout: Lockout = NO_LOCKOUT;
    let looked = 0;
    for (let now = NOW; now < NOW + 30 * 60_000; now += 5_000) {
      const decision = decide(pin(), door({ lockout }), at(now));
      if (decision.do === "deny" && decision.why === "unknown") looked += 1;
      ({ lockout } = decision);
    }
    expect(looked).toBeLessThanOrEqual(10);
  });

  test("while it lasts the right PIN is denied like any other, and does not lengthen it", () => {
    const lockout: Lockout = { failures: FAILURES_MAX, until: NOW + 60_000 };
    const decision = decide(pin(holder()), door({ lockout }), at(NOW + 1));
    expect(decision).toMatchObject({ do: "deny", why: "too_many_attempts", owner: null, lockout });
    expect(decide(pin(holder()), door({ lockout }), at(NOW + 60_000))).toMatchObject({ do: "open" });
  });

  test("a minute at first, then twice as long, a quarter of an hour at most", () => {
    let lockout: Lockout = NO_LOCKOUT;
    const minutes = Array.from({ length: 12 }, () => {
      lockout = failed(lockout, NOW);
      return lockout.until === null ? 0 : (lockout.until - NOW) / 60_000;
    });
    expect(minutes).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15, 15]);
    expect(failed({ failures: 9_999, until: null }, NOW).until).toBe(NOW + 15 * 60_000);
  });

  test("a clock that jumps back leaves nobody locked out for years", () => {
    expect(isLockedOut({ failures: 9, until: NOW + 9e9 }, NOW)).toBe(false);
  });

  test("cards still open while PINs are not taken, and end nothing of it", () => {
    const lockout: Lockout = { failures: 9, until: NOW + 60_000 };
    const opened = decide(card(holder()), door({ mode: "pin_or_card", lockout }), at(NOW));
    expect(opened).toMatchObject({ do: "open", lockout });
  });
});

test("whatever is entered wherever: nobody who may not come in does, and a PIN alone never where a card is wanted", () => {
  const someone = fc.record({
    owner: fc.constantFrom("access_code:a", "access_code:b"),
    isAllowed: fc.boolean(),
    startsAt: fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 })),
    endsAt: fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 })),
    isOneTimeUse: fc.boolean(),
    pin: fc.option(fc.constantFrom("h", "x")),
  });
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    fc.record({
      by: fc.constant("pin" as const),
      pin: fc.constant("h"),
      holders: fc.array(someone, { maxLength: 3 }),
    }),
    fc.record({ by: fc.constant("card" as const), holders: fc.array(someone, { maxLength: 3 }) }),
  );
  const state = fc.record({
    mode: fc.constantFrom(...DOOR_MODES),
    lockout: fc.record({
      failures: fc.nat(9),
      until: fc.option(fc.integer({ min: NOW - 5, max: NOW + 5 })),
    }),
    card: fc.option(fc.record({ holder: someone, at: fc.integer({ min: NOW - 30_000, max: NOW }) })),
  });
  fc.assert(
    fc.property(entry, state, (entered, known) => {
      const decision = decide(entered, known, at(NOW));
      if (decision.do !== "open") return;
      const mine = entered.holders.filter(({ owner }) => owner === decision.owner);
      if (known.mode === "card_and_pin") {
        expect(entered.by).toBe("pin");
        expect(known.card?.holder.pin).toBe("h");
        return;
      }
      expect(known.mode).not.toBe(entered.by === "pin" ? "card" : "pin");
      expect(mine.some(({ isAllowed }) => isAllowed)).toBe(true);
      expect(mine.some(({ startsAt, endsAt }) => (startsAt ?? 0) <= NOW && (endsAt ?? NOW + 1) > NOW)).toBe(
        true,
      );
      if (entered.by === "pin") expect(isLockedOut(known.lockout, NOW)).toBe(false);
    }),
  );
});
