import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LockWindow } from "./schedule.js";
import { planCodes, type CodeStep, type WantedCode } from "./plan.js";
import {
  failed,
  type Found,
  holdsPin,
  ordered,
  outdated,
  read,
  refreshed,
  reported,
  rested,
  type Slot,
  type SlotOrder,
  slotSchema,
  unknownSlot,
  unreadable,
} from "./slot.js";

const NOW = 1_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How the simulated lock behaves; counts go down as they are used up. */
interface Faults {
  /** Shows occupied slots without their PIN. */
  masks: boolean;
  /** So many orders fail: refused, done without an answer, or answered with a yes and not done. */
  refuses: number;
  swallows: number;
  lies: number;
  misreads: number;
}

/** A lock with its own idea of its slots, and the loop as the engine runs it. */
class Bench {
  readonly held = new Map<number, string>();
  /** Windows that it keeps, by slot. */
  readonly windows = new Map<number, LockWindow>();
  readonly faults: Faults = { masks: false, refuses: 0, swallows: 0, lies: 0, misreads: 0 };
  readonly capacity: number;
  slots: Slot[] = [];
  wanted: WantedCode[] = [];
  now = NOW;
  /** Orders that the lock got, in order. */
  readonly orders: string[] = [];
  reads = 0;

  constructor(capacity = 5) {
    this.capacity = capacity;
  }

  want(...codes: readonly (readonly [owner: string, pin: string, window?: LockWindow | null])[]): this {
    this.wanted = codes.map(([owner, pin, window = null]) => ({ owner, pin, window, allowsOutside: false }));
    return this;
  }

  plan() {
    return planCodes(this.wanted, { capacity: this.capacity, slots: this.slots }, this.now);
  }

  /** Steps until nothing is left to do. */
  run(stepsMax = 500): this {
    for (let count = 0; count < stepsMax; count++) {
      const [step] = this.plan().steps;
      if (step === undefined) return this;
      this.#do(step);
      this.now += 1_000;
    }
    throw new Error("the loop does not end");
  }

  slot(number: number): Slot {
    return this.slots.find(({ slot }) => slot === number) ?? unknownSlot(number);
  }

  ownerOf(pin: string): string | null {
    return this.slots.find((slot) => holdsPin(slot, pin))?.owner ?? null;
  }

  put(slot: Slot): void {
    // What is stored is what the schema lets through.
    this.slots = [...this.slots.filter((known) => known.slot !== slot.slot), slotSchema.parse(slot)];
  }

  /** Somebody changes a slot at the lock, and the lock says so. */
  tamper(number: number, pin: string | null): void {
    if (pin === null) this.held.delete(number);
    else this.held.set(number, pin);
    this.put(outdated(this.slot(number), true));
  }

  #do(step: CodeStep): void {
    const slot = this.slot(step.slot);
    switch (step.do) {
      case "read":
        this.reads++;
        this.put(
          this.#use("misreads")
            ? unreadable(slot, "silent", this.now)
            : read(slot, this.#show(step.slot), this.now, this.windows.get(step.slot) ?? null),
        );
        return;
      case "rest":
        this.put(rested(slot, this.now));
        return;
      case "write":
      case "clear": {
        const order = step.do === "write" ? step.order : null;
        const pin = order?.pin ?? null;
        this.orders.push(`${step.do} ${step.slot} ${pin ?? ""}`.trim());
        const open = ordered(slot, step.owner, order, this.now);
        this.put(this.#order(step.slot, order) ? reported(open) : failed(open, "no", true));
      }
    }
  }

  #order(number: number, order: SlotOrder | null): boolean {
    const pin = order?.pin ?? null;
    if (this.#use("refuses")) return false;
    if (this.#use("lies")) return true;
    const isTaken = [...this.held].some(([other, held]) => other !== number && held === pin);
    if (pin !== null && isTaken) return false;
    if (pin === null) this.held.delete(number);
    else this.held.set(number, pin);
    if (order?.window == null) this.windows.delete(number);
    else this.windows.set(number, order.window);
    return !this.#use("swallows");
  }

  #use(fault: "refuses" | "swallows" | "lies" | "misreads"): boolean {
    if (this.faults[fault] === 0) return false;
    this.faults[fault]--;
    return true;
  }

  #show(number: number): Found {
    const pin = this.held.get(number);
    if (pin === undefined) return { is: "empty" };
    return this.faults.masks ? { is: "withheld" } : { is: "code", pin };
  }
}

const written = (bench: Bench): string[] => bench.orders.filter((order) => order.startsWith("write"));

test("reads every slot once, then writes each code once, and nothing when nothing changes", () => {
  const bench = new Bench().want(["a", "1111"], ["b", "2222"]).run();
  expect([...bench.held]).toEqual([
    [1, "1111"],
    [2, "2222"],
  ]);
  expect(bench.orders).toEqual(["write 1 1111", "write 2 2222"]);
  expect(bench.reads).toBe(5 + 2);
  expect(bench.plan().steps).toEqual([]);
});

test("slots that are not ours are left alone, and their PINs are not given out again", () => {
  const bench = new Bench(3);
  bench.held.set(1, "1111").set(2, "9999");
  bench.want(["a", "9999"], ["b", "3333"]).run();
  expect(bench.orders).toEqual(["write 3 3333"]);
  expect(bench.plan().problems.get("a")).toEqual({ code: "duplicate", holder: null, slot: 2 });
});

test("a full lock says so, and takes the code as soon as a slot is free", () => {
  const bench = new Bench(2).want(["a", "1111"], ["b", "2222"], ["c", "3333"]).run();
  expect(bench.plan().problems.get("c")).toEqual({ code: "no_space" });
  bench.want(["a", "1111"], ["c", "3333"]).run();
  expect(bench.ownerOf("3333")).toBe("c");
  expect(bench.plan().problems.size).toBe(0);
});

test("of two wishes with one PIN the older gets it, unless the other has it", () => {
  const bench = new Bench().want(["a", "1111"], ["b", "1111"]).run();
  expect(bench.ownerOf("1111")).toBe("a");
  expect(bench.plan().problems.get("b")).toEqual({ code: "duplicate", holder: "a", slot: 1 });
  bench.want(["b", "1111"], ["a", "1111"]).run();
  expect(bench.ownerOf("1111")).toBe("a");
  expect(written(bench)).toHaveLength(1);
});

test("a new PIN goes into the same slot; two codes swap theirs by way of an empty slot", () => {
  const bench = new Bench(2).want(["a", "1111"], ["b", "2222"]).run();
  bench.want(["a", "3333"], ["b", "2222"]).run();
  expect(bench.orders.at(-1)).toBe("write 1 3333");
  bench.want(["a", "2222"], ["b", "3333"]).run();
  expect(bench.ownerOf("2222")).toBe("a");
  expect(bench.ownerOf("3333")).toBe("b");
});

test("what must go, goes before anything is read", () => {
  const bench = new Bench().want(["a", "1111"]).run();
  bench.slots = bench.slots.map((slot) => outdated(slot));
  bench.want();
  expect(bench.plan().steps[0]).toEqual({ do: "clear", slot: 1, owner: "a" });
  bench.run();
  expect(bench.held.size).toBe(0);
  expect(bench.slot(1)).toEqual({ ...unknownSlot(1), found: { is: "empty" }, isStale: false });
});

describe("an order whose outcome is not known", () => {
  test("is read back, and not given again where it came true", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.swallows = 1;
    bench.run();
    expect(written(bench)).toEqual(["write 1 1111"]);
    expect(bench.ownerOf("1111")).toBe("a");
  });

  test("is given again, same slot and PIN, where the lock shows no PINs", () => {
    const bench = new Bench().want(["a", "1111"]);
    Object.assign(bench.faults, { swallows: 1, masks: true });
    bench.run();
    expect(written(bench)).toEqual(["write 1 1111", "write 1 1111"]);
    expect(bench.ownerOf("1111")).toBe("a");
  });

  test("a yes that reading does not bear out is a try like any other", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.lies = 1;
    bench.run();
    expect(written(bench)).toHaveLength(2);
    expect(bench.ownerOf("1111")).toBe("a");
  });
});

describe("three tries in five minutes", () => {
  test("and the slot is left alone for an hour, then two, then four, at most a day", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.refuses = 1_000;
    const waits: number[] = [];
    for (let round = 1; round <= 7; round++) {
      bench.run();
      expect(written(bench)).toHaveLength(3 * round);
      const { nextAt } = bench.plan();
      waits.push(Math.round(((nextAt ?? 0) - bench.now) / HOUR));
      bench.now = nextAt ?? 0;
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 24, 24]);
    expect(bench.slot(1).rest?.reason).toBe("no");
  });

  test("a new wish, and somebody's word, begin anew", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.refuses = 6;
    bench.run();
    bench.put(refreshed(bench.slot(1)));
    bench.run();
    expect(written(bench)).toHaveLength(6);
    bench.want(["a", "2222"]);
    // The slot rests, but not for this wish.
    bench.put(refreshed(bench.slot(1)));
    bench.run();
    expect(bench.ownerOf("2222")).toBe("a");
  });

  test("another slot goes on meanwhile, and a slot that cannot be read is left alone too", () => {
    const bench = new Bench(3);
    bench.faults.misreads = 3;
    bench.want(["a", "1111"], ["b", "2222"]).run();
    expect(bench.slot(1).rest).not.toBeNull();
    expect([...bench.held.keys()].sort()).toEqual([2, 3]);
  });

  test("a clock that jumped back prolongs no rest", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.refuses = 3;
    bench.run();
    bench.now -= 30 * 24 * HOUR;
    bench.run();
    expect(bench.ownerOf("1111")).toBe("a");
  });
});

describe("somebody changes our code at the lock", () => {
  test.each([
    ["another PIN", "8888", "modified"],
    ["no PIN", null, "removed"],
  ] as const)("%s: seen, and put back", (_, pin, change) => {
    const bench = new Bench().want(["a", "1111"]).run();
    bench.tamper(1, pin);
    const seen: unknown[] = [];
    for (let count = 0; count < 2; count++) {
      const [step] = bench.plan().steps;
      if (step?.do !== "read") break;
      bench.put(read(bench.slot(step.slot), pin === null ? { is: "empty" } : { is: "code", pin }, bench.now));
      seen.push(bench.slot(1).outside);
    }
    expect(seen).toEqual([{ change, at: bench.now }]);
    bench.run();
    expect(bench.ownerOf("1111")).toBe("a");
    expect(bench.slot(1).outside).toBeNull();
  });

  test("where that is allowed it stays, until there is a new wish", () => {
    const bench = new Bench().want(["a", "1111"]).run();
    bench.wanted = [{ owner: "a", pin: "1111", window: null, allowsOutside: true }];
    bench.tamper(1, "8888");
    bench.run();
    expect(bench.held.get(1)).toBe("8888");
    bench.wanted = [{ owner: "a", pin: "2222", window: null, allowsOutside: true }];
    bench.run();
    expect(bench.ownerOf("2222")).toBe("a");
  });

  test("again and again: the third time it is left alone", () => {
    const bench = new Bench().want(["a", "1111"]).run();
    for (let times = 0; times < 5; times++) {
      bench.tamper(1, "8888");
      bench.run();
    }
    expect(written(bench)).toHaveLength(3);
    expect(bench.slot(1).rest?.reason).toContain("again and again");
  });

  test("a lock that shows no PIN is believed when it says that somebody changed one", () => {
    const bench = new Bench().want(["a", "1111"]);
    bench.faults.masks = true;
    bench.run();
    bench.tamper(1, "8888");
    bench.run();
    expect(bench.held.get(1)).toBe("1111");
    bench.slots = bench.slots.map((slot) => outdated(slot));
    bench.run();
    expect(written(bench)).toHaveLength(2);
  });
});

// ── Whatever happens ─────────────────────────────────────────────────────────────────────────────────────────────

const PINS = ["1111", "2222", "3333", "4444"];
const OWNERS = ["a", "b", "c", "d"];
const WINDOWS = [
  null,
  { startsAt: NOW, endsAt: NOW + HOUR },
  { startsAt: NOW, endsAt: NOW + 2 * HOUR },
] as const;

type Act =
  | { readonly is: "want"; readonly codes: readonly (readonly [string, string, LockWindow | null])[] }
  | { readonly is: "steps"; readonly count: number }
  | { readonly is: "fault"; readonly fault: "refuses" | "swallows" | "lies" | "misreads" }
  | { readonly is: "tamper"; readonly slot: number; readonly pin: string | null; readonly isTold: boolean }
  | { readonly is: "stale" }
  | { readonly is: "wait"; readonly ms: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    is: fc.constant("want" as const),
    codes: fc.uniqueArray(
      fc.tuple(fc.constantFrom(...OWNERS), fc.constantFrom(...PINS), fc.constantFrom(...WINDOWS)),
      {
        selector: ([owner]) => owner,
        maxLength: 4,
      },
    ),
  }),
  fc.record({ is: fc.constant("steps" as const), count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({
    is: fc.constant("fault" as const),
    fault: fc.constantFrom("refuses" as const, "swallows" as const, "lies" as const, "misreads" as const),
  }),
  fc.record({
    is: fc.constant("tamper" as const),
    slot: fc.integer({ min: 1, max: 4 }),
    pin: fc.option(fc.constantFrom(...PINS, "7777", "8888")),
    isTold: fc.boolean(),
  }),
  fc.record({ is: fc.constant("stale" as const) }),
  fc.record({ is: fc.constant("wait" as const), ms: fc.constantFrom(1_000, HOUR, 30 * HOUR) }),
);

/** Steps as `run` does, a few only. */
function some(bench: Bench, count: number): void {
  try {
    bench.run(count);
  } catch {
    // Not done yet, as when the process dies in the middle.
  }
}

function play(bench: Bench, acts: readonly Act[], foreign: ReadonlySet<number>): void {
  for (const happens of acts) {
    switch (happens.is) {
      case "want":
        bench.want(...happens.codes);
        break;
      case "steps":
        some(bench, happens.count);
        break;
      case "fault":
        bench.faults[happens.fault]++;
        break;
      case "tamper": {
        if (foreign.has(happens.slot) || [...bench.held.values()].includes(happens.pin ?? "")) break;
        if (bench.slot(happens.slot).owner === null) break;
        // What is typed at the lock opens always.
        bench.windows.delete(happens.slot);
        if (happens.pin === null) bench.held.delete(happens.slot);
        else bench.held.set(happens.slot, happens.pin);
        bench.put(outdated(bench.slot(happens.slot), happens.isTold || bench.faults.masks));
        break;
      }
      case "stale":
        bench.slots = bench.slots.map((slot) => outdated(slot));
        break;
      case "wait":
        bench.now += happens.ms;
    }
  }
}

test("from any state the loop ends with what is wanted, and a second run writes nothing", () => {
  const history = fc.record({
    masks: fc.boolean(),
    foreign: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }),
    acts: fc.array(act, { maxLength: 40 }),
  });
  fc.assert(
    fc.property(history, ({ masks, foreign, acts }) => {
      const bench = new Bench(6);
      bench.faults.masks = masks;
      // Their PINs are nobody's wish, so that every wish can come true.
      for (const slot of foreign) bench.held.set(slot, `99${slot}`);
      // Of a lock that hides its PINs nobody can tell that it lies, or that somebody changed one and it did not say so.
      const isHidden = (one: Act) =>
        (one.is === "fault" && one.fault === "lies") || (one.is === "tamper" && !one.isTold);
      const isKnowable = (one: Act) => !masks || !isHidden(one);
      play(bench, acts.filter(isKnowable), new Set(foreign));
      Object.assign(bench.faults, { refuses: 0, swallows: 0, lies: 0, misreads: 0 });
      bench.slots = bench.slots.map((slot) => refreshed(outdated(slot)));
      bench.run();

      // Of several wishes for one PIN one comes true; the others keep what they had.
      const pins = new Set(bench.wanted.map(({ pin }) => pin));
      const owners = [...pins].map((pin) => bench.ownerOf(pin));
      expect(bench.wanted).toEqual(
        expect.arrayContaining(
          [...pins].map((pin, index) => expect.objectContaining({ pin, owner: owners[index] }) as unknown),
        ),
      );
      const losers = bench.wanted.filter(({ owner }) => !owners.includes(owner)).map(({ owner }) => owner);
      const ours = [...bench.held].filter(([slot]) => !foreign.includes(slot));
      const settled = ours.filter(([slot]) => !losers.includes(bench.slot(slot).owner ?? ""));
      expect(settled.map(([, pin]) => pin).sort()).toEqual([...pins].sort());
      expect(new Set(bench.held.values()).size).toBe(bench.held.size);
      for (const [slot] of settled) {
        const wish = bench.wanted.find(({ owner }) => owner === bench.slot(slot).owner);
        expect(bench.windows.get(slot) ?? null).toEqual(wish?.window);
      }
      for (const slot of foreign) expect(bench.held.get(slot)).toBe(`99${slot}`);

      const before = bench.orders.length;
      bench.slots = bench.slots.map((slot) => outdated(slot));
      bench.run();
      expect(bench.orders.length).toBe(before);
    }),
    { numRuns: 2_000 },
  );
});

test("no order goes to a foreign slot, and no slot gets more than three for one wish in five minutes", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.boolean(), (acts, masks) => {
      const bench = new Bench(4);
      bench.faults.masks = masks;
      bench.held.set(2, "992");
      play(bench, acts, new Set([2]));
      expect(bench.orders.filter((order) => order.split(" ")[1] === "2")).toEqual([]);
      for (const { tries } of bench.slots) expect(tries.length).toBeLessThanOrEqual(3);
      expect(bench.held.get(2)).toBe("992");
    }),
    { numRuns: 1_000 },
  );
});
