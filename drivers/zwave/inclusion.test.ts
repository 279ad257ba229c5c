import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ZWaveController } from "zwave-js";
import type { InclusionStep, InclusionTalk } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { calm, eventually, ZWaveSite } from "#test/support/zwave-site";

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

test("a lock with a QR code is waited for, and when nobody comes it may not join later", async () => {
  const provision = vi.spyOn(ZWaveController.prototype, "provisionSmartStartNode");
  const entries = () => (provision.mock.contexts.at(-1) as ZWaveController).getProvisioningEntries();
  for (let round = 0; round < 2; round++) {
    const gaveUp = new AbortController();
    const person = new Person(() => Promise.resolve(null));
    const waiting = failure(inclusion().include({ qrCode: new Secret(smartStartCode()) }, person, gaveUp));
    await eventually(() => expect(person.steps).toEqual(["waiting_for_lock"]));
    expect(entries()).toMatchObject([{ securityClasses: [2] }]);
    gaveUp.abort();
    expect(await waiting).toMatchObject({ code: "call.cancelled", effect: "none" });
    expect(entries()).toEqual([]);
  }
});

test("what is no QR code of a lock is refused, and not repeated in the error", async () => {
  const error = await failure(
    inclusion().include(
      { qrCode: new Secret("9001-canary") },
      new Person(() => Promise.resolve(null)),
      calm(),
    ),
  );
  expect(error).toMatchObject({ code: "device.refused", effect: "none" });
  expect(JSON.stringify(error) + String(error)).not.toContain("canary");
});

/** A SmartStart code as a label has it (SDS13937): checksum, keys that it asks for, its own key, what it is. */
function smartStartCode(): string {
  const key = Array.from({ length: 8 }, (_, group) => String(11_111 + group)).join("");
  const what = `00101638706656022000002000010000200003`;
  const rest = `004${key}${what}`;
  const checksum = createHash("sha1").update(rest).digest().readUInt16BE(0);
  return `9001${String(checksum).padStart(5, "0")}${rest}`;
}
