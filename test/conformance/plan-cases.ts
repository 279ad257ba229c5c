import { expect } from "vitest";
import { type CardTechnology, DriverError, type DriverErrorCode, type WritePlan } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import {
  CANARY,
  canaryKey,
  canaryPassword,
  desfireSteps,
  foreignPassword,
  lockedCardPlans,
  readPlanFor,
  transportKey,
  writePlanFor,
} from "#test/conformance/plans";
import { cardReadBack, contentOf, expectCanary, oneCardPerContainer, present } from "#test/conformance/steps";
import { justBefore } from "#test/conformance/tap";

const needs = "cardWriter";

/** What hands do to a card, and what a plan may say, at every device that writes cards. */
export const planCases: readonly Case[] = [
  {
    id: "C14",
    promise: "a card taken away at any place of a read or write is card.absent, effect never understated",
    needs,
    async run(subject) {
      await atEveryPlace(subject, ["card.absent"], (bench) => bench.hand("takeCards")());
    },
  },
  {
    id: "C15",
    promise: "another card in its place at any place of a read or write is not read and not written",
    needs,
    async run(subject) {
      await atEveryPlace(subject, ["card.absent", "card.swapped"], (bench, technology) => {
        bench.hand("takeCards")();
        bench.hand("putCard")(technology);
      });
    },
  },
  {
    id: "C16",
    promise:
      "a second card laid beside it at any place of a read or write: done to the first, or card.several",
    needs,
    async run(subject) {
      await atEveryPlace(
        subject,
        ["card.several", "card.absent", "card.swapped", "card.unwritable"],
        (bench, technology) => bench.hand("putCard")(technology),
      );
    },
  },
  {
    id: "C17",
    promise: "after a release, and after two, the card that still lies there is seen and read anew",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of subject.rig.cards) {
        const card = await present(bench, technology);
        await bench.run(writer.write(card, writePlanFor(technology), calm()));
        for (let round = 0; round < 3; round++) {
          for (let releases = 0; releases <= round; releases++) await bench.run(writer.release());
          expect(await bench.run(writer.present(calm()))).toEqual(card);
          expectCanary(await bench.run(writer.read(card, readPlanFor(technology), calm())));
        }
      }
      await bench.finish();
    },
  },
  {
    id: "C18",
    promise: "a release never rejects: not by a silent device, not by a lost line, not once it is closed",
    needs,
    async run(subject) {
      const troubles: readonly ((bench: Bench) => void | Promise<void>)[] = [
        ({ tap }) => tap.bend("to_host", () => []),
        ({ line }) => line.unplug(),
        ({ device }) => device.close(),
      ];
      for (const trouble of troubles) {
        for (const technology of oneCardPerContainer(subject)) {
          const bench = await new Bench(subject).open();
          await present(bench, technology);
          await trouble(bench);
          await bench.run(bench.unit("cardWriter").release());
          await bench.finish();
        }
      }
    },
  },
  {
    id: "C19",
    promise: "a plan without steps changes nothing, and still wants the card that was seen",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        const nothing: WritePlan = { ...writePlanFor(technology), steps: [] };
        await bench.run(writer.write(card, nothing, calm()));
        bench.hand("takeCards")();
        const absent = await bench.failure(writer.write(card, nothing, calm()));
        expect(absent).toMatchObject({ code: "card.absent", effect: "none" });
        bench.hand("putCard")(technology);
        const swapped = await bench.failure(writer.write(card, nothing, calm()));
        expect(swapped).toMatchObject({ code: "card.swapped", effect: "none" });
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "C20",
    promise:
      "a step that fails is the last one: nothing after it is written, and what came before is in doubt",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        const before = bench.world.changes;
        const error = await bench.failure(writer.write(card, failingSecondStep(technology), calm()));
        expect(error).toMatchObject({ code: "card.unwritable", effect: "unknown" });
        expect(bench.world.changes - before).toBe(1);
        await bench.run(writer.present(calm()));
      }
      await bench.finish();
    },
  },
  {
    id: "C21",
    promise: "a plan for another container than the card's is card.unwritable, effect none",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const other = technology.startsWith("ntag") ? "mifare_classic_1k" : "ntag213";
        const card = await present(bench, technology);
        for (const call of [
          () => writer.read(card, readPlanFor(other), calm()),
          () => writer.write(card, writePlanFor(other), calm()),
        ]) {
          expect(await bench.failure(call())).toMatchObject({ code: "card.unwritable", effect: "none" });
        }
        expect(await bench.run(writer.present(calm()))).toEqual(card);
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "C22",
    promise:
      "keys and passwords are tried in their order, and one that does not fit does not hinder the next",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        await bench.run(writer.write(card, writePlanFor(technology), calm()));
        const plan = readPlanFor(technology);
        const wrongFirst =
          plan.container === "classic"
            ? { ...plan, keys: [transportKey, canaryKey] }
            : { ...plan, passwords: [wrongPassword, foreignPassword, canaryPassword] };
        expectCanary(await bench.run(writer.read(card, wrongFirst, calm())));
      }
      await bench.finish();
    },
  },
  {
    id: "C23",
    promise:
      "selecting an NTAG anew inside a plan forgets its password, and the step that needs it is refused",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of subject.rig.cards.filter((it) => it.startsWith("ntag"))) {
        const card = await present(bench, technology);
        await bench.run(writer.write(card, writePlanFor(technology), calm()));
        const before = bench.world.changes;
        const authenticate = { do: "authenticate", password: canaryPassword } as const;
        const write = { do: "write", page: 9, data: new Secret(new Uint8Array(4)) } as const;
        const forgetful: WritePlan = { container: "ntag", steps: [authenticate, { do: "reselect" }, write] };
        const error = await bench.failure(writer.write(card, forgetful, calm()));
        expect(error.code).toBe("card.unwritable");
        expect(bench.world.changes).toBe(before);
        const mindful: WritePlan = { container: "ntag", steps: [{ do: "reselect" }, authenticate, write] };
        await bench.run(writer.write(card, mindful, calm()));
        expect(bench.world.changes).toBe(before + 1);
      }
      await bench.finish();
    },
  },
  {
    id: "C24",
    promise: "waiting for a card can be cancelled and closed at any moment",
    needs,
    async run(subject) {
      const [technology = "unknown"] = oneCardPerContainer(subject);
      for (let ms = 0; ms <= 1_000; ms += 37) {
        for (const end of ["cancel", "close"] as const) {
          const bench = await new Bench(subject).open();
          const operator = new AbortController();
          const waiting = bench.unit("cardWriter").present({ signal: operator.signal });
          waiting.catch(() => undefined);
          await bench.clock.advance(ms);
          if (end === "cancel") operator.abort(new Error("cancelled at the desk"));
          else await bench.run(bench.device.close());
          const code = end === "cancel" ? "call.cancelled" : "device.lost";
          expect(await bench.failure(waiting)).toMatchObject({ code, effect: "none" });
          if (end === "cancel") await cardReadBack(bench, technology);
          await bench.finish();
        }
      }
    },
  },
  {
    id: "C25",
    promise: "a card that is locked against writing is card.unwritable, and holds what it held",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("cardWriter");
      for (const technology of oneCardPerContainer(subject)) {
        const card = await present(bench, technology);
        const { lock, tryIt, readBack } = lockedCardPlans(technology);
        if (lock !== null) await bench.run(writer.write(card, lock, calm()));
        const again = await bench.run(writer.present(calm()));
        const before = bench.world.changes;
        const error = await bench.failure(writer.write(again, tryIt.plan, calm()));
        expect([technology, error.code]).toEqual([technology, "card.unwritable"]);
        expect(bench.world.changes - before).toBe(tryIt.changes);
        await bench.run(writer.present(calm()));
        if (readBack !== null)
          expect(contentOf(await bench.run(writer.read(again, readBack, calm())))).toBe(
            toHex(CANARY.content),
          );
      }
      await bench.finish();
    },
  },
];

const wrongPassword = { ...foreignPassword, name: "wrong", pwd: new Secret(Uint8Array.of(1, 2, 3, 4)) };

/** First an ordinary block or page, then one that this card does not let be written, then another ordinary one. */
function failingSecondStep(technology: CardTechnology): WritePlan {
  if (technology === "mifare_desfire") {
    const [select, authenticate, create, ...rest] = desfireSteps();
    // The second time the application is there already.
    const steps = [select, authenticate, create, create, ...rest].filter((step) => step !== undefined);
    return { container: "desfire", steps };
  }
  if (technology.startsWith("ntag")) {
    const page = (number: number) => ({
      do: "write" as const,
      page: number,
      data: new Secret(new Uint8Array(4)),
    });
    return { container: "ntag", steps: [page(4), page(0xfe), page(5)] };
  }
  const block = (number: number, key = transportKey) => ({
    block: number,
    data: new Secret(new Uint8Array(16)),
    key,
  });
  return { container: "classic", sector: 1, steps: [block(4), block(5, canaryKey), block(6)] };
}

/** The hand does something just before request 1, 2, 3 … of a read and of a write. */
async function atEveryPlace(
  subject: Subject,
  allowed: readonly DriverErrorCode[],
  act: (bench: Bench, technology: CardTechnology) => void,
): Promise<void> {
  for (const technology of oneCardPerContainer(subject)) {
    for (const call of ["read", "write"] as const) {
      let place = 1;
      while (await isDisturbed(subject, technology, call, place, allowed, act)) place += 1;
      expect(place).toBeGreaterThan(2);
    }
  }
}

/** False when the call was over before it came to the place. */
async function isDisturbed(
  subject: Subject,
  technology: CardTechnology,
  call: "read" | "write",
  place: number,
  allowed: readonly DriverErrorCode[],
  act: (bench: Bench, technology: CardTechnology) => void,
): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const writer = bench.unit("cardWriter");
  const card = await present(bench, technology);
  if (call === "read") await bench.run(writer.write(card, writePlanFor(technology), calm()));
  const before = bench.world.changes;
  let changesThen = before;
  const trouble = justBefore(bench.tap, "to_device", place, () => {
    changesThen = bench.world.changes;
    act(bench, technology);
  });
  const outcome = await bench.outcome<unknown>(
    call === "read"
      ? writer.read(card, readPlanFor(technology), calm())
      : writer.write(card, writePlanFor(technology), calm()),
  );
  bench.tap.straighten();
  if (outcome instanceof DriverError) {
    expect(allowed).toContain(outcome.code);
    const isChanged = bench.world.changes > before;
    if (isChanged || call === "read")
      expect({ place, effect: outcome.effect }).toHaveProperty("effect", isChanged ? "unknown" : "none");
    if (!allowed.includes("card.several")) expect(bench.world.changes).toBe(changesThen);
  } else {
    expect(trouble.isReached && !allowed.includes("card.several")).toBe(false);
    // The second card is blank, so what was done to the wrong one shows.
    const back = await bench.outcome(writer.read(card, readPlanFor(technology), calm()));
    if (!(back instanceof DriverError)) expectCanary(back);
    if (call === "read") expect(outcome).toHaveProperty("opened", "canary");
  }
  await present(bench, technology);
  await bench.finish();
  return trouble.isReached;
}
