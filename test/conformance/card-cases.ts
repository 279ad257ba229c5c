import { expect } from "vitest";
import { type CardTechnology, DriverError, type ReadPlan } from "#driver-api";
import { DeadlineExceeded } from "#src/lib/deadline";
import { Secret } from "#src/lib/secret";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import {
  canaryDesfireKey,
  canaryKey,
  desfireSteps,
  foreignPassword,
  readPlanFor,
  writePlanFor,
} from "#test/conformance/plans";
import { cardReadBack, oneCardPerContainer, present } from "#test/conformance/steps";
import type { Cut } from "#test/support/memory-line";

/** What holds for every device that writes cards. */
export const cardCases: readonly Case[] = [
  {
    id: "C01",
    promise: "reads back from a card what it wrote, and says which key opens it",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const technology of subject.rig.cards) await cardReadBack(bench, technology);
      await bench.finish();
    },
  },
  {
    id: "C02",
    promise:
      "a write cancelled after any number of answers settles, tells its effect, and the device still works",
    needs: "cardWriter",
    async run(subject) {
      for (const technology of oneCardPerContainer(subject)) {
        let answers = 0;
        while (await isCancelledWrite(subject, technology, answers)) answers += 1;
        expect(answers).toBeGreaterThan(2);
      }
    },
  },
  cutCase("C03", { side: "to_device", how: "unplugged" }),
  cutCase("C04", { side: "to_host", how: "unplugged" }),
  cutCase("C05", { side: "to_device", how: "swallowed" }),
  cutCase("C06", { side: "to_host", how: "swallowed" }),
  {
    id: "C07",
    promise: "a garbled answer never becomes content",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        const truth = await bench.run(writer.read(card, readPlanFor(technology), calm()));
        let afterChunks = 0;
        for (const { garble } = bench.line.faults; garble.count === 0; afterChunks += 1) {
          Object.assign(garble, { afterChunks, count: 1 });
          const read = await bench.outcome(writer.read(card, readPlanFor(technology), calm()));
          if (!(read instanceof DriverError)) expect(read).toEqual(truth);
        }
        expect(afterChunks).toBeGreaterThan(2);
        bench.line.faults.garble.count = 0;
      }
      await bench.finish();
    },
  },
  {
    id: "C08",
    promise: "a late answer to an earlier call is not taken for the answer to this one",
    needs: "cardWriter",
    async run(subject) {
      for (const technology of oneCardPerContainer(subject)) await lateAnswer(subject, technology);
    },
  },
  {
    id: "C09",
    promise: "two cards are card.several; with one taken away it goes on",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const technology of oneCardPerContainer(subject)) {
        bench.hand("putCard")(technology);
        bench.hand("putCard")(technology);
        const error = await bench.failure(bench.unit("cardWriter").present(calm()));
        expect(error).toMatchObject({ code: "card.several", effect: "none" });
        await present(bench, technology);
        bench.hand("takeCards")();
      }
      await bench.finish();
    },
  },
  {
    id: "C10",
    promise: "it waits for a card as long as the call lets it, and sees one that comes late",
    needs: "cardWriter",
    run: waiting,
  },
  {
    id: "C11",
    promise: "a card that left is card.absent, another card is card.swapped, and neither is written",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        for (const code of ["card.absent", "card.swapped"] as const) {
          bench.hand("takeCards")();
          if (code === "card.swapped") bench.hand("putCard")(technology);
          const read = await bench.failure(writer.read(card, readPlanFor(technology), calm()));
          expect(read).toMatchObject({ code, effect: "none" });
          const write = await bench.failure(writer.write(card, writePlanFor(technology), calm()));
          expect(write).toMatchObject({ code, effect: "none" });
        }
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "C12",
    promise: "a wrong key opens nothing, writes nothing, and says so",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of subject.rig.cards.filter((it) => it.startsWith("mifare_classic"))) {
        const card = await present(bench, technology);
        const plan = { container: "classic", sector: 1, blocks: [4], keys: [canaryKey] } as const;
        const read = await bench.run(writer.read(card, plan, calm()));
        expect(read).toMatchObject({ opened: null, blocks: new Map() });
        const error = await bench.failure(writer.write(card, writePlanFor(technology, canaryKey), calm()));
        expect(error.code).toBe("card.unwritable");
        await bench.run(writer.present(calm()));
      }
      for (const technology of subject.rig.cards.filter((it) => it === "mifare_desfire")) {
        const card = await present(bench, technology);
        const plan: ReadPlan = {
          container: "desfire",
          application: "0020f5",
          file: 1,
          size: 16,
          masterKeys: [canaryDesfireKey],
          readKeys: [canaryDesfireKey],
        };
        const nothing = { opened: null, master: null, applications: [], file: null };
        expect(await bench.run(writer.read(card, plan, calm()))).toMatchObject(nothing);
        const steps = desfireSteps(canaryDesfireKey);
        const error = await bench.failure(writer.write(card, { container: "desfire", steps }, calm()));
        expect(error).toMatchObject({ code: "card.unwritable", effect: "none" });
        await bench.run(writer.present(calm()));
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "C13",
    promise: "a card that takes the password and answers with another proof is not opened and not written",
    needs: "cardWriter",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of subject.rig.cards.filter((it) => it.startsWith("ntag"))) {
        const card = await present(bench, technology);
        await bench.run(writer.write(card, writePlanFor(technology), calm()));
        const read = await bench.run(writer.read(card, readPlanFor(technology, foreignPassword), calm()));
        expect(read).toMatchObject({ opened: null, pages: new Map() });
        const before = bench.world.changes;
        const steps = [
          { do: "authenticate", password: foreignPassword } as const,
          { do: "write", page: 8, data: new Secret(new Uint8Array(4)) } as const,
        ];
        const error = await bench.failure(writer.write(card, { container: "ntag", steps }, calm()));
        expect(error).toMatchObject({ code: "card.unwritable", effect: "none" });
        expect(bench.world.changes).toBe(before);
      }
      await bench.finish();
    },
  },
];

function cutCase(id: string, { side, how }: Pick<Cut, "side" | "how">): Case {
  return {
    id,
    promise: `line ${how} ${side.replace("_", " ")} at any byte of a write: a DriverError, effect never understated`,
    needs: "cardWriter",
    async run(subject) {
      for (const technology of oneCardPerContainer(subject)) {
        let afterBytes = 1;
        while (await isCutWrite(subject, technology, { side, how, afterBytes }))
          afterBytes += byteStep(subject);
        expect(afterBytes).toBeGreaterThan(10);
      }
    },
  };
}

/** False once the write came through before the cut. */
async function isCutWrite(subject: Subject, technology: CardTechnology, cut: Cut): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const card = await present(bench, technology);
  bench.line.cutAt(cut);
  const plan = writePlanFor(technology);
  const outcome = await bench.outcome(bench.unit("cardWriter").write(card, plan, calm()));
  expectHonest(bench, outcome, cut);
  await bench.finish();
  return bench.line.isBroken;
}

/** Whatever changed the card, an error must not say that nothing did; and success means that something did. */
function expectHonest(bench: Bench, outcome: unknown, circumstances: object): void {
  if (!(outcome instanceof DriverError)) expect(bench.world.changes).toBeGreaterThan(0);
  else if (bench.world.changes > 0)
    expect({ ...circumstances, effect: outcome.effect }).toHaveProperty("effect", "unknown");
}

/** So long may the pauses between two answers of a device be. */
const PAUSES_MS_MAX = 300;

/** False once the write was through before it could be cancelled. */
async function isCancelledWrite(
  subject: Subject,
  technology: CardTechnology,
  answers: number,
): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const writer = bench.unit("cardWriter");
  const card = await present(bench, technology);
  const operator = new AbortController();
  bench.line.faults.heldAfterChunks = answers;
  const writing = writer.write(card, writePlanFor(technology), { signal: operator.signal });
  const ended = { value: false };
  const end = () => void (ended.value = true);
  writing.then(end, end);
  // Time moves only for a driver that pauses between commands: the cancellation comes before any deadline of it.
  for (let ms = 0; ms < PAUSES_MS_MAX && !bench.line.isHolding && !ended.value; ms += 10)
    await bench.clock.advance(ms === 0 ? 0 : 10);
  const isHeld = bench.line.isHolding;
  operator.abort(new Error("cancelled at the desk"));
  const outcome = await bench.outcome(writing);
  if (isHeld) {
    expect(outcome).toHaveProperty("code", "call.cancelled");
    expectHonest(bench, outcome, { answers });
  }
  bench.line.release();
  await bench.run(bench.device.ping(calm()));
  await present(bench, technology);
  await bench.finish();
  return isHeld;
}

/** The first call's answer arrives, glued, in front of the second's: a card that is no longer there. */
async function lateAnswer(subject: Subject, technology: CardTechnology): Promise<void> {
  const bench = await new Bench(subject).open();
  const writer = bench.unit("cardWriter");
  bench.hand("putCard")(technology);
  const operator = new AbortController();
  bench.line.faults.heldAfterChunks = 0;
  const first = writer.present({ signal: operator.signal });
  first.catch(() => undefined);
  await bench.clock.advance(0);
  expect(bench.line.isHolding).toBe(true);
  operator.abort(new Error("cancelled at the desk"));
  expect(await bench.failure(first)).toMatchObject({ code: "call.cancelled", effect: "none" });
  bench.hand("takeCards")();
  bench.hand("putCard")(technology);
  const second = writer.present(calm());
  second.catch(() => undefined);
  await bench.clock.advance(0);
  bench.line.release();
  const seen = await bench.outcome(second);
  const truth = await bench.run(writer.present(calm()));
  if (!(seen instanceof DriverError)) expect(seen).toEqual(truth);
  await bench.run(writer.read(truth, readPlanFor(technology), calm()));
  await bench.finish();
}

async function waiting(subject: Subject): Promise<void> {
  const bench = await new Bench(subject).open();
  const writer = bench.unit("cardWriter");
  const [technology] = oneCardPerContainer(subject);
  const limit = new AbortController();
  bench.clock.startTimer(60_000, () => limit.abort(new DeadlineExceeded("nothing within 60000 ms")));
  const gone = bench.failure(writer.present({ signal: limit.signal }), 61_000);
  expect(["card.absent", "call.cancelled"]).toContain((await gone).code);
  expect((await gone).effect).toBe("none");
  expect(bench.clock.monotonic()).toBeGreaterThanOrEqual(60_000);
  const late = bench.outcome(writer.present(calm()), 60_000);
  bench.clock.startTimer(30_000, () => bench.hand("putCard")(technology ?? "unknown"));
  expect(await late).toHaveProperty("technology", technology);
  await bench.finish();
}
