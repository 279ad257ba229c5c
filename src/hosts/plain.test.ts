import fc from "fast-check";
import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { type Borrower, fromPlain, type Lender, NotUnderstood, toPlain } from "./plain.js";

const nobody: Lender & Borrower = {
  signal: (): never => {
    throw new TypeError("no signal");
  },
  lend: (): never => {
    throw new TypeError("no function");
  },
  borrow: () => () => Promise.resolve(),
};

function across(value: unknown): unknown {
  return fromPlain(JSON.parse(JSON.stringify(toPlain(value, nobody))), nobody);
}

test.each([
  [{ uid: "a1", blocks: new Map([[4, Uint8Array.of(1, 2, 255)]]) }],
  [[undefined, null, "", 0, -0.5, Number.NaN, Number.POSITIVE_INFINITY, true]],
  [{ $: "bytes", of: "a member of this name is no bytes" }],
  [{ inner: { $: { $: 1 } } }],
  [JSON.parse('{"__proto__": {"a": 1}}') as unknown],
])("%j arrives as it was sent", (value) => {
  expect(across(value)).toEqual(value);
});

test("any plain value arrives as it was sent", () => {
  const values = fc.anything({
    // Nobody means anything by the sign of a zero, and JSON has none.
    values: [
      fc.boolean(),
      fc.integer(),
      fc.double().map((number) => (number === 0 ? 0 : number)),
      fc.string(),
      fc.constantFrom(null, undefined),
    ],
    withMap: true,
    withTypedArray: false,
    withNullPrototype: false,
    withBigInt: false,
    withDate: false,
    withSet: false,
    withSparseArray: false,
    withBoxedValues: false,
    withObjectString: true,
  });
  const isUsual = (value: unknown): boolean => !Object.is(JSON.stringify(value), undefined);
  fc.assert(
    fc.property(values.filter(isUsual), (value) => {
      expect(across(value)).toEqual(value);
    }),
  );
});

test("a secret is one again, and a Buffer is plain bytes of its own", () => {
  const sent = { pin: new Secret("4711"), key: new Secret(Buffer.from("c0ffee", "hex")) };
  const come = across(sent) as typeof sent;
  expect(come.pin).toBeInstanceOf(Secret);
  expect(come.pin.reveal()).toBe("4711");
  expect(come.key.reveal()).toEqual(Uint8Array.of(0xc0, 0xff, 0xee));
  expect(JSON.stringify(come)).toBe('{"pin":"[secret]","key":"[secret]"}');
});

test.each([
  ["an instance of a class", new Error("4711")],
  ["a big integer", 1n],
  ["a symbol", Symbol("x")],
])("%s does not cross, and nothing of it is told", (_what, value) => {
  expect(() => toPlain({ value }, nobody)).toThrow(
    /^only plain data crosses .*, and this is an? \w+( of Error)?$/,
  );
});

test("what holds itself is refused", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  expect(() => toPlain(loop, nobody)).toThrow("nested too deeply, or in itself");
});

test("a method that is lent still knows whose it is", () => {
  const lent: ((...args: never[]) => unknown)[] = [];
  const talk = {
    name: "front desk",
    who() {
      return this.name;
    },
  };
  toPlain(talk, { ...nobody, lend: (work) => lent.push(work) });
  expect(lent[0]?.()).toBe("front desk");
});

test("whatever comes is a value or not understood", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom("bytes", "map", "secret", "signal", "function", "x"),
      (of, kind) => {
        for (const plain of [of, { $: kind, of }, [{ $: kind, of: [of, of] }]]) {
          try {
            fromPlain(plain, { ...nobody, signal: () => new AbortController().signal });
          } catch (error) {
            expect(error).toBeInstanceOf(NotUnderstood);
          }
        }
      },
    ),
  );
});
