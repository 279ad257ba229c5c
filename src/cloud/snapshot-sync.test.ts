import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { nextTickAt } from "#src/cloud/sync-core";
import type { CloudMessage, Snapshot } from "#src/cloud/wire";
import { Secret } from "#src/lib/secret";
import { caughtUpAtTen, CoreRig, EPOCH, page, scan, sent } from "#test/support/core-rig";

const NEXT = { n: 2, id: "restored" };

/** Users of `revs`, a chunk for each list. */
function snapshotOf(lists: readonly (readonly number[])[], change: Partial<Snapshot> = {}) {
  const chunks = lists.map((revs) =>
    gzipSync(revs.map((rev) => JSON.stringify({ ...page(rev - 1, rev).items[0], secret: null })).join("\n")),
  );
  const manifest: Snapshot = {
    id: "snap",
    epoch: NEXT,
    rev: Math.max(0, ...lists.flat()),
    ingested: { jid: 0 },
    count: lists.flat().length,
    chunks: chunks.map((bytes) => ({
      sha256: createHash("sha256").update(bytes).digest("hex"),
      bytes: bytes.length,
    })),
    ...change,
  };
  const gone = (req: string): CloudMessage => {
    const { epoch } = manifest;
    return { type: "gone", req, epoch, floor: 0, reason: "epoch", snapshot: manifest };
  };
  const chunk = (n: number, bytes: Buffer | undefined = chunks[n]): CloudMessage => ({
    type: "chunk",
    snapshot: manifest.id,
    n,
    data: new Secret(bytes?.toString("base64") ?? ""),
  });
  return { manifest, gone, chunk };
}

const reqOf = ({ state: { phase } }: CoreRig): string => (phase.name === "welcomed" ? (phase.req ?? "") : "");

/** Ticks while a tick is due at once; answers how often. */
function work(rig: CoreRig): number {
  let ticks = 0;
  for (; nextTickAt(rig.state) === 0; ticks++) rig.tick(1);
  return ticks;
}

test("a history that is another one is taken in as a snapshot, chunk by chunk, swept, and followed from there", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const many = Array.from({ length: 120 }, (_, n) => n + 1);
  const { gone, chunk } = snapshotOf([many, [130]]);
  expect(rig.welcome({ head: 130, epoch: NEXT }).send).toMatchObject([
    { type: "pull", since: 10, epoch: EPOCH },
  ]);
  expect(rig.hear(gone(reqOf(rig))).send).toMatchObject([{ type: "fetch", snapshot: "snap", n: 0 }]);
  rig.hear(chunk(0));
  expect(rig.stored).toEqual([]);
  rig.tick(1);
  expect(rig.stored).toHaveLength(50);
  work(rig);
  expect(rig.snapshot).toMatchObject({ next: 1 });
  expect(rig.cursor).toEqual({ epoch: EPOCH, rev: 10 });
  rig.hear(chunk(1));
  work(rig);
  expect(rig.sweeps).toBe(3);
  expect(rig.stored).toEqual([...many, 130]);
  expect(rig.cursor).toEqual({ epoch: NEXT, rev: 130 });
  expect(rig.state.problem).toBeNull();
  expect(rig.state.phase).toMatchObject({ isCaughtUp: true });
});

test("meanwhile pages are passed over and commands wait; a pushed page after it is taken", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { gone, chunk } = snapshotOf([[20]]);
  rig.welcome({ head: 20, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  rig.hear(page(0, 30, 30, NEXT), scan("c1"), page(10, 11, 11));
  expect([rig.stored, rig.ran]).toEqual([[], []]);
  rig.hear(chunk(0));
  work(rig);
  rig.tick(0);
  expect(rig.ran).toEqual(["c1"]);
  rig.hear(page(20, 21, 21, NEXT));
  expect(rig.cursor).toEqual({ epoch: NEXT, rev: 21 });
});

test("a chunk is asked for again when it is lost, and once more is not stored when it comes twice", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { gone, chunk } = snapshotOf([[1, 2], [3]]);
  rig.welcome({ head: 3, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  expect(rig.tick(10_000).send).toMatchObject([{ type: "fetch", n: 0 }]);
  rig.hear(chunk(1), chunk(0), chunk(0));
  work(rig);
  rig.hear(chunk(0));
  work(rig);
  expect(rig.stored).toEqual([1, 2]);
});

test.each([
  ["other bytes than the manifest's", Buffer.from("other bytes"), /length/],
  ["the same length and another hash", "flipped", /hash/],
])("a damaged chunk (%s) is asked for again, and three in a row end the session", (_name, bytes, why) => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { gone, chunk, manifest } = snapshotOf([[1]]);
  const bad = chunk(0, typeof bytes === "string" ? Buffer.alloc(manifest.chunks[0]?.bytes ?? 0) : bytes);
  rig.welcome({ head: 1, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  expect(sent(rig.hear(bad))).toEqual(["fetch"]);
  expect(rig.state.problem).toBeNull();
  rig.hear(bad, bad);
  expect(rig.state).toMatchObject({ phase: { name: "resting" }, problem: { code: "feed.chunk_damaged" } });
  expect(rig.state.problem?.message).toMatch(why);
  expect(rig.stored).toEqual([]);
});

test("a chunk that is no gzip, or unpacks to more than agreed, is damaged too", () => {
  for (const bytes of [Buffer.from("no gzip"), gzipSync(Buffer.alloc(2 * 1024 * 1024, 0x20))]) {
    const rig = new CoreRig();
    rig.cursor = { epoch: EPOCH, rev: 10 };
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { gone, chunk } = snapshotOf([[1]], { chunks: [{ sha256, bytes: bytes.length }] });
    rig.welcome({ head: 1, epoch: NEXT });
    rig.hear(gone(reqOf(rig)));
    rig.hear(chunk(0, bytes), chunk(0, bytes), chunk(0, bytes));
    expect(rig.state.problem?.message).toMatch(/not gzip/);
  }
});

test("brackets without end in a line of a chunk block that line and nothing else", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const deep = `{"spec":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  const bytes = gzipSync([deep, JSON.stringify(page(0, 1).items[0])].join("\n"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { gone, chunk } = snapshotOf([[1]], { chunks: [{ sha256, bytes: bytes.length }] });
  rig.welcome({ head: 1, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  rig.hear(chunk(0, bytes));
  work(rig);
  expect([rig.stored, rig.cursor]).toEqual([[1], { epoch: NEXT, rev: 1 }]);
});

test("in the next session the snapshot goes on where it was, and another one begins anew", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { gone, chunk } = snapshotOf([[1], [2]]);
  rig.welcome({ head: 2, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  rig.hear(chunk(0));
  work(rig);
  const cut = { code: "carrier.unreachable", message: "cut" } as const;
  rig.feed({ type: "carrier.down", problem: cut });
  expect(rig.welcome({ head: 2, epoch: NEXT }).send).toMatchObject([
    { type: "fetch", snapshot: "snap", n: 1 },
  ]);
  const other = snapshotOf([[5]], { id: "other", rev: 5 });
  expect(rig.hear(other.gone(reqOf(rig))).send).toMatchObject([{ type: "fetch", snapshot: "other", n: 0 }]);
  rig.hear(chunk(1), other.chunk(0));
  work(rig);
  expect(rig.stored).toEqual([1, 5]);
  expect(rig.cursor).toEqual({ epoch: NEXT, rev: 5 });
});

test("a session that begins while the snapshot is being swept goes on sweeping", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { manifest } = snapshotOf([[1]]);
  rig.snapshot = { ...manifest, ingested: 0, next: 1 };
  expect(sent(rig.welcome({ head: 1, epoch: NEXT }))).toEqual([]);
  work(rig);
  expect(rig.cursor).toEqual({ epoch: NEXT, rev: 1 });
});

test("only the answer to the open question is taken; a snapshot that is no news is an alarm and changes nothing", () => {
  const rig = caughtUpAtTen();
  const older = snapshotOf([[4]], { epoch: EPOCH, rev: 9 });
  rig.hear(older.gone("of yesterday"));
  expect(rig.state.problem).toBeNull();
  rig.tick(60_000);
  rig.hear(older.gone(reqOf(rig)));
  expect(rig.state.problem?.code).toBe("feed.went_back");
  expect([rig.snapshot, rig.cursor]).toEqual([null, { epoch: EPOCH, rev: 10 }]);
});

test("an epoch with a number that was used by another history is not followed", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: { n: 2, id: "mine" }, rev: 10 };
  rig.welcome({ head: 50, epoch: NEXT });
  expect(rig.state.problem?.code).toBe("feed.went_back");
  rig.hear(page(10, 50, 50, NEXT), scan("c1"));
  expect([rig.stored, rig.ran]).toEqual([[], []]);
});

test("an item that nobody can use blocks itself; one that does not say whose it is makes the snapshot blind", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const good = page(0, 1).items[0];
  const unknown = { ...good, rev: 2, kind: "acs_moonbeam" };
  const late = { ...good, rev: 99 };
  const lines = [good, unknown, late, "junk"].map((item) => JSON.stringify(item));
  const bytes = gzipSync([...lines, "{"].join("\n"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { gone, chunk } = snapshotOf([[1]], { rev: 50, chunks: [{ sha256, bytes: bytes.length }] });
  rig.welcome({ head: 50, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  rig.hear(chunk(0, bytes));
  const turn = rig.tick(1);
  expect(turn.store).toMatchObject([
    {
      type: "storeSnapshotPart",
      part: {
        items: [{ rev: 1, epoch: 2 }],
        blocked: [
          { code: "item.kind_unknown", rev: 2, epoch: 2 },
          { code: "item.malformed", rev: 99 },
          { code: "item.malformed", rev: 50, id: "" },
          { code: "item.malformed", rev: 50, id: "" },
        ],
        isBlind: true,
        endsChunk: true,
      },
    },
  ]);
});

test("an empty snapshot has nothing but its end", () => {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  const { gone } = snapshotOf([], { rev: 0 });
  rig.welcome({ head: 0, epoch: NEXT });
  rig.hear(gone(reqOf(rig)));
  work(rig);
  expect(rig.cursor).toEqual({ epoch: NEXT, rev: 0 });
});
