import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ZWaveController } from "zwave-js";
import type { InclusionStep, InclusionTalk } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { calm, eventually, ZWaveSite } from "#test/support/zwave-site";
import { qrCodeOf } from "./simulator-label.js";

/** Bringing locks in and out, with a person at the lock. */
let site: ZWaveSite;
beforeAll(async () => {
  site = await ZWaveSite.open([]);
}, 60_000);
afterAll(() => site.close());

const failure = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

class Person implements InclusionTalk {
  readonly steps: InclusionStep[] = [];
  readonly asked: string[] = [];
  readonly #pin: () => Promise<string | null>;

  constructor(pin: () => Promise<string | null>) {
    this.#pin = pin;
  }

  async askPin(dsk: string) {
    this.asked.push(dsk);
    const pin = await this.#pin();
    return pin === null ? null : new Secret(pin);
  }

  step(step: InclusionStep) {
    this.steps.push(step);
  }
}

function inclusion() {
  const { inclusion: it } = site.device;
  if (it === undefined) throw new Error("the stick includes nothing");
  return it;
}

test("a lock joins with the PIN from its label, is read, and can be used; then it leaves", async () => {
  const offered = site.simulator.offer({ nodeId: 2, kind: "v2", slots: 3, isSecure: true });
  const person = new Person(async () => (await offered).pin);
  const unit = await inclusion().include({}, person, calm());
  expect(unit).toEqual({
    unit: "node-2",
    model: expect.any(String) as string,
    security: "S2 Access Control",
  });
  expect(person.steps).toEqual(["waiting_for_lock", "securing", "interviewing"]);
  expect(person.asked).toEqual([expect.stringMatching(/^-----(-\d{5}){7}$/)]);
  await site.keypad(2).writeSlot(1, new Secret("4711"), calm());
  expect(site.lock(2).code(1)).toBe("4711");
  site.simulator.leaving = 2;
  expect(await inclusion().exclude(calm())).toBe("node-2");
  expect(site.device.units).toEqual([]);
}, 60_000);

test.each([
  ["a wrong PIN", "00000", "the PIN was wrong"],
  ["no PIN", null, "no PIN was given"],
])(
  "with %s it joined without the security that locks need: refused, with what to do",
  async (_, pin, why) => {
    void site.simulator.offer({ nodeId: 3, kind: "v2", slots: 3, isSecure: true });
    const error = await failure(inclusion().include({}, new Person(() => Promise.resolve(pin)), calm()));
    expect(error).toMatchObject({
      code: "device.refused",
      effect: "unknown",
      message: expect.stringContaining("lockbridge locks exclude") as string,
    });
    expect(String(error)).toContain(why);
    expect(site.device.units).toEqual([]);
    site.simulator.leaving = 3;
    expect(await inclusion().exclude(calm())).toBe("node-3");
  },
  60_000,
);

test("given up while nobody pressed anything: the stick stops listening, and the next inclusion begins", async () => {
  for (const begin of ["include", "exclude", "include"] as const) {
    const gaveUp = new AbortController();
    const person = new Person(() => Promise.resolve(null));
    const waiting = failure(
      begin === "include" ? inclusion().include({}, person, gaveUp) : inclusion().exclude(gaveUp),
    );
    setTimeout(() => gaveUp.abort(), 300);
    expect(await waiting).toMatchObject({ code: "call.cancelled" });
  }
}, 60_000);

const DSK = Buffer.from("2b672b682b692b6a2b6b2b6c2b6d2b6e", "hex");
const nobody = () => new Person(() => Promise.resolve(null));

test("a lock with a SmartStart label joins by itself once it has power, and becomes a unit", async () => {
  const settings = { nodeId: 4, kind: "v2", slots: 3, isSecure: true } as const;
  const lock = await site.simulator.labelled(settings);
  const other = await site.simulator.labelled({ ...settings, nodeId: 5 });
  const person = nobody();
  const including = inclusion().include({ qrCode: new Secret(lock.qrCode) }, person, calm());
  await eventually(() => expect(person.steps).toEqual(["waiting_for_lock"]));
  // Somebody else's, of whom nobody has entered a code.
  await other.askToJoin();
  await lock.askToJoin();
  expect(await including).toMatchObject({ unit: "node-4", security: "S2 Access Control" });
  expect(person.steps).toEqual(["waiting_for_lock", "securing", "interviewing"]);
  expect(person.asked).toEqual([]);
  expect(site.device.units.map(({ key }) => key)).toEqual(["node-4"]);
  await site.keypad(4).writeSlot(1, new Secret("4711"), calm());
  expect(site.lock(4).code(1)).toBe("4711");
  // Its entry is gone: it could not come back unseen.
  expect(entries()).toEqual([]);
  site.simulator.leaving = 4;
  expect(await inclusion().exclude(calm())).toBe("node-4");
}, 60_000);

test("a lock with a QR code is waited for, and when nobody comes it may not join later", async () => {
  for (let round = 0; round < 2; round++) {
    const gaveUp = new AbortController();
    const person = nobody();
    const waiting = failure(inclusion().include({ qrCode: new Secret(qrCodeOf(DSK, {})) }, person, gaveUp));
    await eventually(() => expect(person.steps).toEqual(["waiting_for_lock"]));
    expect(entries()).toMatchObject([{ securityClasses: [2], protocol: 0 }]);
    gaveUp.abort();
    expect(await waiting).toMatchObject({ code: "call.cancelled", effect: "none" });
    expect(entries()).toEqual([]);
  }
});

test.each([
  ["what is no QR code of a lock", "9001-canary", "no SmartStart QR code"],
  ["a label from before SmartStart", qrCodeOf(DSK, { isOld: true }), "five digits"],
  ["a lock with Long Range only", qrCodeOf(DSK, { radios: 2 }), "Long Range"],
  ["a label without S2 Access Control", qrCodeOf(DSK, { keys: 128 + 2 }), "no S2 Access Control"],
])("%s is refused at once, and not repeated in the error", async (_, text, words) => {
  const error = await failure(inclusion().include({ qrCode: new Secret(text) }, nobody(), calm()));
  expect(error).toMatchObject({ code: "device.refused", effect: "none" });
  expect(String(error)).toContain(words);
  expect(JSON.stringify(error) + String(error)).not.toMatch(/canary|11111|9000/);
  expect(entries()).toEqual([]);
});

test("a lock that has both radios joins over Z-Wave", async () => {
  const gaveUp = new AbortController();
  const person = nobody();
  const qrCode = new Secret(qrCodeOf(DSK, { radios: 3 }));
  const waiting = failure(inclusion().include({ qrCode }, person, gaveUp));
  await eventually(() => expect(person.steps).toEqual(["waiting_for_lock"]));
  expect(entries()).toMatchObject([{ protocol: 0 }]);
  gaveUp.abort();
  await waiting;
});

test("an older lock joins with S0, without a PIN, and can be used", async () => {
  void site.simulator.offer({ nodeId: 6, kind: "v1", slots: 2, isOldSecure: true });
  const person = nobody();
  expect(await inclusion().include({}, person, calm())).toMatchObject({ unit: "node-6", security: "S0" });
  expect(person.asked).toEqual([]);
  await site.keypad(6).writeSlot(1, new Secret("4711"), calm());
  expect(site.lock(6).code(1)).toBe("4711");
  site.simulator.leaving = 6;
  expect(await inclusion().exclude(calm())).toBe("node-6");
}, 60_000);

test("a lock that joins and does not say how many codes it holds: refused, with what to do", async () => {
  const offered = site.simulator.offer({ nodeId: 8, kind: "v2", slots: 2, isSecure: true });
  const person = new Person(async () => {
    site.lock(8).habits.hidesNumber = true;
    return (await offered).pin;
  });
  const error = await failure(inclusion().include({}, person, calm()));
  expect(error).toMatchObject({ code: "device.refused", effect: "unknown" });
  expect(String(error)).toContain("wake it");
  expect(site.device.units).toEqual([]);
  site.simulator.leaving = 8;
  expect(await inclusion().exclude(calm())).toBe("node-8");
}, 60_000);

test("a lock that knows S2 and took only S0 is refused", async () => {
  void site.simulator.offer({ nodeId: 9, kind: "v2", slots: 2, isSecure: true, isDowngraded: true });
  const error = await failure(inclusion().include({}, nobody(), calm()));
  expect(error).toMatchObject({ code: "device.refused", effect: "unknown" });
  expect(String(error)).toContain("it knows S2 and took S0");
  site.simulator.leaving = 9;
  expect(await inclusion().exclude(calm())).toBe("node-9");
}, 60_000);

test("a lock without any encryption is refused", async () => {
  void site.simulator.offer({ nodeId: 7, kind: "v1", slots: 2 });
  const error = await failure(inclusion().include({}, nobody(), calm()));
  expect(error).toMatchObject({ code: "device.refused", effect: "unknown" });
  expect(String(error)).toContain("lockbridge locks exclude");
  site.simulator.leaving = 7;
  expect(await inclusion().exclude(calm())).toBe("node-7");
}, 60_000);

const provision = vi.spyOn(ZWaveController.prototype, "provisionSmartStartNode");

/** Labelled locks that the stick would take in now. */
function entries() {
  const controller = provision.mock.contexts.at(-1) as ZWaveController | undefined;
  return controller?.getProvisioningEntries() ?? [];
}
