import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { DemoApp } from "#src/sandbox/demo-app";
import { DaemonProcess } from "./daemon-process.js";
import { parseTrace, readTrace, type Syscall, tracing } from "./syscalls.js";
import { untilFound } from "./waiting.js";
import { World } from "./world.js";
import { answerFault, isCardWrite, orderFault } from "./write-order.js";

const LIMIT_MS = 120_000;
const CALLS = ["fdatasync", "fsync", "pwrite64", "write", "writev"];
/** A page of the database, so that the intent is seen in it. */
const BYTES_MAX = 4_096;

test(
  "the intent is on the disk before the first byte of the card write leaves",
  { timeout: LIMIT_MS },
  async () => {
    for (const kind of ["classic", "ntag"] as const) {
      const calls = await traceOfOneEncode(kind);
      expect(orderFault(calls)).toBeNull();
      // The whole card was written in this trace, and the outcome came after it.
      const writes = calls.filter(isCardWrite);
      expect(writes.length).toBeGreaterThanOrEqual(kind === "classic" ? 4 : 12);
      const outcome = calls.findIndex(
        ({ name, data }) => name === "pwrite64" && data.includes('"k":"issued"'),
      );
      expect(calls[outcome]?.begin).toBeGreaterThan(writes.at(-1)?.end ?? Infinity);
    }
  },
);

test(
  "changes that were asked for together are on the disk before any of them is answered",
  { timeout: LIMIT_MS },
  async () => {
    const ids: string[] = [];
    const calls = await traceOf(async (world, endpoint) => {
      const desk = new DemoApp(endpoint, world.deskKey);
      const create = async (n: number): Promise<void> => {
        const wish = { acs_system_id: world.ids.system, full_name: `Guest ${n}` };
        const { acs_user } = await desk.call("/acs/users/create", wish);
        ids.push((acs_user as { readonly acs_user_id: string }).acs_user_id);
      };
      for (let round = 0; round < 3; round += 1)
        await Promise.all(Array.from({ length: 8 }, (_, n) => create(n)));
    });
    expect(ids).toHaveLength(24);
    for (const id of ids) expect(answerFault(calls, id)).toBeNull();
  },
);

function traceOfOneEncode(kind: "classic" | "ntag"): Promise<readonly Syscall[]> {
  return traceOf((world, endpoint) => encodeOneCard(world, endpoint, kind));
}

async function traceOf(act: (world: World, endpoint: string) => Promise<void>): Promise<readonly Syscall[]> {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-trace-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const world = await World.create();
  onTestFinished(() => world.close());
  const file = join(folder, "trace");
  const daemon = new DaemonProcess(world.configPath, tracing({ file, calls: CALLS, bytesMax: BYTES_MAX }));
  onTestFinished(() => daemon.cut());
  await daemon.start();
  const { endpoint } = await daemon.reaches("gateway.ready");
  await daemon.reaches("device.ready");
  await act(world, String(endpoint));
  await daemon.stop();
  return untilFound(LIMIT_MS, "strace has written all", () => readTrace(file, daemon.pid));
}

async function encodeOneCard(world: World, endpoint: string, kind: "classic" | "ntag"): Promise<void> {
  const desk = new DemoApp(endpoint, world.deskKey);
  const { acs_credential } = await desk.call("/acs/credentials/create", {
    acs_system_id: world.ids.system,
    access_method: "card",
    allowed_acs_entrance_ids: [world.ids.entrances[0]],
  });
  const card = world.cards.find(({ sak }) => (sak === 0) === (kind === "ntag"));
  if (card === undefined) throw new Error(`there is no ${kind} card`);
  world.lay(card);
  const { acs_credential_id } = acs_credential as { readonly acs_credential_id: string };
  const { action_attempt } = await desk.call("/acs/encoders/encode_credential", {
    acs_encoder_id: world.ids.encoder,
    acs_credential_id,
  });
  const { action_attempt_id } = action_attempt as { readonly action_attempt_id: string };
  const status = await untilFound(LIMIT_MS, "the card is encoded", async () => {
    const answer = await desk.call("/action_attempts/get", { action_attempt_id });
    const attempt = answer["action_attempt"] as { readonly status: string };
    return attempt.status === "pending" ? null : attempt.status;
  });
  expect(status).toBe("success");
}

describe("a trace proves nothing", () => {
  const hex = (bytes: Uint8Array): string =>
    [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  const text = (words: string): string => hex(Buffer.from(words));
  const wal = text("/var/lib/lockbridge/lockbridge.db-wal");
  const line = text("/dev/pts/3");
  const frameHeader = (sizeAfterCommit: number): string => {
    const header = Buffer.alloc(24);
    header.writeUInt32BE(sizeAfterCommit, 4);
    return `1 pwrite64(20<${wal}>, "${hex(header)}", 24, 32) = 24`;
  };
  const HEADER = frameHeader(0);
  const COMMIT = frameHeader(40);
  const INTENT = `1 pwrite64(20<${wal}>, "${text('…"k":"intent"…')}"..., 4096, 56) = 4096`;
  const PAGE = `1 pwrite64(20<${wal}>, "${text("another page")}"..., 4096, 4176) = 4096`;
  const SYNC = `1 fsync(20<${wal}>) = 0`;
  const frame = Uint8Array.of(0x00, 0x00, 0xff, 0x05, 0xfb, 0xd4, 0x40, 0x01, 0xa2, 0x04, 0x45, 0x00);
  const CARD = `7 write(25<${line}>, "${hex(frame)}", 12) = 12`;
  const fault = (...lines: readonly string[]) =>
    orderFault(parseTrace(`${lines.join("\n")}\n1 +++ exited with 0 +++\n`));

  test("unless intent, commit, sync and card write come in this order", () => {
    expect(fault(HEADER, INTENT, COMMIT, PAGE, SYNC, CARD)).toBeNull();
    expect(fault(COMMIT, INTENT, SYNC, CARD)).toBeNull();
  });

  test("when the card write comes before the intent, or before the sync", () => {
    expect(fault(CARD, HEADER, INTENT, COMMIT, PAGE, SYNC)).toMatch(/before the sync/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, CARD, SYNC)).toMatch(/before the sync/);
  });

  test("when the sync has begun and not returned", () => {
    const begun = `1 fsync(20<${wal}> <unfinished ...>`;
    const ended = "1 <... fsync resumed>) = 0";
    expect(fault(HEADER, INTENT, COMMIT, PAGE, begun, CARD, ended)).toMatch(/before the sync/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, begun, ended, CARD)).toBeNull();
    expect(fault(HEADER, INTENT, COMMIT, PAGE, begun, CARD)).toMatch(/not synced/);
  });

  test("when what was synced is not the finished transaction of the intent", () => {
    expect(fault(HEADER, INTENT, SYNC, CARD, COMMIT, PAGE)).toMatch(/not synced/);
    expect(fault(COMMIT, PAGE, SYNC, HEADER, INTENT, CARD, COMMIT, PAGE)).toMatch(/not synced/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, SYNC.replace(wal, text("/tmp/other.db")), CARD)).toMatch(
      /not synced/,
    );
    expect(
      fault(HEADER, INTENT, COMMIT, PAGE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), CARD),
    ).toMatch(/not synced/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, CARD)).toMatch(/not synced/);
  });

  test("when there is no intent, no end of its transaction, or no card write", () => {
    expect(fault(HEADER, PAGE, COMMIT, PAGE, SYNC, CARD)).toMatch(/no intent/);
    expect(fault(HEADER, INTENT, SYNC, CARD)).toMatch(/not finished/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, SYNC)).toMatch(/no card/);
    expect(fault(HEADER, INTENT, COMMIT, PAGE, SYNC, CARD.replace("\\xa2", "\\x30"))).toMatch(/no card/);
  });
});
