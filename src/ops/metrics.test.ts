import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { Job } from "#src/engine/jobs";
import type { StoreTally } from "#src/engine/ports";
import { VirtualClock } from "#test/support/virtual-clock";
import { Metrics, type MeteredCloud } from "./metrics.js";

const tally: StoreTally = {
  credentials: () => [
    { denied: false, state: "issuing.presenting", count: 2, since: 1 },
    { denied: false, state: "issuing.writing", count: 1, since: 1 },
    { denied: true, state: "invalidating", count: 4, since: 1 },
  ],
  oldestIn: () => undefined,
  blocked: () => [{ reason: "missing", count: 5 }],
  dirty: () => 6,
  quarantined: () => 7,
};

function rig(cloud: MeteredCloud | null = null) {
  const clock = new VirtualClock();
  const site = { cloud, device: "ready" as "ready" | "absent" };
  const metrics = new Metrics({
    clock,
    tally,
    devices: () => [{ key: "desk", state: site.device }],
    cloud: () => site.cloud,
    lastSeq: () => 12,
    storeBytes: () => ({ databaseBytes: 4_096, logBytes: 8_192 }),
    driverMemory: () => new Map([["zwave", 170_000_000]]),
    webhooks: () => [
      { count: 5, late: 2 },
      { count: 1, late: 0 },
    ],
    health: () => [{ part: "clock", state: "degraded", code: "clock.unknown", message: "", since: 1 }],
  });
  onTestFinished(() => metrics.stop());
  /** Lines of one figure, without its name. */
  const read = async (name: string) =>
    (await metrics.text())
      .split("\n")
      .filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
      .map((line) => line.slice(name.length).trim());
  return { clock, metrics, site, read };
}

const job = (kind: Job["kind"]) => ({ kind }) as Job; // Metrics look at nothing else of it.

test("events that receivers have not taken are counted, those that are late apart", async () => {
  const { read } = rig();
  expect(await read("lockbridge_webhook_events")).toEqual(['{state="late"} 2', '{state="in_turn"} 4']);
});

test("what is there is read at the moment of asking", async () => {
  const { read, site } = rig();
  expect(await read("lockbridge_driver_memory_bytes")).toEqual(['{driver="zwave"} 170000000']);
  expect(await read("lockbridge_credentials")).toEqual([
    '{state="issuing",denied="false"} 3',
    '{state="invalidating",denied="true"} 4',
  ]);
  expect(await read("lockbridge_blocked_objects")).toEqual(['{reason="missing"} 5']);
  expect(await read("lockbridge_dirty_objects")).toEqual(["6"]);
  expect(await read("lockbridge_quarantined_items")).toEqual(["7"]);
  expect(await read("lockbridge_health")).toEqual(['{part="clock"} 1', '{part="all"} 1']);
  expect(await read("lockbridge_device_state")).toContain('{device="desk",state="ready"} 1');
  site.device = "absent";
  expect(await read("lockbridge_device_state")).toContain('{device="desk",state="ready"} 0');
  expect(await read("lockbridge_device_state")).toContain('{device="desk",state="absent"} 1');
});

test("without a cloud its figures are absent; with one they follow it", async () => {
  const { read, site } = rig();
  const carriers = [
    { name: "mqtt", state: "out" },
    { name: "http", state: "in_use" },
  ];
  expect([await read("lockbridge_feed_head"), await read("lockbridge_cloud_phase")]).toEqual([[], []]);
  site.cloud = { phase: "welcomed", welcomeAgeS: 2.5, cursorRev: 8, head: 9, ackedSeq: 11, carriers };
  expect(await read("lockbridge_feed_head")).toEqual(["9"]);
  expect(await read("lockbridge_feed_cursor")).toEqual(["8"]);
  expect(await read("lockbridge_journal_acked_seq")).toEqual(["11"]);
  expect(await read("lockbridge_cloud_last_welcome_age_seconds")).toEqual(["2.5"]);
  expect(await read("lockbridge_cloud_phase")).toContain('{phase="welcomed"} 1');
  expect(await read("lockbridge_cloud_carrier_state")).toEqual(
    expect.arrayContaining(['{carrier="mqtt",state="out"} 1', '{carrier="http",state="in_use"} 1']),
  );
  site.cloud = { ...site.cloud, phase: "resting", head: null };
  expect(await read("lockbridge_feed_head")).toEqual([]);
  expect(await read("lockbridge_cloud_phase")).toContain('{phase="welcomed"} 0');
});

test("attempts count by kind and outcome, and no text of an error becomes a label", async () => {
  const { metrics, read } = rig();
  metrics.attemptEnded("ENCODE_CREDENTIAL", null);
  metrics.attemptEnded("ENCODE_CREDENTIAL", "encoder_not_online");
  metrics.attemptEnded("SCAN_CREDENTIAL", "guest 101 said 4711");
  metrics.attemptEnded("NEW_THING", null);
  expect(await read("lockbridge_jobs_total")).toEqual([
    '{kind="encode",outcome="success"} 1',
    '{kind="encode",outcome="encoder_not_online"} 1',
    '{kind="scan",outcome="other"} 1',
    '{kind="other",outcome="success"} 1',
  ]);
});

test("faults of the cloud count by their word", async () => {
  const { metrics, read } = rig();
  for (const fault of ["body.is_html", "item.hash_wrong", "body.is_html"]) metrics.cloudFault(fault);
  expect(await read("lockbridge_cloud_faults_total")).toEqual([
    '{fault="body.is_html"} 2',
    '{fault="item.hash_wrong"} 1',
  ]);
});

test("each step of a job takes from its beginning to the next step", async () => {
  const { clock, metrics, read } = rig();
  const encode = job("encode");
  for (const [step, ms] of [
    ["waiting_for_card", 3_000],
    ["writing", 400],
    ["done", 0],
  ] as const) {
    metrics.jobStepped(encode, { step, say: "", facts: {} });
    await clock.advance(ms);
  }
  expect(await read("lockbridge_job_step_seconds_sum")).toEqual([
    '{kind="encode",step="waiting_for_card"} 3',
    '{kind="encode",step="writing"} 0.4',
  ]);
});

test("a device's first opening is none of the reopenings", async () => {
  const { metrics, read } = rig();
  for (const state of [
    "opening",
    "backing_off",
    "opening",
    "ready",
    "busy",
    "backing_off",
    "opening",
    "ready",
  ] as const)
    metrics.deviceChanged({ key: "desk", state });
  expect(await read("lockbridge_device_reopens_total")).toEqual(['{device="desk"} 1']);
});

test("docs/observability.md lists every figure with its labels, and no other", async () => {
  const { metrics } = rig({
    phase: "welcomed",
    welcomeAgeS: 1,
    cursorRev: 1,
    head: 1,
    ackedSeq: 1,
    carriers: [],
  });
  const document = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");
  const documented = [...document.matchAll(/^\| `(lockbridge_\w+)` +\| (\w+) +\| (.*?) *\| /gm)];
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  expect(documented.map(([, name, type]) => `${name} ${type}`).sort()).toEqual(
    types.map(([, name, type]) => `${name} ${type}`).sort(),
  );
});
