import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import {
  accessCodesCreate,
  accessCodesDelete,
  accessCodesGet,
  accessCodesList,
  accessCodesUpdate,
  unmanagedList,
} from "#src/api/schemas/access-codes";
import { devicesList, locksLockDoor, locksUnlockDoor } from "#src/api/schemas/devices";
import { codesRetry } from "#src/api/schemas/desk";
import type { accessCode, actionAttempt, device } from "#src/api/schemas/objects";
import { simulateKeypadEntry } from "#src/api/schemas/simulate";
import { type FakeDaemon, Refusal, startFakeDaemon } from "#test/support/fake-daemon";
import { typed } from "#test/support/typed";
import { EXIT, refused } from "./exit-codes.js";

const LOCK = "0190a1b2-0000-7000-8000-000000000001";
const OTHER = "0190a1b2-0000-7000-8000-000000000002";
const CODE = "0190a1b2-0000-7000-8000-0000000000cc";
const PIN = "845201";
const NOW = "2026-11-22T14:00:00.000Z";

const lock: z.input<typeof device> = {
  device_id: LOCK,
  device_type: "reference_lock",
  display_name: "Back door",
  capabilities_supported: ["lock", "access_code"],
  properties: { online: true, locked: true, battery_level: 0.42 },
  is_managed: true,
  errors: [],
  warnings: [],
  created_at: NOW,
};
const code: z.input<typeof accessCode> = {
  access_code_id: CODE,
  device_id: LOCK,
  name: "Cleaner",
  code: PIN,
  type: "time_bound",
  status: "set",
  starts_at: NOW,
  ends_at: "2026-11-25T11:00:00.000Z",
  is_managed: true,
  errors: [],
  warnings: [],
  created_at: NOW,
};
const attempt: z.input<typeof actionAttempt> = {
  action_attempt_id: "0190a1b2-0000-7000-8000-0000000000aa",
  action_type: "UNLOCK_DOOR",
  status: "success",
  result: {},
  error: null,
};
const page = { has_next_page: false, next_page_cursor: null, next_page_url: null };
const ok = true as const;

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await startFakeDaemon();
  const annex = { ...lock, device_id: OTHER, display_name: "Annex", properties: { online: false } };
  daemon.on(devicesList, () => ({ devices: [lock, annex], pagination: page, ok }));
  daemon.on(accessCodesGet, () => ({ access_code: code, ok }));
});
afterEach(() => daemon.close());

const run = (words: readonly string[], secret: () => string = () => "") =>
  typed(words, { socketPath: daemon.socketPath, readSecretText: secret });

test("locks are listed with what a technician asks: reachable, locked, battery", async () => {
  const { code, out } = await run(["locks"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toMatch(/Back door\s+locked\s+42 %/);
  expect(out).toMatch(/Annex\s+offline/);
});

test("a door is unlocked by its name, and the lock's word is waited for", async () => {
  daemon.on(locksUnlockDoor, () => ({ action_attempt: attempt, ok }));
  const { code, out } = await run(["locks", "unlock", "back"]);
  expect([code, out]).toEqual([EXIT.ok, "Back door is unlocked.\n"]);
  expect(daemon.calls.at(-1)).toMatchObject({ input: { device_id: LOCK, sync: true } });
});

test("a lock that does not answer is a failure with its reason", async () => {
  const failed: typeof attempt = {
    ...attempt,
    status: "error",
    error: { type: "device_offline", message: "the lock cannot be reached" },
  };
  daemon.on(locksLockDoor, () => ({ action_attempt: failed, ok }));
  expect(await run(["locks", "lock", LOCK])).toMatchObject({
    code: EXIT.failed,
    error: "The lock cannot be reached.\n",
  });
});

test("a lock that nobody knows is refused, and the known ones are named", async () => {
  const { code, error } = await run(["locks", "unlock", "cellar"]);
  expect(code).toBe(EXIT.refused);
  expect(error).toContain('There is no lock "cellar". There are:\n  Back door');
});

test("codes are listed without their PINs, those set at the lock too", async () => {
  daemon.on(accessCodesList, () => ({ access_codes: [code], pagination: page, ok }));
  const foreign: typeof code = {
    ...code,
    access_code_id: OTHER,
    is_managed: false,
    name: null,
    type: "ongoing",
  };
  daemon.on(unmanagedList, () => ({
    access_codes: [foreign],
    pagination: page,
    ok,
  }));
  for (const words of [
    ["codes", "list", "--lock", "Back door"],
    ["--json", "codes", "list", "--lock", LOCK],
  ]) {
    const { code, out } = await run(words);
    expect(code).toBe(EXIT.ok);
    expect(out).not.toContain(PIN);
    expect(out).toContain("Cleaner");
  }
  const { out } = await run(["codes", "list", "--lock", LOCK]);
  expect(out).toContain("set at the lock");
});

test("a PIN comes from a file, and never from the command line", async () => {
  daemon.on(accessCodesCreate, () => ({ access_code: code, action_attempt: attempt, ok }));
  const words = ["codes", "create", "Back door", "--name", "Cleaner", "--until", "2026-11-25T11:00:00Z"];
  expect((await run([...words, "--code", "-"], () => `${PIN}\n`)).code).toBe(EXIT.ok);
  expect(daemon.calls.at(-1)).toMatchObject({ input: { device_id: LOCK, name: "Cleaner" } });
  // What a schema makes of a PIN cannot be read by accident.
  expect(JSON.stringify(daemon.calls)).not.toContain(PIN);

  await run(words);
  expect(daemon.calls.at(-1)?.input).not.toHaveProperty("code");
  const bad = await run([...words, "--code", "pin"], () => "12a4");
  expect(bad).toMatchObject({ code: EXIT.refused, error: "pin holds no PIN: digits only.\n" });
  const open = await run([...words, "--code", "pin"], () => {
    throw refused("pin is open to its group or to others: chmod 600 pin");
  });
  expect(open.error).toContain("chmod 600");
});

test("a code is changed and shown as it is then; nothing to change is a mistake", async () => {
  daemon.on(accessCodesUpdate, () => ({ action_attempt: attempt, ok }));
  const { code, out } = await run(["codes", "update", CODE, "--name", "Cleaner"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain(`Cleaner  PIN ${PIN}  set`);
  expect((await run(["codes", "update", CODE])).code).toBe(EXIT.refused);
});

test("deleting says how to see that it is gone; the daemon's refusal is told", async () => {
  daemon.on(accessCodesDelete, () => ({ action_attempt: attempt, ok }));
  expect((await run(["codes", "delete", CODE])).out).toContain("codes list");
  daemon.on(accessCodesDelete, () => {
    throw new Refusal(404, "access_code_not_found", "There is no access code of this id.");
  });
  expect(await run(["codes", "delete", CODE])).toMatchObject({
    code: EXIT.refused,
    error: "There is no access code of this id.\n",
  });
});

test("a PIN is typed at a simulated keypad", async () => {
  daemon.on(simulateKeypadEntry, () => ({ action_attempt: attempt, ok }));
  const type = () => run(["simulate", "keys", "Back door", "--code", "-"], () => PIN);
  expect((await type()).code).toBe(EXIT.ok);
  expect(daemon.calls.at(-1)).toMatchObject({ path: "/locks/simulate/keypad_code_entry" });
  daemon.on(simulateKeypadEntry, () => ({ action_attempt: { ...attempt, status: "pending" as const }, ok }));
  expect(await type()).toMatchObject({ code: EXIT.ok, error: "" });
  const error = { type: "device_not_found", message: "there is no such lock" };
  daemon.on(simulateKeypadEntry, () => ({
    action_attempt: { ...attempt, status: "error" as const, error },
    ok,
  }));
  expect(await type()).toMatchObject({ code: EXIT.failed, error: "There is no such lock.\n" });
});

test("what a lock was tried with too often is tried again", async () => {
  daemon.on(codesRetry, () => ({ retried_slots: 2, ok }));
  const { code, out } = await run(["codes", "retry", "Back door"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain("2 slots are tried again");
  expect(daemon.calls.at(-1)).toMatchObject({ input: { device_id: LOCK } });
});
