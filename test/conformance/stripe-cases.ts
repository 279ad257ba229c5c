import { expect } from "vitest";
import { DriverError, type StripeChange, type TrackNumber } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { Bench, calm } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { CANARY } from "#test/conformance/plans";
import { canaryOnTrack3, stripeReadBack, stripeWith } from "#test/conformance/steps";

const needs = "stripeWriter";
const nothing = () => undefined;
const written = (track: TrackNumber, text: string): StripeChange => ({
  do: "write",
  tracks: [{ track, text: new Secret(text) }],
});

/** What holds for every device that a card with a magnetic stripe is pulled through. */
export const stripeCases: readonly Case[] = [
  {
    id: "W01",
    promise: "what it writes on a stripe it reads back, and erases again",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      await stripeReadBack(bench);
      const erase: StripeChange = { do: "erase", tracks: [1, 2, 3] };
      const after = await bench.run(bench.unit("stripeWriter").change(erase, calm(), nothing));
      expect(after).toEqual(stripeWith(null));
      await bench.finish();
    },
  },
  {
    id: "W02",
    promise: "tracks that a change does not name stay as they are",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("stripeWriter");
      bench.hand("holdStripe")(true);
      const longest = { 1: "A".repeat(76), 2: "9".repeat(37), 3: "1".repeat(104) } as const;
      for (const track of [1, 2, 3] as const)
        await bench.run(writer.change(written(track, longest[track]), calm(), nothing));
      const full = {
        1: { is: "text", text: longest[1] },
        2: { is: "text", text: longest[2] },
        3: { is: "text", text: longest[3] },
      };
      expect(await bench.run(writer.read(calm()))).toEqual(full);
      for (const track of [1, 2, 3] as const) {
        const read = await bench.run(writer.change({ do: "erase", tracks: [track] }, calm(), nothing));
        expect(read).toEqual({ ...full, [track]: { is: "blank" } });
        await bench.run(writer.change(written(track, longest[track]), calm(), nothing));
      }
      await bench.finish();
    },
  },
  {
    id: "W03",
    promise: "it waits for a pull as long as the call lets it, and sees one that comes late",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("stripeWriter");
      bench.clock.startTimer(58_300, () => bench.hand("holdStripe")(true));
      expect(await bench.run(writer.read(calm()), 70_000)).toEqual(stripeWith(null));
      bench.hand("holdStripe")(false);
      bench.clock.startTimer(58_300, () => bench.hand("holdStripe")(true));
      const read = await bench.run(writer.change(canaryOnTrack3, calm(), nothing), 70_000);
      expect(read).toEqual(stripeWith(CANARY.stripe));
      await bench.finish();
    },
  },
  {
    id: "W04",
    promise: "cancelled or closed while it waits for a pull, it writes no card that comes along later",
    needs,
    async run(subject) {
      for (const end of ["cancel", "close"] as const) {
        for (let ms = 0; ms <= 11_000; ms += 730) {
          const bench = await new Bench(subject).open();
          const operator = new AbortController();
          const { signal } = operator;
          const change = bench.unit("stripeWriter").change(canaryOnTrack3, { signal }, nothing);
          change.catch(() => undefined);
          await bench.clock.advance(ms);
          if (end === "cancel") operator.abort(new Error("cancelled at the desk"));
          else await bench.run(bench.device.close());
          const code = end === "cancel" ? "call.cancelled" : "device.lost";
          expect(await bench.failure(change)).toHaveProperty("code", code);
          await bench.clock.advance(0);
          bench.hand("holdStripe")(true);
          await bench.clock.advance(30_000);
          expect({ end, ms, changes: bench.world.changes }).toEqual({ end, ms, changes: 0 });
          await bench.finish();
        }
      }
    },
  },
  {
    id: "W05",
    promise: "a pull that went wrong is asked for again; once too often is card.unwritable",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("stripeWriter");
      bench.hand("holdStripe")(true);
      bench.hand("pullBadly")(1);
      expect(await bench.run(writer.change(canaryOnTrack3, calm(), nothing))).toEqual(
        stripeWith(CANARY.stripe),
      );
      bench.hand("pullBadly")(1);
      expect(await bench.run(writer.read(calm()))).toEqual(stripeWith(CANARY.stripe));
      bench.hand("pullBadly")(100);
      const read = await bench.failure(writer.read(calm()));
      expect(read).toMatchObject({ code: "card.unwritable", effect: "none" });
      const change = await bench.failure(writer.change(canaryOnTrack3, calm(), nothing));
      expect(change).toMatchObject({ code: "card.unwritable", effect: "unknown" });
      await bench.finish();
    },
  },
  {
    id: "W06",
    promise: "the answer to a change is what the second pull read, also of another card",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("stripeWriter");
      bench.hand("holdStripe")(true);
      const swap = () => {
        bench.hand("holdStripe")(false);
        bench.hand("holdStripe")(true);
      };
      expect(await bench.run(writer.change(canaryOnTrack3, calm(), swap))).toEqual(stripeWith(null));
      await bench.finish();
    },
  },
  {
    id: "W07",
    promise: "a text that the track cannot hold is card.unwritable, effect none, and nothing is sent",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const writer = bench.unit("stripeWriter");
      bench.hand("holdStripe")(true);
      const before = bench.line.carried.to_device;
      const wrong: readonly (readonly [TrackNumber, string])[] = [
        [1, "A".repeat(77)],
        [1, "lower case"],
        [1, "A?B"],
        [2, "1".repeat(38)],
        [2, "A"],
        [3, "1".repeat(105)],
        [3, "1;2"],
        [3, ""],
        [3, "\u{1f511}"],
      ];
      for (const [track, text] of wrong) {
        const outcome = await bench.outcome(writer.change(written(track, text), calm(), nothing));
        expect({ text, isRefused: outcome instanceof DriverError }).toEqual({ text, isRefused: true });
        expect(outcome).toMatchObject({ code: "card.unwritable", effect: "none" });
      }
      const none = await bench.failure(writer.change({ do: "erase", tracks: [] }, calm(), nothing));
      expect(none).toMatchObject({ code: "card.unwritable", effect: "none" });
      expect(bench.line.carried.to_device).toBe(before);
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
];
