import { expect, test } from "vitest";
import type { Log } from "#src/lib/log";
import { Health, judge, overall, type SiteFacts } from "./health.js";

const GIB = 1024 ** 3;
const HOUR = 3_600_000;

const well: SiteFacts = {
  store: { freeBytes: 10 * GIB },
  clock: { quality: "trusted", floorAheadMs: 0 },
  devices: [{ key: "desk", state: "ready", problem: null }],
  cloud: { phase: "welcomed", isCaughtUp: true, problem: null, unacknowledged: 3, carriers: [] },
  desired: { blocked: 0, quarantined: 0 },
  codes: { late: 0, resting: 0 },
  webhooks: { failing: 0, late: 0 },
  keys: { isNeeded: true, count: 1 },
  offline: { limit: { ms: 72 * HOUR, keys: 200 }, used: { since: null, ms: 0, keys: 0 } },
};
const connected = well.cloud!;
const linkProblem = (code: string) => ({ cloud: { ...connected, problem: { code, message: "why" } } });
const over = (...carriers: string[]) => ({
  cloud: {
    ...connected,
    carriers: carriers.map((text) => {
      const [name = "", state = ""] = text.split(" ");
      return { name, state, problem: state === "out" ? { message: "why" } : null };
    }),
  },
});
const away = (ms: number, keys: number) => ({
  offline: { limit: { ms: 72 * HOUR, keys: 200 }, used: { since: 0, ms, keys } },
});
const device = (state: "opening" | "absent" | "busy", code?: "port.missing") => ({
  devices: [{ key: "desk", state, problem: code === undefined ? null : { code, message: "not there" } }],
});

test("all is well", () => {
  expect(judge(well).map(({ part, state }) => `${part} ${state}`)).toEqual([
    "store ok",
    "clock ok",
    "device desk ok",
    "cloud ok",
    "journal ok",
    "desired ok",
    "codes ok",
    "webhooks ok",
    "keys ok",
    "offline ok",
  ]);
});

test("a site without a cloud, and one whose cards a vendor makes, have fewer parts", () => {
  const alone = judge({
    ...well,
    cloud: null,
    offline: null,
    codes: null,
    webhooks: null,
    keys: { isNeeded: false, count: 0 },
  });
  expect(alone.map(({ part }) => part)).toEqual(["store", "clock", "device desk", "desired"]);
});

test.each<[Partial<SiteFacts>, string]>([
  [{ codes: { late: 2, resting: 0 } }, "codes degraded codes.late"],
  [{ codes: { late: 2, resting: 1 } }, "codes failed codes.left_alone"],
  [{ webhooks: { failing: 1, late: 7 } }, "webhooks degraded webhooks.failing"],
  [{ store: { freeBytes: GIB / 4 } }, "store degraded store.space_low"],
  [{ store: { freeBytes: 1_000_000 } }, "store failed store.full"],
  [{ clock: { quality: "estimated", floorAheadMs: 0 } }, "clock degraded clock.estimated"],
  [{ clock: { quality: "unknown", floorAheadMs: 0 } }, "clock degraded clock.unknown"],
  [{ clock: { quality: "trusted", floorAheadMs: 5 } }, "clock failed clock.behind_floor"],
  [device("opening"), "device desk degraded device.opening"],
  [device("absent", "port.missing"), "device desk failed port.missing"],
  [{ cloud: { ...connected, phase: "greeting" } }, "cloud degraded cloud.connecting"],
  [{ cloud: { ...connected, isCaughtUp: false } }, "cloud degraded cloud.catching_up"],
  [over("mqtt out", "http in_use"), "cloud degraded cloud.second_carrier"],
  [over("mqtt proving", "http in_use"), "cloud degraded cloud.second_carrier"],
  [linkProblem("carrier.unreachable"), "cloud degraded carrier.unreachable"],
  [linkProblem("carrier.tls"), "cloud failed carrier.tls"],
  [linkProblem("feed.chunk_damaged"), "cloud failed feed.chunk_damaged"],
  [{ cloud: { ...connected, unacknowledged: 1_000 } }, "journal degraded journal.backlog"],
  [{ desired: { blocked: 1, quarantined: 0 } }, "desired degraded desired.blocked"],
  [{ desired: { blocked: 0, quarantined: 1 } }, "desired degraded desired.blocked"],
  [{ keys: { isNeeded: true, count: 0 } }, "keys failed keys.missing"],
  [away(58 * HOUR, 0), "offline degraded offline.near_limit"],
  [away(0, 160), "offline degraded offline.near_limit"],
  [away(0, 200), "offline failed offline.used_up"],
  [away(72 * HOUR, 0), "offline failed offline.used_up"],
])("%j: %s", (change, expected) => {
  const ill = judge({ ...well, ...change }).filter(({ state }) => state !== "ok");
  expect(ill.map(({ part, state, code }) => `${part} ${state} ${code}`)).toEqual([expected]);
});

test("a lesser carrier in use is told with the reason; the best one in use is well", () => {
  const said = (facts: Partial<SiteFacts>) =>
    judge({ ...well, ...facts }).find(({ part }) => part === "cloud")?.message;
  expect(said(over("mqtt out", "http in_use"))).toBe(
    "connected over http, and all changes are here; mqtt is not in use: why",
  );
  expect(said(over("mqtt in_use", "http standby"))).toBe("connected, and all changes are here");
});

test("a device that works, a disk whose space nobody can tell", () => {
  const parts = judge({ ...well, ...device("busy"), store: { freeBytes: null } });
  expect(overall(parts)).toBe("ok");
});

function rig() {
  const lines: object[] = [];
  const say = (level: string) => (fields: object) => void lines.push({ level, ...fields });
  const log: Log = {
    debug: say("debug"),
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    child: () => log,
  };
  return { health: new Health(log), lines };
}

test("since is when the state or its reason began", () => {
  const { health } = rig();
  const sinceOf = (facts: SiteFacts, now: number) =>
    health.update(facts, now).find(({ part }) => part === "cloud")?.since;
  expect(sinceOf(well, 1)).toBe(1);
  expect(sinceOf(well, 2)).toBe(1);
  expect(sinceOf({ ...well, ...linkProblem("carrier.tls") }, 3)).toBe(3);
  expect(sinceOf({ ...well, ...linkProblem("carrier.tls") }, 4)).toBe(3);
  expect(sinceOf({ ...well, ...linkProblem("carrier.not_found") }, 5)).toBe(5);
  expect(sinceOf(well, 6)).toBe(6);
});

test("changes are logged once; what is well at the start or passes by itself is not", () => {
  const { health, lines } = rig();
  health.update({ ...well, ...device("opening") }, 1);
  health.update(well, 2);
  expect(lines).toEqual([]);
  health.update({ ...well, ...device("absent", "port.missing") }, 3);
  health.update({ ...well, ...device("absent", "port.missing") }, 4);
  health.update({ ...well, ...device("opening") }, 5);
  health.update(well, 6);
  const line = { event: "health.changed", part: "device desk" };
  expect(lines).toEqual([
    { level: "error", ...line, state: "failed", problem: "port.missing" },
    { level: "info", ...line, state: "ok", problem: null },
  ]);
});
