import { expect } from "vitest";
import type { CardRead, CardReader, KeypadInput, OnGatewayKeypad } from "#driver-api";
import { Bench, calm } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { CANARY } from "#test/conformance/plans";
import { flip } from "#test/conformance/tap";

/** What holds for every door keypad, card reader and lamp. */
export const doorCases: readonly Case[] = [
  {
    id: "G01",
    promise: "keys typed at a door arrive as a secret, and the door can be told to open or not",
    needs: "keypadLock:on_gateway",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const { typed, stop } = listenAt(bench.door());
      bench.hand("pressKeys")(CANARY.pin);
      await bench.clock.advance(1_000);
      expect(keysOf(typed)).toContain(CANARY.pin);
      expect(JSON.stringify(typed)).not.toContain(CANARY.pin);
      await bench.run(bench.door().grant(5_000, calm()));
      expect(bench.world.changes).toBe(1);
      await bench.run(bench.door().deny("unknown code", calm()));
      expect(bench.world.changes).toBe(1);
      stop();
      const before = typed.length;
      bench.hand("pressKeys")("1111");
      await bench.clock.advance(1_000);
      expect(typed).toHaveLength(before);
      await bench.finish();
    },
  },
  {
    id: "G02",
    promise:
      "keys typed while the door is told something are neither lost nor doubled, nor taken for its answer",
    needs: "keypadLock:on_gateway",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const door = bench.door();
      const { typed } = listenAt(door);
      for (const call of [() => door.grant(5_000, calm()), () => door.deny("expired", calm())]) {
        bench.tap.isGluing = true;
        bench.tap.bend("to_device", (request, number) => {
          if (number === 1) bench.hand("pressKeys")(CANARY.pin);
          return [request];
        });
        await bench.run(call());
      }
      await bench.clock.advance(1_000);
      expect(keysOf(typed)).toBe(CANARY.pin.repeat(2));
      await bench.finish();
    },
  },
  {
    id: "G03",
    promise: "a grant of any length and a denial for any reason are told or refused, never half done",
    needs: "keypadLock:on_gateway",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const ms of [0, 1, 49, 5_000, 86_400_000, Number.MAX_SAFE_INTEGER]) {
        const before = bench.world.changes;
        const outcome = await bench.outcome(bench.door().grant(ms, calm()));
        if (outcome instanceof Error) {
          expect(outcome).toMatchObject({ code: "device.refused", effect: "none" });
          expect(bench.world.changes).toBe(before);
        } else expect(bench.world.changes).toBe(before + 1);
      }
      const before = bench.world.changes;
      for (const reason of ["", "schlüssel gesperrt \u{1f511}", "x".repeat(10_000)])
        await bench.run(bench.door().deny(reason, calm()));
      expect(bench.world.changes).toBe(before);
      await bench.finish();
    },
  },
  {
    id: "R01",
    promise: "a card held to a reader is reported once, bit for bit",
    needs: "cardReader",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const { seen } = watch(bench.unit("cardReader"));
      bench.hand("holdCard")(bitsOf(1));
      await bench.clock.advance(1_000);
      expect(seen).toEqual([{ bits: bitsOf(1), bitCount: 26 }]);
      await bench.finish();
    },
  },
  {
    id: "R02",
    promise: "many cards while a call waits for its answer: each once, in order, and the call is answered",
    needs: "cardReader",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const { seen } = watch(bench.unit("cardReader"));
      const cards = Array.from({ length: 50 }, (_, index) => bitsOf(index));
      bench.line.faults.chunkBytes = 3;
      bench.tap.bend("to_device", (request, number) => {
        if (number === 1) cards.forEach((bits) => bench.hand("holdCard")(bits));
        return [request];
      });
      await bench.run(bench.device.ping(calm()));
      await bench.clock.advance(1_000);
      expect(seen.map(({ bits }) => bits)).toEqual(cards);
      await bench.finish();
    },
  },
  {
    id: "R03",
    promise: "every listener hears every card, until it is taken off or the device is closed",
    needs: "cardReader",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const reader = bench.unit("cardReader");
      const [first, second] = [watch(reader), watch(reader)];
      const hold = async (number: number) => {
        bench.hand("holdCard")(bitsOf(number));
        await bench.clock.advance(1_000);
      };
      await hold(1);
      first.stop();
      first.stop();
      await hold(2);
      await bench.run(bench.device.close());
      await hold(3);
      expect(first.seen.map(({ bits }) => bits)).toEqual([bitsOf(1)]);
      expect(second.seen.map(({ bits }) => bits)).toEqual([bitsOf(1), bitsOf(2)]);
      await bench.finish();
    },
  },
  {
    id: "R04",
    promise: "a bit that turns over in any byte of a report makes no other card of it",
    needs: "cardReader",
    async run(subject) {
      const bench = await new Bench(subject).open();
      let place = 1;
      const isFlipped = async (): Promise<boolean> => {
        const { seen } = watch(bench.unit("cardReader"));
        const trouble = flip(bench.tap, "to_host", place);
        bench.hand("holdCard")(bitsOf(1));
        await bench.clock.advance(1_000);
        bench.tap.straighten();
        for (const card of seen) expect(card).toEqual({ bits: bitsOf(1), bitCount: 26 });
        await bench.reopen();
        return trouble.isReached;
      };
      while (await isFlipped()) place += 1;
      expect(place).toBeGreaterThan(3);
      await bench.finish();
    },
  },
  {
    id: "S01",
    promise:
      "every signal can be shown, again and again, by every unit that has signals, and changes nothing",
    needs: "signals",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const { signals } of bench.device.units) {
        for (const signal of [
          "off",
          "present_card",
          "done",
          "failed",
          "identify",
          "identify",
          "off",
        ] as const) {
          if (signals !== undefined) await bench.run(signals.show(signal, calm()));
        }
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
];

function listenAt(door: OnGatewayKeypad) {
  const typed: KeypadInput[] = [];
  return { typed, stop: door.onInput((input) => typed.push(input)) };
}

/** All keys one after another: some keypads tell each, some an entry at a time. */
function keysOf(typed: readonly KeypadInput[]): string {
  return typed.map((input) => (input.type === "keys" ? input.keys.reveal() : input.type)).join("");
}

function watch(reader: CardReader) {
  const seen: CardRead[] = [];
  return { seen, stop: reader.onCard((card) => seen.push(card)) };
}

/** 26 bits, another 26 for every number up to 255. */
const bitsOf = (number: number): Uint8Array => Uint8Array.of(0x80, 0xa1, number, 0xc0);
