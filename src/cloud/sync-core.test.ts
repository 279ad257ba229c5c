import fc from "fast-check";
import { expect, test } from "vitest";
import { nextTickAt } from "#src/cloud/sync-core";
import type { Turn } from "#src/cloud/sync-state";
import type { CloudMessage } from "#src/cloud/wire";
import { caughtUpAtTen, CoreRig, EPOCH, ops, page, scan, sent, SESSION } from "#test/support/core-rig";

test("greets with what it has, listens when welcomed, pulls what it misses, tells once that it caught up", () => {
  const rig = new CoreRig();
  rig.append(3);
  expect(rig.feed({ type: "start" }).carrier).toEqual([{ type: "open" }]);
  const hello = rig.feed({ type: "carrier.up" });
  expect(hello.send).toMatchObject([
    { type: "hello", jid: "jid", seq_last: 3, seq_acked: 0, epoch: null, rev: 0 },
  ]);
  const turn = rig.welcome({ head: 2 });
  expect(turn.carrier).toEqual([{ type: "listen", session: SESSION }]);
  expect(turn.send).toMatchObject([
    { type: "ev", jid: "jid" },
    { type: "pull", since: 0, epoch: EPOCH },
  ]);
  expect(ops(rig.hear(page(0, 1, 2)))).toEqual(["storePage"]);
  expect(rig.hear(page(1, 2)).store).toMatchObject([{ type: "storePage" }, { type: "caughtUp", rev: 2 }]);
  expect(ops(rig.hear(page(2, 3)))).toEqual(["storePage"]);
});

test.each([
  { name: "another epoch", page: page(10, 12, 12, { n: 2, id: "other" }), stores: 0, pulls: 1, cursor: 10 },
  { name: "old", page: page(3, 9), stores: 0, pulls: 0, cursor: 10 },
  { name: "repeated", page: page(9, 10), stores: 0, pulls: 0, cursor: 10 },
  { name: "a gap", page: page(11, 12), stores: 0, pulls: 1, cursor: 10 },
  { name: "the next", page: page(10, 12), stores: 1, pulls: 0, cursor: 12 },
  { name: "overlapping", page: page(8, 12), stores: 1, pulls: 0, cursor: 12 },
  { name: "the next, with more to come", page: page(10, 12, 20), stores: 1, pulls: 1, cursor: 12 },
  { name: "empty", page: page(10, 10), stores: 0, pulls: 0, cursor: 10 },
  { name: "without news, but claiming more", page: page(10, 10, 20), stores: 0, pulls: 0, cursor: 10 },
])("page rule: $name", ({ page: given, stores, pulls, cursor }) => {
  const rig = caughtUpAtTen();
  const turn = rig.hear(given);
  expect(ops(turn).filter((type) => type === "storePage")).toHaveLength(stores);
  expect(sent(turn).filter((type) => type === "pull")).toHaveLength(pulls);
  expect(rig.cursor?.rev).toBe(cursor);
  expect(rig.stored).toEqual(stores === 1 ? [11, 12] : []);
});

test("an item that cannot be read is blocked in the same order as the page, and the cursor passes it", () => {
  const rig = caughtUpAtTen();
  const good = page(10, 12);
  const [first, second] = good.items;
  const broken = { ...good, items: [{ ...first!, spec_hash: "wrong" }, second!] };
  const [op] = rig.hear(broken).store;
  expect(op).toMatchObject({
    page: {
      cursor: { rev: 12 },
      items: [{ rev: 12 }],
      blocked: [{ rev: 11, code: "item.hash_wrong", id: "u11" }],
    },
  });
});

test("a welcome for another hello is not taken", () => {
  const rig = new CoreRig();
  rig.feed({ type: "start" });
  rig.feed({ type: "carrier.up" });
  const stale = {
    nonce_echo: "of yesterday",
    session: "x",
    epoch: EPOCH,
    head: 0,
    floor: 0,
    ingested: {},
    want_from: 1,
    time: 0,
  };
  rig.hear({ type: "welcome", ...stale });
  expect(rig.state.phase.name).toBe("greeting");
});

test("a head behind the cursor is an alarm, not a step back", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  rig.welcome({ head: 4 });
  expect(rig.state.problem?.code).toBe("feed.went_back");
  rig.hear(page(3, 4));
  expect(rig.cursor.rev).toBe(10);
});

test("a hint that the feed went on is asked after once, unless the page came; one that says nothing new is not", () => {
  const rig = caughtUpAtTen();
  const head = (at: number) => rig.hear({ type: "head", epoch: EPOCH, head: at, floor: 0 });
  expect(sent(head(10))).toEqual([]);
  expect(sent(head(12))).toEqual(["pull"]);
  expect(sent(head(12))).toEqual([]);
  rig.hear(page(10, 12));
  expect(sent(head(12))).toEqual([]);
  expect(sent(head(11))).toEqual([]);
  expect(rig.state.phase).toMatchObject({ head: 12 });
});

test("a hint of another feed is asked after, and moves nothing", () => {
  const rig = caughtUpAtTen();
  const turn = rig.hear({ type: "head", epoch: { n: 2, id: "other" }, head: 99, floor: 0 });
  expect(sent(turn)).toEqual(["pull"]);
  expect(rig.state.phase).toMatchObject({ head: 10 });
});

test("uploads at most four batches ahead, goes on with acknowledgements, sends again when none comes", () => {
  const rig = new CoreRig();
  rig.append(1_000);
  const first = rig.welcome();
  const batches = first.send.filter(({ type }) => type === "ev");
  expect(batches.map((batch) => batch.type === "ev" && batch.events.length)).toEqual([200, 200, 200, 200]);
  const next = rig.hear({ type: "ack", jid: "jid", ingested: 200, refused: [] });
  expect(next.send).toMatchObject([{ type: "ev", events: { 0: { seq: 801 } } }]);
  expect(rig.acked).toBe(200);
  expect(rig.tick(10_000).send).toMatchObject([{ type: "ev", events: { 0: { seq: 201 } } }, {}, {}, {}]);
});

test.each([
  ["old", "jid", 2],
  ["of another journal", "other", 9],
  ["beyond what exists", "jid", 99],
])("an acknowledgement %s changes nothing", (_name, jid, ingested) => {
  const rig = new CoreRig();
  rig.append(5);
  rig.acked = 3;
  rig.welcome({ wantFrom: 4 });
  rig.hear({ type: "ack", jid, ingested, refused: [] });
  expect(rig.acked).toBe(3);
});

test("a restored cloud gets earlier events again", () => {
  const rig = new CoreRig();
  rig.append(5);
  rig.acked = 5;
  const turn = rig.welcome({ wantFrom: 3 });
  expect(turn.store).toContainEqual({ type: "setAcked", seq: 2 });
  expect(turn.send).toMatchObject([{ type: "ev", events: [{ seq: 3 }, { seq: 4 }, { seq: 5 }] }]);
});

test("a cloud that knows more of the journal than the gateway stops the upload, visibly", () => {
  const rig = new CoreRig();
  rig.append(2);
  expect(sent(rig.welcome({ wantFrom: 8 }))).toEqual([]);
  expect(rig.state.problem?.code).toBe("journal.behind_cloud");
});

test("one event larger than a batch travels alone", () => {
  const rig = new CoreRig();
  rig.append(3);
  const big = rig.journal[1]!;
  const data = { code: "x", message: "y".repeat(100_000), device: "d" };
  rig.journal[1] = { ...big, event: { k: "device_down", t: 1, tq: "trusted", base_rev: 0, data } };
  const batches = rig
    .welcome()
    .send.map((batch) => (batch.type === "ev" ? batch.events.map(({ seq }) => seq) : []));
  expect(batches).toEqual([[1], [2], [3]]);
});

test.each([
  { name: "runs", command: scan("c"), ran: ["c"] },
  { name: "of another session", command: scan("c", { session: "old" }), ran: [] },
  { name: "without life", command: scan("c", { life_ms: 0 }), ran: [] },
  { name: "that needs more of the feed", command: scan("c", { needs_rev: 12 }), ran: [] },
])("a command $name", ({ command, ran }) => {
  const rig = caughtUpAtTen();
  rig.hear(command);
  expect(rig.ran).toEqual(ran);
});

test("a command waits for the feed, with a pull, and its life runs on meanwhile", () => {
  const rig = caughtUpAtTen();
  expect(sent(rig.hear(scan("c", { needs_rev: 12 }), scan("d", { needs_rev: 12, life_ms: 3_000 })))).toEqual([
    "pull",
  ]);
  rig.now += 5_000;
  const turn = rig.hear(page(10, 12));
  expect(turn.store).toMatchObject([
    { type: "storePage" },
    { type: "runCommand", command: { id: "c", lifeMs: 55_000 } },
  ]);
  expect(turn.notices).toMatchObject([{ event: "cloud.command_outlived" }]);
});

test("a command that is known runs no second time, in no session", () => {
  const rig = caughtUpAtTen();
  rig.hear(scan("c"), scan("c"));
  rig.hear(scan("c"));
  rig.feed({ type: "carrier.down", problem: { code: "carrier.timeout", message: "" } });
  rig.welcome({ head: 10 });
  rig.hear(scan("c"));
  expect(rig.ran).toEqual(["c"]);
});

test("without a welcome within ten seconds it goes away and rests", () => {
  const rig = new CoreRig();
  rig.feed({ type: "start" });
  rig.feed({ type: "carrier.up" });
  expect(nextTickAt(rig.state)).toBe(10_000);
  expect(rig.tick(10_000).carrier).toMatchObject([{ type: "close", why: { code: "welcome.missing" } }]);
  expect(rig.state).toMatchObject({ phase: { name: "resting" }, problem: { code: "welcome.missing" } });
});

test("a cloud that welcomes and then says nothing is left after three questions", () => {
  const rig = new CoreRig();
  rig.welcome({ head: 5 });
  rig.tick(10_000);
  rig.tick(10_000);
  expect(rig.state.phase.name).toBe("welcomed");
  rig.tick(10_000);
  expect(rig.state.problem?.code).toBe("cloud.silent");
});

test("in silence it asks now and then", () => {
  const rig = caughtUpAtTen();
  expect(nextTickAt(rig.state)).toBe(60_000);
  expect(sent(rig.tick(60_000))).toEqual(["pull"]);
});

test("rests longer with each failure up to five minutes; a session that held a minute starts anew", () => {
  const rig = new CoreRig();
  const rests: number[] = [];
  const fail = (heldMs: number) => {
    rig.welcome();
    rig.now += heldMs;
    rig.feed({ type: "carrier.down", problem: { code: "carrier.unreachable", message: "" } });
    const { phase } = rig.state;
    rests.push(phase.name === "resting" ? phase.until - rig.now : -1);
  };
  for (let time = 0; time < 11; time++) fail(59_000);
  fail(60_000);
  // The rig's chance is always one half.
  expect(rests).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000, 500,
  ]);
});

test.each(["carrier.unauthorized", "carrier.certificate_refused"] as const)(
  "%s: a slow lane from five to sixty minutes, and an alarm",
  (code) => {
    const rig = new CoreRig();
    const rests: number[] = [];
    for (let time = 0; time < 6; time++) {
      rig.welcome();
      rig.feed({ type: "carrier.down", problem: { code, message: "refused" } });
      const { phase } = rig.state;
      if (phase.name === "resting") rests.push((phase.until - rig.now) / 60_000);
    }
    expect(rests).toEqual([5.25, 10.5, 21, 42, 63, 63]);
    expect(rig.state.problem).toMatchObject({ code });
  },
);

test.each([
  ["asks to wait", { type: "ctl", order: "throttle", retry_after_ms: 90_000 }, "cloud.asked_to_wait", 90_500],
  ["asks for hello", { type: "ctl", order: "hello", reason: "moved" }, "cloud.asked_for_hello", 500],
] as const)("a cloud that %s is obeyed", (_name, message, code, restMs) => {
  const rig = caughtUpAtTen();
  rig.hear(message);
  expect(rig.state).toMatchObject({ problem: { code }, phase: { name: "resting", until: restMs } });
});

test("a busy cloud says how long; a batch too big is halved", () => {
  const rig = new CoreRig();
  rig.append(500);
  rig.welcome();
  rig.feed({ type: "carrier.down", problem: { code: "carrier.busy", message: "503", retryAfterMs: 30_000 } });
  expect(rig.state.phase).toEqual({ name: "resting", until: 30_500 });
  rig.welcome();
  rig.feed({ type: "carrier.down", problem: { code: "carrier.batch_too_big", message: "413" } });
  const [batch] = rig.welcome().send;
  expect(batch?.type === "ev" && batch.events.length).toBe(100);
});

test("a web page in place of the cloud ends the session with a plain reason", () => {
  const rig = caughtUpAtTen();
  rig.feed({ type: "received", bytes: new TextEncoder().encode("<html>Sign in") });
  expect(rig.state).toMatchObject({ phase: { name: "resting" }, problem: { code: "cloud.unreadable" } });
});

test("one malformed message is passed over, three in a row end the session, an unknown one never does", () => {
  const rig = caughtUpAtTen();
  const bad = { type: "ack" } as unknown as CloudMessage;
  const newer = { type: "firework" } as unknown as CloudMessage;
  rig.hear(newer, newer, newer, newer, bad, bad, page(10, 11), bad);
  expect(rig.cursor?.rev).toBe(11);
  expect(rig.state.phase.name).toBe("welcomed");
  rig.hear(bad, bad);
  expect(rig.state.problem?.code).toBe("cloud.unreadable");
});

test("the log hears of a fault once, and of a problem again only after a session held", () => {
  const rig = new CoreRig();
  const down = () => {
    const { code } = { code: "carrier.unreachable" } as const;
    return rig.feed({ type: "carrier.down", problem: { code, message: "cut" } }).notices;
  };
  rig.welcome();
  expect(down()).toMatchObject([{ level: "warn", data: { problem: "carrier.unreachable" } }]);
  rig.welcome();
  expect(down()).toMatchObject([{ level: "debug", data: { problem: "carrier.unreachable" } }]);
  rig.welcome();
  rig.now += 60_000;
  expect(down()).toMatchObject([{ level: "warn" }]);

  const half = { v: "1.0", session: null, messages: [{ type: "ack" }, { type: "firework" }] };
  const bytes = new TextEncoder().encode(JSON.stringify(half));
  rig.welcome();
  const [first, second] = [0, 1].map(() => rig.feed({ type: "received", bytes }).notices);
  expect(first).toMatchObject([
    { level: "warn", data: { fault: "message.malformed" } },
    { level: "info", data: { fault: "message.unknown" } },
  ]);
  expect(second).toMatchObject([{ level: "debug" }, { level: "debug" }]);
});

test("three sessions in a row that the cloud ends at once are told as a second gateway's doing", () => {
  const rig = new CoreRig();
  const lost = { code: "carrier.session_lost", message: "409" } as const;
  const codes = [1, 2, 3].map(() => {
    rig.welcome();
    rig.feed({ type: "carrier.down", problem: lost });
    return rig.state.problem?.code;
  });
  expect(codes).toEqual(["carrier.session_lost", "carrier.session_lost", "carrier.taken_over"]);
  expect(rig.state.problem?.message).toContain("is a copy of it running somewhere?");
  rig.welcome();
  rig.now += 60_000;
  rig.hear({ type: "ctl", order: "hello", reason: "the cloud was started anew" });
  expect(rig.state.problem?.code).toBe("cloud.asked_for_hello");
});

test("a carrier that knows when to try again is believed, also about refused credentials", () => {
  const rig = new CoreRig();
  rig.welcome();
  const problem = { code: "carrier.unauthorized", message: "401", nextTryMs: 300 } as const;
  rig.feed({ type: "carrier.down", problem });
  expect(rig.state.phase).toEqual({ name: "resting", until: rig.now + 300 });
});

test("a carrier that comes up anew within a session begins another one, and nothing is lost", () => {
  const rig = new CoreRig();
  rig.append(1);
  expect(rig.welcome().send).toMatchObject([{ type: "ev" }]);
  const turn = rig.feed({ type: "carrier.up" });
  expect(turn.send).toMatchObject([{ type: "hello", seq_acked: 0 }]);
  expect(rig.state).toMatchObject({ phase: { name: "greeting" }, problem: null });
});

test("stop closes, and nothing wakes it", () => {
  const rig = caughtUpAtTen();
  expect(rig.feed({ type: "stop" }).carrier).toEqual([{ type: "close", why: null }]);
  expect(nextTickAt(rig.state)).toBeNull();
  expect(rig.tick(1_000_000).carrier).toEqual([]);
});

const message: fc.Arbitrary<CloudMessage> = fc.oneof(
  fc
    .tuple(fc.nat(30), fc.nat(8), fc.nat(5))
    .map(([from, length, more]) => page(from, from + length, from + length + more)),
  fc.nat(60).map((head) => ({ type: "head" as const, epoch: EPOCH, head, floor: 0 })),
  fc.nat(40).map((ingested) => ({ type: "ack" as const, jid: "jid", ingested, refused: [] })),
  fc
    .tuple(fc.nat(5), fc.nat(40), fc.nat(20_000), fc.boolean())
    .map(([id, needs, life, ours]) =>
      scan(`c${id}`, { needs_rev: needs, life_ms: life, session: ours ? SESSION : "other" }),
    ),
);
const input: fc.Arbitrary<(rig: CoreRig) => Turn> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(message, { maxLength: 3 }).map((messages) => (rig: CoreRig) => rig.hear(...messages)),
  },
  { weight: 2, arbitrary: fc.nat(15_000).map((ms) => (rig: CoreRig) => rig.tick(ms)) },
  {
    weight: 2,
    arbitrary: fc.nat(9).map((count) => (rig: CoreRig) => {
      rig.append(count);
      return rig.feed({ type: "journal.grew" });
    }),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array().map((bytes) => (rig: CoreRig) => rig.feed({ type: "received", bytes })),
  },
  {
    weight: 1,
    arbitrary: fc.constant((rig: CoreRig) => {
      rig.feed({ type: "carrier.down", problem: { code: "carrier.unreachable", message: "" } });
      return rig.welcome({ head: 30, wantFrom: rig.acked + 1 });
    }),
  },
);

test("whatever comes, in any order and repetition: cursor and acknowledgement only rise, events go up without holes, no command runs twice", () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
      const rig = new CoreRig();
      rig.welcome({ head: 30 });
      const revs = new Set<number>();
      for (const act of inputs) {
        const before = { rev: rig.cursor?.rev ?? 0, acked: rig.acked, stored: rig.stored.length };
        const turn = act(rig);
        expect(rig.cursor?.rev ?? 0).toBeGreaterThanOrEqual(before.rev);
        expect(rig.acked).toBeGreaterThanOrEqual(before.acked);
        expect(rig.acked).toBeLessThanOrEqual(rig.journal.length);
        const { phase } = rig.state;
        if (phase.name === "welcomed") expect(rig.cursor?.rev ?? 0).toBeLessThanOrEqual(phase.head);
        for (const rev of rig.stored.slice(before.stored)) {
          expect(revs.has(rev)).toBe(false);
          revs.add(rev);
        }
        let expected: number | null = null;
        for (const batch of turn.send) {
          if (batch.type !== "ev") continue;
          for (const { seq } of batch.events) {
            expect(seq).toBe(expected ?? seq);
            expected = Number(seq) + 1;
          }
        }
      }
      expect(new Set(rig.ran).size).toBe(rig.ran.length);
      expect(rig.stored).toEqual(Array.from({ length: rig.cursor?.rev ?? 0 }, (_, index) => index + 1));
    }),
  );
});
