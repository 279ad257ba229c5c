import { expect } from "vitest";
import type { Call, CardSeen, CardTechnology, KeyIssuer, OnDeviceKeypad } from "#driver-api";
import { type Bench, calm, type Subject } from "#test/conformance/bench";
import { CANARY, readPlanFor, writePlanFor } from "#test/conformance/plans";
import {
  canaryOnTrack3,
  expectCanary,
  facts,
  oneCardPerContainer,
  pinFor,
  present,
  stripeReadBack,
  stripeWith,
} from "#test/conformance/steps";

/** One call that a device offers, with its stage: what has to lie there and be done before. */
export interface Scene {
  readonly name: string;
  /** Can a card, a slot, a lock or a door change? If not, every failure is harmless. */
  readonly changes: boolean;
  /** Whatever goes wrong, it resolves. */
  readonly neverRejects?: true;
  set(bench: Bench): Promise<Act>;
}

export interface Act {
  begin(call: Call): Promise<unknown>;
  /** What came back, or what was done, is right; asked only when the call succeeded. */
  check?(value: unknown): Promise<void> | void;
}

/** Every call that this device can be asked for. Waiting for a card is not among them: it never ends by itself. */
export function scenesOf(subject: Subject): readonly Scene[] {
  const { capabilities } = subject.rig;
  const has = (capability: (typeof capabilities)[number]) => capabilities.includes(capability);
  return [
    ping,
    ...(has("cardWriter") ? oneCardPerContainer(subject).flatMap(cardScenes) : []),
    ...(has("stripeWriter") ? stripeScenes : []),
    ...(has("keyIssuer") ? issuerScenes : []),
    ...(has("keypadLock:on_device") ? lockScenes : []),
    ...(has("keypadLock:on_gateway") ? doorScenes : []),
    ...(has("signals") ? [show] : []),
  ];
}

const ping: Scene = {
  name: "ping",
  changes: false,
  set: (bench) => Promise.resolve({ begin: (call) => bench.device.ping(call) }),
};

const show: Scene = {
  name: "signals.show",
  changes: false,
  set: (bench) => Promise.resolve({ begin: (call) => bench.unit("signals").show("identify", call) }),
};

function cardScenes(technology: CardTechnology): readonly Scene[] {
  const name = (call: string) => `cardWriter.${call} of a ${technology}`;
  const written = async (bench: Bench): Promise<CardSeen> => {
    const card = await present(bench, technology);
    await bench.run(bench.unit("cardWriter").write(card, writePlanFor(technology), calm()));
    return card;
  };
  return [
    {
      name: name("present"),
      changes: false,
      async set(bench) {
        const truth = await present(bench, technology);
        await bench.run(bench.unit("cardWriter").release());
        return {
          begin: (call) => bench.unit("cardWriter").present(call),
          check: (seen) => expect(seen).toEqual(truth),
        };
      },
    },
    {
      name: name("read"),
      changes: false,
      async set(bench) {
        const card = await written(bench);
        const read = (call: Call) => bench.unit("cardWriter").read(card, readPlanFor(technology), call);
        const truth = await bench.run(read(calm()));
        expectCanary(truth);
        return { begin: read, check: (back) => expect(back).toEqual(truth) };
      },
    },
    {
      name: name("write"),
      changes: true,
      async set(bench) {
        const card = await present(bench, technology);
        const writer = bench.unit("cardWriter");
        return {
          begin: (call) => writer.write(card, writePlanFor(technology), call),
          async check() {
            expectCanary(await bench.run(writer.read(card, readPlanFor(technology), calm())));
          },
        };
      },
    },
    {
      name: name("release"),
      changes: false,
      neverRejects: true,
      async set(bench) {
        await present(bench, technology);
        return { begin: () => bench.unit("cardWriter").release() };
      },
    },
  ];
}

const stripeScenes: readonly Scene[] = [
  {
    name: "stripeWriter.read",
    changes: false,
    async set(bench) {
      await stripeReadBack(bench);
      return {
        begin: (call) => bench.unit("stripeWriter").read(call),
        check: (read) => expect(read).toEqual(stripeWith(CANARY.stripe)),
      };
    },
  },
  {
    name: "stripeWriter.change",
    changes: true,
    set(bench) {
      const writer = bench.unit("stripeWriter");
      bench.hand("holdStripe")(true);
      return Promise.resolve({
        begin: (call) => writer.change(canaryOnTrack3, call, () => undefined),
        // Whatever came onto the stripe was told.
        check: async (read) => expect(await bench.run(writer.read(calm()))).toEqual(read),
      });
    },
  },
];

const madeKey = async (bench: Bench): Promise<{ issuer: KeyIssuer; cardNumber: string }> => {
  const issuer = bench.unit("keyIssuer");
  bench.hand("putIssuerCard")();
  const { cardNumber } = await bench.run(issuer.issue(facts, calm()));
  return { issuer, cardNumber };
};

const issuerScenes: readonly Scene[] = [
  {
    name: "keyIssuer.issue",
    changes: true,
    set(bench) {
      const issuer = bench.unit("keyIssuer");
      bench.hand("putIssuerCard")();
      return Promise.resolve({
        begin: (call) => issuer.issue(facts, call),
        async check(issued) {
          expect(issued).toHaveProperty("cardNumber", expect.stringMatching(/./));
          if (issuer.read !== undefined) expect(await bench.run(issuer.read(calm()))).toEqual(issued);
        },
      });
    },
  },
  {
    name: "keyIssuer.read",
    changes: false,
    async set(bench) {
      const { issuer, cardNumber } = await madeKey(bench);
      return {
        begin: (call) => issuer.read?.(call) ?? Promise.resolve({ cardNumber }),
        check: (card) => expect(card).toMatchObject({ cardNumber }),
      };
    },
  },
  {
    name: "keyIssuer.cancel",
    changes: true,
    async set(bench) {
      const { issuer, cardNumber } = await madeKey(bench);
      return { begin: (call) => issuer.cancel?.(cardNumber, call) ?? Promise.resolve() };
    },
  },
];

const SLOT = 2;

function lockScene(
  name: string,
  changes: boolean,
  begin: (lock: OnDeviceKeypad, call: Call) => Promise<unknown>,
  check?: (lock: OnDeviceKeypad, bench: Bench, value: unknown) => Promise<void> | void,
): Scene {
  return {
    name: `keypadLock.${name}`,
    changes,
    async set(bench) {
      const lock = bench.lock();
      if (name !== "writeSlot") await bench.run(lock.writeSlot(SLOT, pinFor(lock), calm()));
      return {
        begin: (call) => begin(lock, call),
        ...(check && { check: (value: unknown) => check(lock, bench, value) }),
      };
    },
  };
}

/** The slot holds the code, as far as the lock shows it. */
function expectHeld(lock: OnDeviceKeypad, held: unknown): void {
  expect(held).toHaveProperty("is", expect.stringMatching(/^(code|withheld)$/));
  const { code } = held as { readonly code?: ReturnType<typeof pinFor> };
  if (code !== undefined) expect(code.reveal()).toBe(pinFor(lock).reveal());
}

const lockScenes: readonly Scene[] = [
  lockScene(
    "readSlot",
    false,
    (lock, call) => lock.readSlot(SLOT, call),
    (lock, _, held) => expectHeld(lock, held),
  ),
  lockScene(
    "writeSlot",
    true,
    (lock, call) => lock.writeSlot(SLOT, pinFor(lock), call),
    async (lock, bench) => expectHeld(lock, await bench.run(lock.readSlot(SLOT, calm()))),
  ),
  lockScene(
    "clearSlot",
    true,
    (lock, call) => lock.clearSlot(SLOT, call),
    async (lock, bench) => expect((await bench.run(lock.readSlot(SLOT, calm()))).is).toBe("empty"),
  ),
  lockScene("lock", true, (lock, call) => lock.lock(call)),
  lockScene("unlock", true, (lock, call) => lock.unlock(call)),
];

const doorScenes: readonly Scene[] = [
  {
    name: "keypadLock.grant",
    changes: true,
    set: (bench) => Promise.resolve({ begin: (call) => bench.door().grant(5_000, call) }),
  },
  {
    name: "keypadLock.deny",
    changes: false,
    set: (bench) => Promise.resolve({ begin: (call) => bench.door().deny("unknown code", call) }),
  },
];
