import { expect, test } from "vitest";
import {
  betterWay,
  chooseWay,
  failedOver,
  type Failure,
  heldOver,
  newWay,
  restBeforeNext,
  type Way,
  welcomedOver,
} from "./failover.js";

const MINUTE = 60_000;
const both = [newWay("mqtt", "broker.example"), newWay("http", "cloud.example")];
const moment = (now = 0, chance = 0.5) => ({ now, wall: 1_000_000 + now, chance });
const cut: Failure = { code: "carrier.unreachable", message: "cut" };
const fail = (ways: readonly Way[], at: number, failure: Failure = cut, now = 0, began = now) =>
  failedOver(ways, at, { ...failure, began }, moment(now));
const used = (ways: readonly Way[]) => ways[chooseWay(ways)]?.name;

test("two failed attempts are enough to try another way; when all are out, the one whose time comes first", () => {
  const once = fail(both, 0);
  expect(used(once)).toBe("mqtt");
  const twice = fail(once, 0);
  expect(used(twice)).toBe("http");
  const all = fail(fail(twice, 1, cut, 10), 1, cut, 10);
  expect(all.map(({ isOut }) => isOut)).toEqual([true, true]);
  expect(used(all)).toBe("mqtt");
  expect(used(fail(all, 0, cut, 1_200))).toBe("http");
});

test.each([
  "carrier.unauthorized",
  "carrier.certificate_refused",
  "carrier.tls",
  "carrier.redirected",
  "cloud.unreadable",
  "feed.chunk_damaged",
] as const)("%s is not tried a second time before another way", (code) => {
  expect(used(fail(both, 0, { code, message: "" }))).toBe("http");
});

test("an attempt that took ten seconds is not repeated: nobody waits half a minute for a welcome", () => {
  const missing: Failure = { code: "welcome.missing", message: "" };
  expect(used(fail(both, 0, missing, 10_000, 0))).toBe("http");
  expect(used(fail(both, 0, missing, 9_999, 0))).toBe("mqtt");
});

test("the rest doubles up to five minutes with full jitter; what a person must mend is asked after from five to sixty", () => {
  const rests = (failure: Failure, chance: number, when: "retryAt" | "proveAt" = "retryAt") => {
    let ways: readonly Way[] = both;
    return Array.from({ length: 12 }, () => {
      const after = failedOver(ways, 0, { ...failure, began: 0 }, moment(0, chance));
      const rest = after[0]?.[when] ?? 0;
      ways = after.map((way) => ({ ...way, retryAt: 0, proveAt: 0 }));
      return rest;
    });
  };
  expect(rests(cut, 1).slice(0, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  expect(rests(cut, 1).at(-1)).toBe(5 * MINUTE);
  expect(rests(cut, 0).at(-1)).toBe(0);
  const slow = [5, 10, 20, 40, 60].map((minutes) => minutes * MINUTE);
  const refused = rests({ code: "carrier.unauthorized", message: "" }, 0);
  expect(refused.slice(0, 5)).toEqual(slow);
  // No welcome: in want of anything better as often as ever, beside another way seldom.
  const missing: Failure = { code: "welcome.missing", message: "" };
  expect(rests(missing, 1).at(-1)).toBe(5 * MINUTE);
  expect(rests(missing, 0, "proveAt").slice(0, 5)).toEqual(slow);
});

test("between attempts there is always a rest, and its length is left to chance", () => {
  expect(restBeforeNext(both, moment(0, 0.25))).toBe(250);
  const out = fail(fail(both, 0), 0);
  expect(restBeforeNext(out, moment(0, 0.25))).toBe(250);
  const all = fail(fail(out, 1), 1);
  expect(restBeforeNext(all, moment(0, 0.25))).toBe(1_000);
  expect(restBeforeNext(all, moment(MINUTE, 0.25))).toBe(250);
});

test("a pause that a host asks for holds on every way to it, and on no other", () => {
  const busy: Failure = { code: "carrier.busy", message: "503", retryAfterMs: 30_000 };
  const elsewhere = fail(both, 1, busy);
  expect(elsewhere.map(({ isOut }) => isOut)).toEqual([false, true]);
  const same = both.map((way) => ({ ...way, host: "cloud.example" }));
  const paused = fail(same, 1, busy);
  expect(paused.map(({ isOut, retryAt }) => isOut && retryAt >= 30_000)).toEqual([true, true]);
  expect(paused[0]?.problem).toBeNull();
});

test("a session taken by another gateway is no fault of the way it came over; a batch too big is one after many", () => {
  for (const code of ["carrier.session_lost", "carrier.taken_over"] as const)
    expect(fail(both, 0, { code, message: "" })).toEqual(both);
  let ways: readonly Way[] = both;
  for (let time = 0; time < 8; time++) ways = fail(ways, 0, { code: "carrier.batch_too_big", message: "" });
  expect(used(ways)).toBe("mqtt");
  expect(used(fail(ways, 0, { code: "carrier.batch_too_big", message: "" }))).toBe("http");
});

test("a welcome ends the reason and brings the way back; only a session that held wipes its past", () => {
  const out = fail(fail(both, 0), 0);
  const welcomed = welcomedOver(out, 0);
  expect(welcomed[0]).toMatchObject({ isOut: false, problem: null, failures: 2 });
  expect(used(fail(welcomed, 0))).toBe("http");
  expect(heldOver(out, 0)).toEqual(both);
});

test("the better way is looked for above the one in use only", () => {
  expect(betterWay(both, 0)).toBeNull();
  expect(betterWay(both, 1)).toBe(0);
  const three = [...both, newWay("other", "o")];
  expect(betterWay(fail(fail(three, 0), 0), 2)).toBe(1);
});
