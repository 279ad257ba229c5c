import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { credentialsList } from "#src/api/schemas/credentials";
import { deskCredentialGet, deskEncode, jobsCancel, statusGet } from "#src/api/schemas/desk";
import { startFakeDaemon } from "#test/support/fake-daemon";

/** What only a process can show: real signals, exit codes, a reader that goes away, no stack traces. */
const root = join(import.meta.dirname, "../..");
const CREDENTIAL = "0190a1b2-0000-7000-8000-000000000001";
const ATTEMPT = "0190a1b2-0000-7000-8000-0000000000aa";
const ok = true as const;

beforeAll(() => {
  // Never by setup.mjs: a changed lock file would make that install packages under the running tests.
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
}, 120_000);

function start(words: readonly string[], socket = "/nowhere/sock", env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["dist/src/main.js", ...words], {
    cwd: root,
    env: { ...process.env, LOCKBRIDGE_SOCKET: socket, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", error: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.error += chunk.toString()));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...said }));
  return { child, ended };
}

test("without a daemon: one sentence, exit code 3", async () => {
  const { code, out, error } = await start(["devices"]).ended;
  expect([code, out]).toEqual([3, ""]);
  expect(error).toMatch(/^Nothing answers as the daemon at \/nowhere\/sock: [^\n]*\n$/);
});

test("check-config reads a real file with the real drivers", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "lockbridge-cli-")), "bad.yaml");
  writeFileSync(path, "site: { id: x }\ndevices: { desk: { driver: referense, port: /dev/x } }\n");
  const bad = await start(["check-config", path]).ended;
  expect(bad.code).toBe(4);
  expect(bad.out).toContain(`${path}:2:28 there is no driver "referense"; did you mean "reference"?`);
  const good = await start(["check-config", "config/lockbridge.example.yaml"]).ended;
  expect(good).toMatchObject({ code: 0, error: "" });
});

test("a demo whose port is taken says so, ends, and leaves nothing behind", async () => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo; // It listens on TCP.
  const TMPDIR = mkdtempSync(join(tmpdir(), "lockbridge-cli-"));
  const ended = start(["demo", "--json", "--port", String(port)], undefined, { TMPDIR }).ended;
  const { code, out } = await ended;
  expect(JSON.parse(out)).toMatchObject({
    error: {
      type: "demo.not_started",
      message: `The demo could not start: port ${port} of 127.0.0.1 is taken by another program: end that one, or choose another port.`,
    },
  });
  expect([code, readdirSync(TMPDIR)]).toEqual([1, []]);
  holder.close();
});

test("SIGINT cancels the job through the daemon, then the process ends with 130", async () => {
  const daemon = await startFakeDaemon();
  const encoder = { acs_encoder_id: ATTEMPT, key: "front-desk", name: "Front desk", is_online: true };
  daemon.on(statusGet, () => ({ status: { encoders: [encoder] }, ok }));
  daemon.on(deskEncode, () => ({
    action_attempt: {
      action_attempt_id: ATTEMPT,
      action_type: "ENCODE_CREDENTIAL",
      status: "pending" as const,
      result: null,
      error: null,
    },
    ok,
  }));
  daemon.on(deskCredentialGet, () => ({ credential: { doubt: null }, ok }));
  const { child, ended } = start(["encode", CREDENTIAL], daemon.socketPath);
  daemon.onStream(async (stream) => {
    stream.progress({
      step: "waiting_for_card",
      say: "Put one card on the encoder.",
      facts: {},
      action_attempt: null,
    });
    await once(child.stdout, "data");
    const cancelled = new Promise<void>((resolve) =>
      daemon.on(jobsCancel, () => {
        resolve();
        return {
          outcome: { state: "error", message: "cancelled at the desk; the card was not changed" },
          ok,
        };
      }),
    );
    child.kill("SIGINT");
    await cancelled;
    stream.end();
  });
  const { code, error } = await ended;
  expect(code).toBe(130);
  expect(error).toContain("Cancelled at the desk; the card was not changed.\n");
  await daemon.close();
});

test("a reader that goes away is no failure", async () => {
  const daemon = await startFakeDaemon();
  const credential = {
    acs_credential_id: CREDENTIAL,
    acs_system_id: ATTEMPT,
    access_method: "card" as const,
    display_name: "101".repeat(500),
    is_managed: true as const,
    is_latest_desired_state_synced_with_provider: false,
    errors: [],
    warnings: [],
    created_at: "2026-11-22T14:00:00.000Z",
  };
  daemon.on(credentialsList, () => ({
    acs_credentials: Array.from({ length: 100 }, () => credential),
    pagination: { has_next_page: false, next_page_cursor: null, next_page_url: null },
    ok,
  }));
  const { child, ended } = start(["credentials", "--json"], daemon.socketPath);
  child.stdout.destroy();
  expect(await ended).toEqual({ code: 0, out: "", error: "" });
  await daemon.close();
});
