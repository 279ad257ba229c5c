import { expect, test } from "vitest";
import type { Store } from "#src/engine/ports";
import { watchStore } from "#src/gateway-heartbeat";
import type { Json } from "#src/lib/json";
import { StoreError, type StoreErrorCode } from "#src/store/store-error";
import { tempStore } from "#test/support/temp-store";
import { VirtualClock } from "#test/support/virtual-clock";

function rig(meta: Store["meta"]) {
  const clock = new VirtualClock();
  const heard: number[] = [];
  const watch = (name: string) => () => void heard.push(name === "store" ? clock.monotonic() : NaN);
  const stop = watchStore(meta, { clock, watch });
  return { clock, heard, stop };
}

/** A store that takes what it is given until `state` says otherwise. */
function failingMeta(state: { fails: StoreErrorCode | "forgets" | null }): Store["meta"] {
  const kept = new Map<string, Json>();
  return {
    get: (name) => kept.get(name),
    set(name, value) {
      if (state.fails === "forgets") return;
      if (state.fails !== null) throw new StoreError(state.fails, "as told");
      kept.set(name, value);
    },
  };
}

test("a store that works is heard at every turn, until it is stopped", async () => {
  const store = tempStore();
  const { clock, heard, stop } = rig(store.meta);
  await clock.advance(60_000);
  stop();
  await clock.advance(60_000);
  expect(heard).toEqual([0, 30_000, 60_000]);
  expect(clock.pending).toBe(0);
});

test.each(["forgets", "locked", "io"] as const)(
  "a store that %s is not heard, until it works again",
  async (fails) => {
    const state: { fails: StoreErrorCode | "forgets" | null } = { fails };
    const { clock, heard } = rig(failingMeta(state));
    await clock.advance(60_000);
    expect(heard).toEqual([]);
    state.fails = null;
    await clock.advance(30_000);
    expect(heard).toEqual([90_000]);
  },
);

test("a full disk is an answer: a new start would not empty it", async () => {
  const { clock, heard } = rig(failingMeta({ fails: "disk_full" }));
  await clock.advance(30_000);
  expect(heard).toEqual([0, 30_000]);
});
