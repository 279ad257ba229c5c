import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import {
  type inclusion,
  locksExclude,
  locksInclude,
  locksInclusionCancel,
  locksInclusionGet,
  locksInclusionPin,
} from "#src/api/schemas/inclusion";
import { type FakeDaemon, Refusal, startFakeDaemon } from "#test/support/fake-daemon";
import { typed } from "#test/support/typed";

type State = z.infer<typeof inclusion>;

const BEGUN: State = {
  inclusion_id: "0190a000-0000-7000-8000-000000000001",
  device: "stick",
  act: "include",
  version: 1,
  step: "waiting_for_lock",
  say: "Do at the lock what its manual says.",
  dsk: null,
  included: null,
  excluded_unit: null,
  error: null,
};
/** Every good answer has it. */
const OK = { ok: true } as const;
const ASKED: State = {
  ...BEGUN,
  version: 2,
  step: "needs_pin",
  say: "The lock wants digits.",
  dsk: "-----11111",
};
const DONE: State = {
  ...BEGUN,
  version: 4,
  step: "done",
  say: "The lock is included.",
  included: { unit: "stick/node-5", model: "Acme Lock", security: "S2 Access Control" },
};
const FAILED: State = {
  ...BEGUN,
  version: 4,
  step: "failed",
  say: "",
  error: { type: "device.refused", message: "the lock joined without security; exclude it" },
};

let daemon: FakeDaemon;
beforeEach(async () => (daemon = await startFakeDaemon()));
afterEach(() => daemon.close());

/** A lock that asks for its PIN, and is in once it got one. */
function lockThatAsks(): { pins: (string | null)[] } {
  const told = { pins: [] as (string | null)[] };
  let now = BEGUN;
  daemon.on(locksInclude, () => ({ inclusion: now, ...OK }));
  daemon.on(locksInclusionGet, () => ({ inclusion: (now = now === BEGUN ? ASKED : now), ...OK }));
  daemon.on(locksInclusionPin, ({ pin }) => {
    told.pins.push(pin?.reveal() ?? null);
    now = pin === null ? FAILED : DONE;
    return { inclusion: now, ...OK };
  });
  return told;
}

const include = (words: readonly string[], edge: Parameters<typeof typed>[1] = {}) =>
  typed(["locks", "include", ...words], { socketPath: daemon.socketPath, ...edge });

test("the PIN is asked for at the terminal, until it is one, and the lines for the configuration are told", async () => {
  const told = lockThatAsks();
  const answers = ["123", " 54321 "];
  const { code, out, error } = await include([], { ask: () => Promise.resolve(answers.shift() ?? null) });
  expect({ code, pins: told.pins }).toEqual({ code: 0, pins: ["54321"] });
  expect(out).toContain("Do at the lock what its manual says.");
  expect(out).toContain("Acme Lock is included with S2 Access Control, as stick/node-5.");
  expect(out).toContain("keypad: stick/node-5");
  expect(error).toContain("-----11111");
  expect(error).toContain("Those are not five digits.");
  expect(out + error).not.toContain("54321");
});

test("the PIN comes from a file, the QR code too, and neither stands in what is said", async () => {
  const told = lockThatAsks();
  const files: Record<string, string> = { "/pin": "54321\n", "/qr": "900132782003515\n" };
  const { code, out, error } = await include(
    ["--device", "stick", "--pin-file", "/pin", "--smart-start", "/qr"],
    { readSecretText: (path) => files[path] ?? "" },
  );
  expect({ code, pins: told.pins }).toEqual({ code: 0, pins: ["54321"] });
  const [begun] = daemon.calls.map(
    ({ input }) => input as { device?: string; qr_code?: { reveal(): string } },
  );
  expect([begun?.device, begun?.qr_code?.reveal()]).toEqual(["stick", "900132782003515"]);
  expect(out + error).not.toMatch(/54321|900132782003515/);
});

test.each([
  ["nobody is at the terminal", null, "Nobody is there to be asked: give the digits with --pin-file."],
  ["the person has none", "", "-----11111"],
])("when %s the lock is not taken, and it is said why", async (_what, answer, said) => {
  const told = lockThatAsks();
  const { code, error } = await include([], { ask: () => Promise.resolve(answer) });
  expect({ code, pins: told.pins }).toEqual({ code: 1, pins: [null] });
  expect(error).toContain(said);
  expect(error).toContain("The lock joined without security; exclude it.");
});

test("a file without five digits is refused before the stick listens", async () => {
  const { code, error } = await include(["--pin-file", "/pin"], { readSecretText: () => "123456" });
  expect({ code, calls: daemon.calls.length }).toEqual({ code: 4, calls: 0 });
  expect(error).toBe("The PIN of a lock's label has five digits.\n");
});

test("Ctrl-C cancels it", async () => {
  let now = BEGUN;
  let interrupt = (): void => undefined;
  daemon.on(locksInclude, () => ({ inclusion: now, ...OK }));
  daemon.on(locksInclusionGet, () => {
    interrupt();
    return { inclusion: now, ...OK };
  });
  daemon.on(locksInclusionCancel, () => {
    now = { ...FAILED, error: { type: "call.cancelled", message: "it was cancelled" } };
    return { inclusion: now, ...OK };
  });
  const onInterrupt = (listener: () => void) => {
    let isFirst = true;
    interrupt = () => {
      if (isFirst) listener();
      isFirst = false;
    };
    return () => undefined;
  };
  const { code, error } = await include([], { onInterrupt });
  expect(code).toBe(130);
  expect(error).toBe("Cancelling … (Ctrl-C again to stop watching)\nIt was cancelled.\n");
});

test("a second Ctrl-C stops watching a daemon that does not answer", async () => {
  daemon.on(locksInclude, () => ({ inclusion: BEGUN, ...OK }));
  daemon.onSilence("/lockbridge/locks/inclusion/get");
  daemon.onSilence("/lockbridge/locks/inclusion/cancel");
  const onInterrupt = (listener: () => void) => {
    setTimeout(listener, 100);
    setTimeout(listener, 200);
    return () => undefined;
  };
  const { code, error } = await include([], { onInterrupt });
  expect(code).toBe(130);
  expect(error).toContain("Stopped watching: the lock may have joined.");
});

test("a lock is excluded, and its lines go from the configuration", async () => {
  const ended = { ...DONE, act: "exclude" as const, included: null, excluded_unit: "stick/node-5" };
  daemon.on(locksExclude, () => ({ inclusion: ended, ...OK }));
  const exclude = () => typed(["locks", "exclude"], { socketPath: daemon.socketPath });
  expect(await exclude()).toEqual({
    code: 0,
    out: "stick/node-5 is excluded. Take it out of the configuration too.\n",
    error: "",
  });
  daemon.on(locksExclude, () => ({ inclusion: { ...ended, excluded_unit: null }, ...OK }));
  expect((await exclude()).out).toBe("A lock that was of another network is excluded.\n");
});

test("a refusal is one sentence", async () => {
  daemon.on(locksInclude, () => {
    throw new Refusal(409, "device_cannot_include", "No radio stick is connected.");
  });
  expect(await include([])).toEqual({ code: 4, out: "", error: "No radio stick is connected.\n" });
});
