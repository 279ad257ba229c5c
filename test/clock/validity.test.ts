import { afterEach, expect, test } from "vitest";
import { keepUp } from "#src/gateway-upkeep";
import { gatewayModel } from "#src/api/gateway-model";
import { FlooredTime } from "#src/ops/time-source";
import { floorStore, MoodySync } from "#test/clock/moody-sync";
import { EngineRig, type EngineRigOptions, SITE } from "#test/support/engine-rig";
import { KEEP_ALL } from "#test/support/retention";
import type { Log } from "#src/lib/log";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const ENDS = Date.parse("2026-11-30T11:00:00Z");
const IN_1970 = 60_000;
const IN_2099 = Date.parse("2099-01-01T00:00:00Z");
const YEARS_10 = 10 * 365.25 * 86_400_000;
const DAY = 86_400_000;
const HOUR = 3_600_000;
const ONE = "eeeeeeee-0000-4000-8000-000000000001";
const OTHER = "eeeeeeee-0000-4000-8000-000000000002";
const BY = { name: "test", role: "admin", seesPins: true } as const;
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

const rigs: { stop(): void }[] = [];
afterEach(() => rigs.splice(0).forEach((rig) => rig.stop()));

/** A gateway with the clock it would really have: floor, quality, and the loop that keeps them. */
async function site({
  floor = null,
  isSynchronised = false,
  ...options
}: { floor?: number | null; isSynchronised?: boolean } & EngineRigOptions = {}) {
  const sync = new MoodySync(isSynchronised);
  const store = floorStore(floor);
  let time: FlooredTime | undefined;
  const rig = new EngineRig({
    ...options,
    time: (clock) => (time = new FlooredTime(clock, store, sync)),
  });
  await rig.ready();
  if (time === undefined) throw new Error("the rig asks for its time");
  rigs.push({
    stop: keepUp(rig.engine, {
      link: null,
      time,
      log: quiet,
      retention: KEEP_ALL,
      look: () => undefined,
      heard: () => undefined,
    }),
  });
  return { rig, sync, time, clock: rig.clock };
}

/** A card of ONE that ends at ENDS. */
async function issued(options: Parameters<typeof site>[0] = { isSynchronised: true }) {
  const made = await site(options);
  // Where nobody knows the date, the person at the desk has said it.
  made.time.confirm();
  made.rig.feedCredential(ONE);
  made.rig.put();
  expect(await made.rig.job("encode", ONE)).toMatchObject({ error: null, status: "success" });
  return made;
}

const liveCards = (rig: EngineRig, id = ONE) => rig.row(id).record?.context.cards.length;

// ── What ends ────────────────────────────────────────────────────────────────────────────────────────────────────

test("on trusted time a card ends at its end, and not a turn before", async () => {
  const { rig, clock } = await issued();
  rig.feedCredential(ONE, { state: "revoked" });
  expect(rig.state(ONE)).toBe("invalidating");
  await clock.leap(ENDS - clock.now() - 1);
  expect(rig.state(ONE)).toBe("invalidating");
  await clock.advance(5_001);
  expect(rig.state(ONE)).toBe("invalidated");
  expect(rig.events().at(-1)).toBe("acs_credential.invalidated");
});

test.each([
  ["ten years ahead", (clock: { now(): number }) => clock.now() + YEARS_10],
  ["to 2099", () => IN_2099],
])("a wall clock that jumps %s ends nothing, and the desk goes on", async (_where, target) => {
  const { rig, clock } = await issued();
  rig.feedCredential(OTHER, { ends_at: new Date(ENDS).toISOString() });
  clock.jumpTo(target(clock));
  await clock.advance(60_000);
  expect([liveCards(rig), rig.state(ONE)]).toEqual([1, "issued"]);
  rig.put();
  expect(await rig.job("encode", OTHER)).toMatchObject({ status: "success" });
  expect(rig.journal()).toContain("clock_jumped");
});

test.each([
  ["ten years back", (clock: { now(): number }) => clock.now() - YEARS_10],
  ["to 1970", () => IN_1970],
])("a wall clock that jumps %s keeps nothing alive past its end", async (_where, target) => {
  const { rig, clock } = await issued();
  rig.feedCredential(ONE, { state: "revoked" });
  rig.feedCredential(OTHER);
  await clock.leap(HOUR);
  const left = ENDS - clock.now();
  clock.jumpTo(target(clock));
  await clock.leap(left + 5_001);
  expect(rig.state(ONE)).toBe("invalidated");
  rig.put();
  expect(await rig.job("encode", OTHER)).toMatchObject({
    status: "error",
    error: { type: "credential_cannot_be_reissued", message: expect.stringContaining("[expired]") as string },
  });
});

test("the journal says by how much the clock jumped, once, and what quality the time had then", async () => {
  const { rig, clock } = await issued();
  await clock.advance(60_000);
  clock.jumpTo(clock.now() + YEARS_10);
  await clock.advance(60_000);
  const jumps = rig.store.journal
    .read(1, 1_000)
    .flatMap(({ event }) => (event.k === "clock_jumped" ? [event] : []));
  expect(jumps).toMatchObject([{ tq: "estimated", data: { by_ms: YEARS_10 } }]);
  expect(Math.abs((jumps[0]?.t ?? 0) - NOW)).toBeLessThan(HOUR);
});

test.each([
  ["1970", IN_1970],
  ["2099", IN_2099],
])(
  "a start in %s without a floor: nothing ends until the time is trusted, then all that has ended does",
  async (_when, startAt) => {
    const { rig, sync, clock } = await issued({ startAt });
    rig.feedCredential(ONE, { state: "revoked" });
    await clock.leap(30 * DAY);
    expect(rig.state(ONE)).toBe("invalidating");
    rig.put();
    rig.feedCredential(OTHER);
    expect(await rig.job("encode", OTHER)).toMatchObject({ status: "success" });
    clock.jumpTo(ENDS - DAY);
    sync.isYes = true;
    await clock.advance(5_001);
    // Looking at the jump took the system's word back; it gives it again.
    sync.isYes = true;
    await clock.advance(5_001);
    expect(rig.state(ONE)).toBe("invalidating");
    await clock.leap(DAY);
    expect(rig.state(ONE)).toBe("invalidated");
  },
);

test("a start in 2099 over a good floor neither ends a card nor poisons the next start", async () => {
  const { rig, clock, time } = await issued({ startAt: IN_2099, floor: NOW });
  await clock.leap(3 * DAY);
  expect([liveCards(rig), rig.state(ONE)]).toEqual([1, "issued"]);
  expect(time.read().certain).toBeLessThan(NOW + 4 * DAY);
});

test("what ended before the floor is over, whatever the clock says", async () => {
  const { rig } = await site({ startAt: IN_1970, floor: ENDS + 1 });
  rig.feedCredential(ONE);
  rig.put();
  expect(await rig.job("encode", ONE)).toMatchObject({ status: "error" });
});

test("thousands of ends at one hour are stepped without waiting for the next turn", async () => {
  const { rig, clock } = await site({ isSynchronised: true });
  const ids = Array.from({ length: 130 }, (_, n) => `ffffffff-0000-4000-8000-${String(n).padStart(12, "0")}`);
  for (const id of ids) rig.store.wakeups.set("acs_credential", id, clock.now() + 1_000);
  await clock.advance(5_100);
  expect(rig.store.wakeups.next()).toBeNull();
});

// ── What the desk is told ────────────────────────────────────────────────────────────────────────────────────────

test.each([IN_1970, IN_2099])(
  "an app can create what ends in 2026 while the clock says %i",
  async (startAt) => {
    const { rig } = await site({ startAt, floor: NOW });
    const model = gatewayModel(rig.engine, { isSandbox: false });
    const wish = {
      accessMethod: "card",
      entranceIds: [SITE.room101],
      systemId: SITE.system,
      isOneTimeUse: false,
      brandMetadata: [],
      isMultiPhoneSync: false,
    } as const;
    expect(model.credentials.create({ ...wish, endsAt: ENDS }, BY)).toMatchObject({ is_issued: false });
    expect(() => model.credentials.create({ ...wish, endsAt: NOW - 1 }, BY)).toThrow(
      "must be later than now",
    );
  },
);

test("another guest's valid card is not written over because the clock says 2099", async () => {
  const { rig, clock } = await issued({ floor: NOW });
  rig.feedCredential(OTHER);
  clock.jumpTo(IN_2099);
  expect(await rig.job("encode", OTHER)).toMatchObject({
    status: "error",
    error: { message: expect.stringContaining("for another guest") as string },
  });
});

// ── The offline limit ────────────────────────────────────────────────────────────────────────────────────────────

const OFFLINE = { ms: 72 * HOUR, keys: 200 };

test.each([
  [YEARS_10, { isSynchronised: true }],
  [-YEARS_10, { isSynchronised: true }],
  [YEARS_10, { floor: NOW }],
  [-YEARS_10, { floor: NOW }],
  [YEARS_10, {}],
])("a jump of %i ms neither ends nor prolongs the work without a cloud: %j", async (by, quality) => {
  const { rig, clock } = await site({ ...quality, offline: OFFLINE });
  const { offlineWork } = rig.engine;
  offlineWork.start();
  await clock.leap(71 * HOUR);
  clock.jumpTo(clock.now() + by);
  expect(offlineWork.refusal(false)).toBeNull();
  await clock.leap(2 * HOUR);
  expect(offlineWork.refusal(false)).toContain("[offline_limit]");
});

test("without any trusted time the hours that the daemon ran count, over restarts too", async () => {
  const { rig, clock } = await site({ startAt: IN_1970, offline: OFFLINE });
  rig.engine.offlineWork.start();
  for (let run = 0; run < 3; run++) {
    for (let hour = 0; hour < 25; hour++) {
      await clock.leap(HOUR);
      rig.engine.offlineWork.setOnline(false);
    }
    clock.jumpTo(IN_1970);
    rig.crash();
  }
  expect(rig.engine.offlineWork.refusal(false)).toContain("[offline_limit]");
}, 30_000);

test("a welcome gives the whole limit again", async () => {
  const { rig, clock } = await site({ isSynchronised: true, offline: OFFLINE });
  const { offlineWork } = rig.engine;
  offlineWork.start();
  await clock.leap(100 * HOUR);
  offlineWork.setOnline(true);
  expect([offlineWork.used(), offlineWork.refusal(false)]).toEqual([{ since: null, ms: 0, keys: 0 }, null]);
  offlineWork.setOnline(false);
  await clock.leap(HOUR);
  expect(offlineWork.used()).toMatchObject({ ms: HOUR, keys: 0 });
});

// ── Summer time ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Where summer time ends or begins between check-in and check-out, for the site and for the machine. */
test.each([
  ["Europe/Lisbon", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
  ["Europe/Lisbon", "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T15:45:00Z"],
])("in %s the hour of the change is as long as it is (%s)", async (zone, from, until) => {
  const machine = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    const { rig, clock } = await site({ startAt: Date.parse(from) - HOUR, isSynchronised: true });
    rig.feedCredential(ONE, { starts_at: from, ends_at: until });
    const card = rig.put();
    expect(await rig.job("encode", ONE)).toMatchObject({ status: "success" });
    rig.put(card);
    const scanned = await rig.job("scan");
    expect(JSON.stringify(scanned.result)).toContain(new Date(until).toISOString());
    rig.feedCredential(ONE, { starts_at: from, ends_at: until, state: "revoked" });
    await clock.leap(Date.parse(until) - clock.now() - 1);
    expect(rig.state(ONE)).toBe("invalidating");
    await clock.advance(5_001);
    expect(rig.state(ONE)).toBe("invalidated");
  } finally {
    if (machine === undefined) delete process.env["TZ"];
    else process.env["TZ"] = machine;
  }
});

// ── Who knows the date ───────────────────────────────────────────────────────────────────────────────────────────

test("where nobody knows the date, no date goes onto a card until a person confirms it, or the cloud is there", async () => {
  const { rig, time } = await site();
  rig.feedCredential(ONE);
  rig.put();
  expect(await rig.job("encode", ONE)).toMatchObject({
    status: "error",
    error: { message: expect.stringMatching(/--confirm-clock \S+ \[time_unknown\]/) as string },
  });
  expect(rig.row(ONE).record?.context).toMatchObject({ cards: [], doubt: null });
  time.confirm();
  expect(await rig.job("encode", ONE)).toMatchObject({ error: null, status: "success" });
  const journal = rig.store.journal.read(1, 100);
  expect(journal.at(-1)?.event).toMatchObject({ tq: "estimated" });
});

test("with the cloud there, its wishes are of today whatever the clock says", async () => {
  const { rig } = await site();
  rig.feedCredential(ONE);
  rig.engine.offlineWork.setOnline(true);
  rig.put();
  expect(await rig.job("encode", ONE)).toMatchObject({ error: null, status: "success" });
});
