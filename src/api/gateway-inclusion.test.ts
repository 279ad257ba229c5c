import { expect, test } from "vitest";
import { type Device, DriverError, type Inclusion } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { VirtualClock } from "#test/support/virtual-clock";
import { gatewayInclusion } from "./gateway-inclusion.js";
import { type Caller, SeamError } from "./model.js";
import { inclusion as inclusionSchema } from "./schemas/inclusion.js";

const BY: Caller = { name: "desk", role: "technician", seesPins: true };
const LOCK = { unit: "node-5", model: "Acme Lock", security: "S2 Access Control" };

/** One stick whose inclusion is the test's, in virtual time. */
function rig(inclusion: Partial<Inclusion>, including: readonly string[] = ["stick"]) {
  const clock = new VirtualClock();
  const audited: string[] = [];
  const signals: AbortSignal[] = [];
  const whole: Inclusion = {
    include: () => Promise.resolve(LOCK),
    exclude: () => Promise.resolve("node-5"),
    ...inclusion,
  };
  const device: Device = {
    identity: { model: "m", firmware: "1" },
    units: [],
    inclusion: whole,
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const model = gatewayInclusion({
    devices: {
      including: () => including,
      useDevice: (_, signal, work) => {
        signals.push(signal);
        return work(device);
      },
    },
    configured: ["stick", "other", "desk"],
    clock,
    random: (size) => new Uint8Array(size),
    audit: (_, what) => audited.push(what),
  });
  const get = async (id: string, after = 0) =>
    inclusionSchema.parse(await clock.until(model.get(id, after), { msMax: 30_000 }));
  const ended = async (id: string) => {
    for (let now = await get(id); ; now = await get(id, now.version))
      if (now.step === "done" || now.step === "failed") return now;
  };
  const begin = () => inclusionSchema.parse(model.include({}, BY));
  return { clock, model, audited, signals, get, ended, begin };
}

/** Waits until it is told to stop, as a stick that no lock answers. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new DriverError("call.cancelled", "none", "cancelled"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
}

test("a lock is taken in: step by step, its PIN asked for and handed over, and it is in the audit", async () => {
  const pins: (string | null)[] = [];
  const { model, get, ended, begin, audited } = rig({
    async include(wish, talk) {
      expect(wish).toEqual({});
      talk.step("securing");
      pins.push((await talk.askPin("-----11111"))?.reveal() ?? null);
      talk.step("interviewing");
      return LOCK;
    },
  });
  const begun = begin();
  const asked = await get(begun.inclusion_id, begun.version);
  expect(asked).toMatchObject({ step: "needs_pin", dsk: "-----11111", act: "include", device: "stick" });
  model.givePin(begun.inclusion_id, new Secret("54321"));
  const done = await ended(begun.inclusion_id);
  expect(done).toMatchObject({ step: "done", included: { ...LOCK, unit: "stick/node-5" }, error: null });
  expect(pins).toEqual(["54321"]);
  expect(JSON.stringify(done)).not.toContain("54321");
  expect(audited).toEqual(["included the lock stick/node-5"]);
  expect(() => model.givePin(begun.inclusion_id, new Secret("54321"))).toThrow("No PIN is asked for now.");
});

test("the QR code goes to the driver, and nobody reads it in the answers", async () => {
  const seen: string[] = [];
  const { model, ended } = rig({
    include(wish) {
      seen.push(wish.qrCode?.reveal() ?? "");
      return Promise.resolve(LOCK);
    },
  });
  const begun = inclusionSchema.parse(model.include({ qrCode: new Secret("900132782003515") }, BY));
  expect(await ended(begun.inclusion_id)).toMatchObject({ step: "done" });
  expect(seen).toEqual(["900132782003515"]);
  expect(JSON.stringify(begun)).not.toContain("900132782003515");
});

test("a refused lock tells why, and what to do", async () => {
  const { ended, begin, audited } = rig({
    include: () =>
      Promise.reject(new DriverError("device.refused", "unknown", "it joined without security; exclude it")),
  });
  const { inclusion_id } = begin();
  expect(await ended(inclusion_id)).toMatchObject({
    step: "failed",
    error: { type: "device.refused", message: "it joined without security; exclude it" },
  });
  expect(audited).toEqual([]);
});

test("a stick that goes away leaves it open whether the lock has joined", async () => {
  const { ended, begin } = rig({
    include: () => Promise.reject(new DriverError("device.lost", "unknown", "the stick is gone")),
  });
  const { error } = await ended(begin().inclusion_id);
  expect(error?.message).toMatch(/^the stick is gone; it may have joined all the same: exclude it/);
});

test("cancelled, an open question is answered with nothing, and the stick is free for the next", async () => {
  const pins: unknown[] = [];
  const { model, get, ended, begin } = rig({
    async include(_, talk, { signal }) {
      pins.push(await talk.askPin("-----"));
      return untilStopped(signal);
    },
  });
  const { inclusion_id } = begin();
  expect(() => begin()).toThrow('Somebody is at it with "stick" already.');
  expect(await get(inclusion_id, 1)).toMatchObject({ step: "needs_pin", dsk: "-----" });
  model.cancel(inclusion_id);
  expect(await ended(inclusion_id)).toMatchObject({
    step: "failed",
    dsk: null,
    error: { type: "call.cancelled", message: "it was cancelled" },
  });
  expect(pins).toEqual([null]);
  expect(begin()).toMatchObject({ step: "needs_pin" });
});

test.each([
  ["no lock answers", 0, 3 * 60_000, "no lock answered within 3 minutes"],
  ["nobody watches", 1, 65_000, "nobody watched it any more"],
])("when %s the stick stops listening", async (_what, isAlone, ms, message) => {
  const { clock, get, begin, signals } = rig({ include: (_wish, _talk, { signal }) => untilStopped(signal) });
  const { inclusion_id } = begin();
  let left = ms;
  for (; isAlone === 0 && left > 0; left -= 20_000) await get(inclusion_id, 99);
  if (isAlone === 1) await clock.advance(ms);
  await clock.advance(5_000);
  expect(signals[0]?.aborted).toBe(true);
  expect(await get(inclusion_id)).toMatchObject({
    step: "failed",
    error: { type: "call.cancelled", message },
  });
  expect(clock.pending).toBe(0);
});

test("a lock is excluded, also one of another network", async () => {
  const { model, ended, audited } = rig({});
  const own = inclusionSchema.parse(model.exclude({ device: "stick" }, BY));
  expect(await ended(own.inclusion_id)).toMatchObject({ step: "done", excluded_unit: "stick/node-5" });
  const other = rig({ exclude: () => Promise.resolve(null) });
  const foreign = inclusionSchema.parse(other.model.exclude({}, BY));
  expect(await other.ended(foreign.inclusion_id)).toMatchObject({ step: "done", excluded_unit: null });
  expect([...audited, ...other.audited]).toEqual([
    "excluded the lock stick/node-5",
    "excluded a lock of another network at stick",
  ]);
});

test.each([
  [["stick"], "nowhere", 404, "device_not_found"],
  [["stick"], "desk", 409, "device_cannot_include"],
  [[], undefined, 409, "device_cannot_include"],
  [["stick", "other"], undefined, 400, "invalid_input"],
])("with the sticks %j, %s is refused with %i", (including, device, status, type) => {
  const { model } = rig({}, including);
  try {
    model.include({ device }, BY);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(SeamError);
    expect(error).toMatchObject({ status, type });
  }
});

test("an id that nobody knows is not found", async () => {
  const { model } = rig({});
  await expect(model.get("0190a000-0000-7000-8000-000000000009", 0)).rejects.toMatchObject({ status: 404 });
});
