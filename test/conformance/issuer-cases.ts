import { expect } from "vitest";
import { DriverError } from "#driver-api";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import { facts } from "#test/conformance/steps";
import { justBefore } from "#test/conformance/tap";
import type { Cut } from "#test/support/memory-line";

const needs = "keyIssuer";

/** What holds for every vendor's system that makes cards by itself. */
export const issuerCases: readonly Case[] = [
  {
    id: "I01",
    promise: "a key issuer makes a card, and reads it again",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const issuer = bench.unit("keyIssuer");
      bench.hand("putIssuerCard")();
      const issued = await bench.run(issuer.issue(facts, calm()));
      expect(issued.cardNumber).not.toBe("");
      expect(bench.world.changes).toBe(1);
      if (issuer.read !== undefined) expect(await bench.run(issuer.read(calm()))).toEqual(issued);
      await bench.finish();
    },
  },
  {
    id: "I02",
    promise: "an order cancelled before a card came says so, and no card is made after it",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const operator = new AbortController();
      const issuing = bench.failure(bench.unit("keyIssuer").issue(facts, { signal: operator.signal }));
      bench.clock.startTimer(5_000, () => operator.abort(new Error("cancelled at the desk")));
      const error = await issuing;
      expect(error.code).toBe("call.cancelled");
      bench.hand("putIssuerCard")();
      await bench.clock.advance(60_000);
      if (error.effect === "none") expect(bench.world.changes).toBe(0);
      const next = await bench.run(bench.unit("keyIssuer").issue({ ...facts, generation: 2 }, calm()));
      expect(next.cardNumber).not.toBe("");
      expect(bench.world.changes).toBe(1);
      await bench.finish();
    },
  },
  {
    id: "I03",
    promise: "the line lost at any byte of an order: a DriverError, effect never understated",
    needs,
    async run(subject) {
      for (const how of ["unplugged", "swallowed"] as const) {
        for (const side of ["to_device", "to_host"] as const) {
          let afterBytes = 1;
          while (await isCutOrder(subject, { side, afterBytes, how })) afterBytes += byteStep(subject);
          expect(afterBytes).toBeGreaterThan(10);
        }
      }
    },
  },
  {
    id: "I04",
    promise: "a card that was cancelled is no longer known, and a number that nobody knows is device.refused",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const issuer = bench.unit("keyIssuer");
      bench.hand("putIssuerCard")();
      const { cardNumber } = await bench.run(issuer.issue(facts, calm()));
      if (issuer.cancel !== undefined) {
        await bench.run(issuer.cancel(cardNumber, calm()));
        expect(bench.world.changes).toBe(2);
        if (issuer.read !== undefined) expect(await bench.run(issuer.read(calm()))).toBeNull();
        for (const unknown of [cardNumber, "", "no such\ncard", "9".repeat(5_000)]) {
          const error = await bench.failure(issuer.cancel(unknown, calm()));
          expect(error).toMatchObject({ code: "device.refused", effect: "none" });
        }
      }
      await bench.finish();
    },
  },
  {
    id: "I05",
    promise:
      "without the server behind it every call is server.unreachable, effect none, and works once it is back",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const issuer = bench.unit("keyIssuer");
      bench.hand("putIssuerCard")();
      const { cardNumber } = await bench.run(issuer.issue(facts, calm()));
      const before = bench.world.changes;
      bench.hand("setServerAway")(true);
      for (const call of [
        () => issuer.issue(facts, calm()),
        () => issuer.read?.(calm()),
        () => issuer.cancel?.(cardNumber, calm()),
      ]) {
        const work = call();
        if (work === undefined) continue;
        expect(await bench.failure(work)).toMatchObject({ code: "server.unreachable", effect: "none" });
      }
      expect(bench.world.changes).toBe(before);
      bench.hand("setServerAway")(false);
      await bench.run(bench.device.ping(calm()));
      await bench.run(issuer.issue(facts, calm()));
      await bench.finish();
    },
  },
  {
    id: "I06",
    promise:
      "a server that goes away at any place of an order: done, or server.unreachable with the effect told",
    needs,
    async run(subject) {
      const isLeft = async (place: number): Promise<boolean> => {
        const bench = await new Bench(subject).open();
        bench.clock.startTimer(1_000, () => bench.hand("putIssuerCard")());
        const trouble = justBefore(bench.tap, "to_device", place, () => bench.hand("setServerAway")(true));
        const outcome = await bench.outcome(bench.unit("keyIssuer").issue(facts, calm()));
        bench.tap.straighten();
        bench.hand("setServerAway")(false);
        // A server that was not stopped could make the card now.
        await bench.clock.advance(60_000);
        if (outcome instanceof DriverError) expect(outcome.code).toBe("server.unreachable");
        expectHonest(bench, outcome);
        await bench.run(bench.unit("keyIssuer").issue({ ...facts, generation: 2 }, calm()));
        await bench.finish();
        return trouble.isReached;
      };
      let place = 1;
      while (await isLeft(place)) place += 1;
      expect(place).toBeGreaterThan(2);
    },
  },
  {
    id: "I07",
    promise: "facts that the system cannot hold are device.refused, effect none, and nothing is ordered",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      bench.hand("putIssuerCard")();
      for (const tooMuch of [
        { entrances: Array.from({ length: 5_000 }, (_, index) => `door-${index}`) },
        { startsAt: Date.parse("1900-01-01T00:00:00Z") },
        { credentialId: "x".repeat(100_000) },
      ]) {
        const outcome = await bench.outcome(bench.unit("keyIssuer").issue({ ...facts, ...tooMuch }, calm()));
        if (outcome instanceof DriverError)
          expect(outcome).toMatchObject({ code: "device.refused", effect: "none" });
        else expect(outcome.cardNumber).not.toBe("");
      }
      const before = bench.world.changes;
      await bench.clock.advance(60_000);
      expect(bench.world.changes).toBe(before);
      await bench.finish();
    },
  },
];

async function isCutOrder(subject: Subject, cut: Cut): Promise<boolean> {
  const bench = await new Bench(subject).open();
  bench.hand("putIssuerCard")();
  bench.line.cutAt(cut);
  expectHonest(bench, await bench.outcome(bench.unit("keyIssuer").issue(facts, calm())));
  await bench.finish();
  return bench.line.isBroken;
}

function expectHonest(bench: Bench, outcome: unknown): void {
  if (!(outcome instanceof DriverError)) expect(bench.world.changes).toBeGreaterThan(0);
  else if (bench.world.changes > 0) expect(outcome.effect).toBe("unknown");
}
