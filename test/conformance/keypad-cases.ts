import { expect } from "vitest";
import { type CardRead, DriverError, type KeypadInput } from "#driver-api";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { CANARY } from "#test/conformance/plans";
import { facts, pinFor, slotReadBack } from "#test/conformance/steps";
import type { Cut } from "#test/support/memory-line";

/** What holds for every lock, keypad, reader, lamp and key issuer. */
export const keypadCases: readonly Case[] = [
  {
    id: "K01",
    promise: "a slot holds the code that was written, and nothing once it is cleared",
    needs: "keypadLock:on_device",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) await slotReadBack(bench, lock);
      await bench.finish();
    },
  },
  {
    id: "K02",
    promise: "line unplugged at any byte of a slot write: a DriverError, effect never understated",
    needs: "keypadLock:on_device",
    async run(subject) {
      for (const side of ["to_device", "to_host"] as const) {
        let afterBytes = 1;
        while (await isCutSlotWrite(subject, { side, afterBytes, how: "unplugged" })) afterBytes += 1;
      }
    },
  },
  {
    id: "K03",
    promise: "a slot or code that the lock does not take is device.refused, and changes nothing",
    needs: "keypadLock:on_device",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) {
        const tooLong = pinFor(lock).map((pin) => pin.repeat(4));
        for (const call of [
          () => lock.writeSlot(0, pinFor(lock), calm()),
          () => lock.writeSlot(lock.slots + 1, pinFor(lock), calm()),
          () => lock.writeSlot(1, tooLong, calm()),
          () => lock.readSlot(lock.slots + 1, calm()),
        ]) {
          expect(await bench.failure(call())).toMatchObject({ code: "device.refused", effect: "none" });
        }
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "K04",
    promise: "keys typed at a door arrive as a secret, and the door can be told to open or not",
    needs: "keypadLock:on_gateway",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const typed: KeypadInput[] = [];
      const stop = bench.door().onInput((input) => typed.push(input));
      bench.world.pressKeys?.(CANARY.pin);
      await bench.clock.advance(1_000);
      const keys = typed.map((input) => (input.type === "keys" ? input.keys.reveal() : input.type));
      expect(keys.join("")).toContain(CANARY.pin);
      expect(JSON.stringify(typed)).not.toContain(CANARY.pin);
      await bench.run(bench.door().grant(5_000, calm()));
      expect(bench.world.changes).toBeGreaterThan(0);
      await bench.run(bench.door().deny("unknown code", calm()));
      stop();
      const before = typed.length;
      bench.world.pressKeys?.("1111");
      await bench.clock.advance(1_000);
      expect(typed).toHaveLength(before);
      await bench.finish();
    },
  },
  {
    id: "R01",
    promise: "a card held to a reader is reported once, bit for bit",
    needs: "cardReader",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const seen: CardRead[] = [];
      bench.unit("cardReader").onCard((card) => seen.push(card));
      const bits = Uint8Array.of(0x80, 0xa1, 0xb2, 0xc0);
      bench.world.holdCard?.(bits);
      await bench.clock.advance(1_000);
      expect(seen).toEqual([{ bits, bitCount: 26 }]);
      await bench.finish();
    },
  },
  {
    id: "S01",
    promise: "every signal can be shown, by every unit that has signals",
    needs: "signals",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const { signals } of bench.device.units) {
        for (const signal of ["present_card", "done", "failed", "identify", "off"] as const) {
          if (signals !== undefined) await bench.run(signals.show(signal, calm()));
        }
      }
      await bench.finish();
    },
  },
  {
    id: "I01",
    promise: "a key issuer makes a card, and reads it again",
    needs: "keyIssuer",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const issuer = bench.unit("keyIssuer");
      bench.world.putIssuerCard?.();
      const issued = await bench.run(issuer.issue(facts, calm()));
      expect(issued.cardNumber).not.toBe("");
      expect(bench.world.changes).toBeGreaterThan(0);
      if (issuer.read !== undefined) expect(await bench.run(issuer.read(calm()))).toEqual(issued);
      await bench.finish();
    },
  },
  {
    id: "I02",
    promise: "an order cancelled before a card came says so, and no card is made after it",
    needs: "keyIssuer",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const operator = new AbortController();
      const issuing = bench.failure(bench.unit("keyIssuer").issue(facts, { signal: operator.signal }));
      bench.clock.startTimer(5_000, () => operator.abort(new Error("cancelled at the desk")));
      const error = await issuing;
      expect(error.code).toBe("call.cancelled");
      bench.world.putIssuerCard?.();
      await bench.clock.advance(60_000);
      if (error.effect === "none") expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "I03",
    promise: "the line lost at any byte of an order: a DriverError, effect never understated",
    needs: "keyIssuer",
    async run(subject) {
      for (const how of ["unplugged", "swallowed"] as const) {
        for (const side of ["to_device", "to_host"] as const) {
          let afterBytes = 1;
          while (await isCutOrder(subject, { side, afterBytes, how })) afterBytes += 1;
          expect(afterBytes).toBeGreaterThan(10);
        }
      }
    },
  },
];

/** False once the slot was written before the cut. */
async function isCutSlotWrite(subject: Subject, cut: Cut): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const [lock] = bench.locks();
  if (lock === undefined) return false;
  bench.line.cutAt(cut);
  expectHonest(bench, await bench.outcome(lock.writeSlot(1, pinFor(lock), calm())));
  await bench.finish();
  return bench.line.isBroken;
}

async function isCutOrder(subject: Subject, cut: Cut): Promise<boolean> {
  const bench = await new Bench(subject).open();
  bench.world.putIssuerCard?.();
  bench.line.cutAt(cut);
  expectHonest(bench, await bench.outcome(bench.unit("keyIssuer").issue(facts, calm())));
  await bench.finish();
  return bench.line.isBroken;
}

function expectHonest(bench: Bench, outcome: unknown): void {
  if (!(outcome instanceof DriverError)) expect(bench.world.changes).toBeGreaterThan(0);
  else if (bench.world.changes > 0) expect(outcome.effect).toBe("unknown");
}
