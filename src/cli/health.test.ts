import { afterEach, beforeEach, expect, test } from "vitest";
import { clockConfirm, clockResetFloor, statusGet, syncGet } from "#src/api/schemas/desk";
import { type FakeDaemon, startFakeDaemon } from "#test/support/fake-daemon";
import { typed } from "#test/support/typed";
import { EXIT } from "./exit-codes.js";

const NOW = "2026-11-22T14:00:00.000Z";
const ok = true as const;
const inStep = {
  cloud: {
    carrier: "mqtt",
    phase: "welcomed",
    last_welcome_at: NOW,
    problem: null as object | null,
    next_try_ms: null as number | null,
    feed: { head: 900 as number | null, cursor: 900, is_caught_up: true },
    journal: { last_seq: 40, acked_seq: 40, unacknowledged: 0 },
  },
  credentials: { stored: 12, wanted: 11, proved: 9, revoked_and_open: 0 },
  oldest_gap: null as object | null,
  blocked: { count: 0, items: [] as object[] },
  waiting_to_be_stepped: 0,
  offline: { since: null as string | null, used_ms: 0, left_ms: 259_200_000, cards_used: 0, cards_left: 200 },
};

let daemon: FakeDaemon;
beforeEach(async () => (daemon = await startFakeDaemon()));
afterEach(() => daemon.close());

const run = (words: readonly string[]) => typed(words, { socketPath: daemon.socketPath });
const part = (name: string, state: "ok" | "degraded" | "failed") => ({
  part: name,
  state,
  code: `${name}.code`,
  message: `about ${name}`,
  since: NOW,
});

test("sync says that all is in step", async () => {
  daemon.on(syncGet, () => ({ sync: inStep, ok }));
  const { code, out } = await run(["sync"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain("connected over mqtt, last welcome 2026-11-22");
  expect(out).toContain("change 900 of 900 is stored, all of them");
  expect(out).toContain("event 40 of 40 is with the cloud\n");
  expect(out).toContain("11 wanted · 12 stored · 9 proved");
  expect(out).toContain("not used; left without the cloud: 3 d, 200 cards");
  expect(out).toContain("Blocked   nothing");
});

test("sync says how far a snapshot is", async () => {
  const cloud = { ...inStep.cloud, feed: { head: 900, cursor: 0, is_caught_up: false } };
  for (const [chunks_stored, words] of [
    [2, "Snapshot  the whole site up to change 900: 2 of 7 parts are stored\n"],
    [
      7,
      "Snapshot  the whole site up to change 900: all is stored; what the cloud does not have is looked at\n",
    ],
  ] as const) {
    daemon.on(syncGet, () => ({
      sync: { ...inStep, cloud, snapshot: { rev: 900, chunks: 7, chunks_stored } },
      ok,
    }));
    expect((await run(["sync"])).out).toContain(words);
  }
});

test("sync says what keeps the site out of step, and what happens next", async () => {
  const sync = {
    ...inStep,
    cloud: {
      ...inStep.cloud,
      phase: "resting",
      problem: {
        code: "carrier.unreachable",
        message: "cannot reach cloud.example (ECONNREFUSED)",
        since: NOW,
      },
      next_try_ms: 3_400,
      feed: { head: null, cursor: 850, is_caught_up: false },
      journal: { last_seq: 45, acked_seq: 40, unacknowledged: 5 },
    },
    credentials: { stored: 12, wanted: 11, proved: 9, revoked_and_open: 1 },
    oldest_gap: { acs_credential_id: "c1", state: "needs_to_be_reissued", since: NOW },
    blocked: {
      count: 3,
      items: [
        { kind: "acs_credential", id: "c2", reason: "missing:u7" },
        { kind: "acs_credential", id: "c3", reason: "item.malformed" },
      ],
    },
    waiting_to_be_stepped: 4,
    offline: { since: NOW, used_ms: 252_000_000, left_ms: 7_200_000, cards_used: 17, cards_left: 183 },
  };
  daemon.on(syncGet, () => ({ sync, ok }));
  const { out } = await run(["sync"]);
  expect(out).toContain("not connected over mqtt");
  expect(out).toMatch(/cannot reach cloud\.example .*tried again in 4 s \[carrier\.unreachable\]/);
  expect(out).toContain("change 850 of ? is stored\n");
  expect(out).toContain("event 40 of 45 is with the cloud, 5 wait");
  expect(out).toMatch(/oldest gap: c1, needs to be reissued since 2026-11-22/);
  expect(out).toContain("1 revoked, and a card of it may still open");
  expect(out).toContain("4 changes wait for their turn");
  expect(out).toContain("away for 2 d 22 h, 17 cards written; left without the cloud: 2 h, 183 cards");
  expect(out).toContain("acs_credential c2: waits for u7, which has not come [missing]");
  expect(out).toContain("acs_credential c3: item.malformed");
  expect(out).toContain("and 1 more");
  expect(JSON.parse((await run(["sync", "--json"])).out)).toEqual(sync);
});

test("sync says how each carrier is, where there is a choice", async () => {
  const problem = {
    code: "carrier.tls",
    message: "no trusted encrypted connection to c.example",
    since: NOW,
  };
  const carriers = [
    { carrier: "mqtt", state: "out", problem, next_try_ms: 61_000 },
    { carrier: "http", state: "in_use", problem: null, next_try_ms: null },
  ];
  const cloud = { ...inStep.cloud, carrier: "http", carriers };
  daemon.on(syncGet, () => ({ sync: { ...inStep, cloud }, ok }));
  const { out } = await run(["sync"]);
  expect(out).toMatch(
    /^Carriers {2}mqtt does not work: no trusted .*c\.example, since 2026.* \[carrier\.tls\]; tried again in 61 s$/m,
  );
  expect(out).toMatch(/^ {10}http in use$/m);
});

test("a site without a cloud decides by itself", async () => {
  daemon.on(syncGet, () => ({ sync: { ...inStep, cloud: null, offline: null }, ok }));
  const { out } = await run(["sync"]);
  expect(out).toContain("this site decides by itself");
  expect(out).not.toContain("Offline");
});

test.each([
  ["ok", EXIT.ok],
  ["degraded", EXIT.ok],
  ["failed", EXIT.failed],
] as const)("the doctor ends so that a script can tell: %s is %i", async (state, expected) => {
  daemon.on(statusGet, () => ({
    status: { version: "1", health: [part("store", "ok"), part("keys", state)] },
    ok,
  }));
  const { code, out } = await run(["doctor"]);
  expect([code, out.includes("about keys [keys.code]")]).toEqual([expected, true]);
});

test("the doctor resets the floor of the clock when told to, and says what it was", async () => {
  daemon.on(clockResetFloor, () => ({ clock: { floor_before: NOW, now: NOW, quality: "unknown" }, ok }));
  const { code, out } = await run(["doctor", "--reset-clock-floor"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toMatch(
    /^The floor of the clock was 2026-11-22 .*; it is forgotten\. The time is now 2026-11-22 .* \(unknown\)\.\n$/,
  );
  expect(daemon.calls.map(({ path }) => path)).toEqual(["/lockbridge/clock/reset_floor"]);
});

test("a person tells the doctor what time it is", async () => {
  daemon.on(clockConfirm, () => ({ clock: { now: NOW, quality: "estimated" }, ok }));
  const { code, out } = await run(["doctor", "--confirm-clock", NOW]);
  expect([code, out]).toEqual([
    EXIT.ok,
    expect.stringMatching(/^The time is 2026-11-22 .* \(estimated\)\.\n$/),
  ]);
  expect(daemon.calls).toMatchObject([
    { path: "/lockbridge/clock/confirm", input: { now: Date.parse(NOW) } },
  ]);
});
