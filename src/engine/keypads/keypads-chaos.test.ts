import fc from "fast-check";
import { expect, test } from "vitest";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";

/**
 * Whatever happens to wishes, locks, lines and the process: once it is quiet, each lock holds what is wanted there and
 * what somebody else put there, nobody is told that a code is set which is not, and a restart writes nothing.
 */
const IDS = [1, 2, 3].map((n) => `11111111-0000-4000-8000-00000000000${n}`);
const CREDENTIAL = "22222222-0000-4000-8000-000000000001";
const ENDS_AT = "2026-12-24T12:00:00Z";
const PINS = ["1111", "2222", "3333", "4444"];
const UNITS = ["lock-1", "lock-2"];
const LOCK_OF: Readonly<Record<string, string>> = { "lock-1": LOCK.plain, "lock-2": LOCK.masked };

type Act =
  | { readonly do: "want"; readonly id: string; readonly pin: string; readonly isBound: boolean }
  | { readonly do: "drop"; readonly id: string }
  | { readonly do: "credential"; readonly isWanted: boolean }
  | { readonly do: "tamper"; readonly unit: string; readonly slot: number; readonly isTold: boolean }
  | { readonly do: "foreign"; readonly unit: string }
  | { readonly do: "silent" | "refuse" | "unplug" | "wait"; readonly ms: number }
  | { readonly do: "crash" };

const id = fc.constantFrom(...IDS);
const unit = fc.constantFrom(...UNITS);
const lasts = (what: "silent" | "refuse" | "unplug" | "wait", ...ms: readonly number[]) =>
  fc.record({ do: fc.constant(what), ms: fc.constantFrom(...ms) });
const kinds: readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Act> }[] = [
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("want" as const),
      id,
      pin: fc.constantFrom(...PINS),
      isBound: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drop" as const), id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("credential" as const), isWanted: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("tamper" as const),
      unit,
      slot: fc.integer({ min: 1, max: 4 }),
      isTold: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("foreign" as const), unit }) },
  { weight: 2, arbitrary: lasts("silent", 100, 700, 40_000) },
  { weight: 2, arbitrary: lasts("refuse", 500, 20_000) },
  { weight: 2, arbitrary: lasts("unplug", 300, 5_000, 3_600_000) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  { weight: 4, arbitrary: lasts("wait", 30, 300, 3_000, 60_000) },
];
const act: fc.Arbitrary<Act> = fc.oneof(...kinds);

/** What is wanted now, as the last documents say. */
interface Wanted {
  /** Access codes on the first lock. */
  readonly codes: Map<string, string>;
  /** Those of them that end, a month from the beginning on: the first lock keeps that itself. */
  readonly bound: Set<string>;
  isCredentialWanted: boolean;
}

async function play(rig: KeypadRig, happens: Act, wanted: Wanted): Promise<void> {
  switch (happens.do) {
    case "want":
      // Once deleted, an id is never used again.
      if (rig.store.objects.get("access_code", happens.id)?.spec["state"] === "deleted") return;
      wanted.codes.set(happens.id, happens.pin);
      wanted.bound.delete(happens.id);
      if (happens.isBound) wanted.bound.add(happens.id);
      rig.feedCode(happens.id, happens.pin, happens.isBound ? { type: "time_bound", ends_at: ENDS_AT } : {});
      return;
    case "drop":
      if (!wanted.codes.delete(happens.id)) return;
      rig.feedCode(happens.id, null, { state: "deleted" });
      return;
    case "credential":
      wanted.isCredentialWanted = happens.isWanted;
      rig.feedPin(CREDENTIAL, "777777", { state: happens.isWanted ? "active" : "suspended" });
      return;
    case "tamper": {
      const isOurs = rig
        .slots(LOCK_OF[happens.unit])
        .some(({ slot, owner }) => slot === happens.slot && owner !== null);
      if (isOurs) rig.simulator.changeSlotAtLock(happens.unit, happens.slot, happens.isTold ? "8888" : null);
      return;
    }
    case "foreign":
      rig.simulator.changeSlotAtLock(happens.unit, 30, "9090");
      return;
    case "silent":
      rig.simulator.faults.isSilent = true;
      await rig.clock.advance(happens.ms);
      rig.simulator.faults.isSilent = false;
      return;
    case "refuse":
      rig.simulator.refusesCodes = true;
      await rig.clock.advance(happens.ms);
      rig.simulator.refusesCodes = false;
      return;
    case "unplug":
      rig.unplug();
      await rig.clock.advance(happens.ms);
      rig.isPlugged = true;
      return;
    case "crash":
      rig.crash();
      return;
    case "wait":
      await rig.clock.advance(happens.ms);
  }
}

test(
  "once it is quiet every lock holds what is wanted, and nothing is told that is not so",
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 25 }), async (acts) => {
        const rig = new KeypadRig();
        rig.simulator.schedulers.add("lock-1");
        await rig.ready();
        const wanted: Wanted = { codes: new Map(), bound: new Set(), isCredentialWanted: false };
        for (const happens of acts) await play(rig, happens, wanted);
        rig.isPlugged = true;
        await rig.settle(60_000);
        for (const lockId of Object.values(LOCK_OF)) rig.engine.keypads.retry(lockId);
        await rig.settle(60_000);
        await rig.settle(60_000);

        const isForeign = ([slot]: readonly [string, string]) => slot === "30";
        const ours = (unit: string) =>
          Object.entries(rig.held(unit))
            .filter((pair) => !isForeign(pair))
            .map(([, pin]) => pin);
        const credential = wanted.isCredentialWanted ? ["777777"] : [];
        expect(ours("lock-2")).toEqual(credential);
        const distinct = new Set(wanted.codes.values());
        for (const pin of [...distinct, ...credential]) expect(ours("lock-1")).toContain(pin);
        expect(new Set(ours("lock-1")).size).toBe(ours("lock-1").length);
        for (const id of wanted.codes.keys()) {
          const pin = wanted.codes.get(id) ?? "";
          if (rig.status(id) === "set") expect(ours("lock-1")).toContain(pin);
          else expect(rig.observed(id)?.errors.map(({ code }) => code)).toContain("duplicate_code_on_device");
        }
        for (const { slot, owner } of rig.slots(LOCK.plain)) {
          const id = owner?.replace("access_code:", "") ?? "";
          if (rig.status(id) !== "set") continue;
          const isKept = wanted.bound.has(id) && rig.store.keypads.life(id)?.refused === null;
          expect([id, slot in rig.simulator.windowsOf("lock-1")]).toEqual([id, isKept]);
        }
        // As many codes as wishes, but for those that share a PIN: the loser keeps the one it had, or has none.
        const losers = wanted.codes.size - distinct.size;
        expect(ours("lock-1").length).toBeGreaterThanOrEqual(distinct.size + credential.length);
        expect(ours("lock-1").length).toBeLessThanOrEqual(distinct.size + credential.length + losers);
        if (wanted.isCredentialWanted) expect(rig.state(CREDENTIAL)).toBe("issued");

        const { changes } = rig.simulator;
        rig.crash();
        await rig.settle(60_000);
        expect(rig.simulator.changes).toBe(changes);
      }),
      { numRuns: Number(process.env["CHAOS_RUNS"] ?? 8) },
    );
  },
);
