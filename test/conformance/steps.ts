import { expect, vi } from "vitest";
import type {
  Call,
  CardSeen,
  CardTechnology,
  KeyFacts,
  OnDeviceKeypad,
  ReadBack,
  StripeChange,
  StripeRead,
  Unit,
} from "#driver-api";
import { toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { type Bench, calm, type Subject } from "#test/conformance/bench";
import { CANARY, readPlanFor, writePlanFor } from "#test/conformance/plans";

/** Steps that several cases share. */

export const facts: KeyFacts = {
  credentialId: "5f0c7a52-5d0c-4d4e-9f0e-1c8a4f1f9c11",
  generation: 1,
  entrances: ["room-101", "pool"],
  startsAt: Date.parse("2026-11-22T14:00:00Z"),
  endsAt: null,
  holder: "Ada Guest",
};

/** One kind of card for each container that the rig has cards of. */
export function oneCardPerContainer({ rig }: Subject): readonly CardTechnology[] {
  const kinds = ["mifare_classic", "ntag", "mifare_desfire"];
  const found = kinds
    .map((kind) => rig.cards.find((technology) => technology.startsWith(kind)))
    .filter((technology) => technology !== undefined);
  expect(found, "a rig with a card writer lists the cards that it can lay down").not.toEqual([]);
  return found;
}

/** Lays one blank card down, alone, and sees it. */
export async function present(bench: Bench, technology: CardTechnology): Promise<CardSeen> {
  bench.hand("takeCards")();
  bench.hand("putCard")(technology);
  const card = await bench.run(bench.unit("cardWriter").present(calm()));
  expect(card.technology).toBe(technology);
  expect(card.uid).toMatch(/^([0-9a-f]{8}|[0-9a-f]{14}|[0-9a-f]{20})$/);
  return card;
}

/** What is written on stripes: digits, which every track takes. */
export const canaryOnTrack3: StripeChange = {
  do: "write",
  tracks: [{ track: 3, text: new Secret(CANARY.stripe) }],
};

/** A stripe of which only track 3 is written, or none. */
export const stripeWith = (text: string | null): StripeRead => ({
  1: { is: "blank" },
  2: { is: "blank" },
  3: text === null ? { is: "blank" } : { is: "text", text },
});

export async function stripeReadBack(bench: Bench): Promise<void> {
  const writer = bench.unit("stripeWriter");
  bench.hand("holdStripe")(true);
  expect(await bench.run(writer.read(calm()))).toEqual(stripeWith(null));
  const changed = vi.fn();
  expect(await bench.run(writer.change(canaryOnTrack3, calm(), changed))).toEqual(stripeWith(CANARY.stripe));
  expect(changed).toHaveBeenCalledOnce();
  expect(await bench.run(writer.read(calm()))).toEqual(stripeWith(CANARY.stripe));
}

export async function everyReadBack(bench: Bench): Promise<void> {
  await bench.run(bench.device.ping(calm()));
  for (const technology of bench.subject.rig.cards) await cardReadBack(bench, technology);
  if (bench.subject.rig.capabilities.includes("stripeWriter")) await stripeReadBack(bench);
  for (const lock of bench.locks()) await slotReadBack(bench, lock);
}

export async function cardReadBack(bench: Bench, technology: CardTechnology): Promise<void> {
  const writer = bench.unit("cardWriter");
  expect(writer.technologies).toContain(technology);
  const card = await present(bench, technology);
  const blank = await bench.run(writer.read(card, readPlanFor(technology), calm()));
  expect(["transport", "free"]).toContain(blank.opened);
  expect(contentOf(blank)).toBe("00".repeat(CANARY.content.length));
  await bench.run(writer.write(card, writePlanFor(technology), calm()));
  expectCanary(await bench.run(writer.read(card, readPlanFor(technology), calm())));
  await bench.run(writer.release());
}

/** Block 4 of a MIFARE Classic card, pages 4 to 7 of an NTAG, the file of a DESFire card (zeros where there is none). */
export function contentOf(read: ReadBack): string {
  switch (read.container) {
    case "classic":
      return toHex(read.blocks.get(4) ?? new Uint8Array());
    case "ntag":
      return [4, 5, 6, 7].map((page) => toHex(read.pages.get(page) ?? new Uint8Array())).join("");
    case "desfire":
      return toHex(read.file?.data ?? new Uint8Array(CANARY.content.length));
  }
}

export function expectCanary(read: ReadBack): void {
  expect(read.opened).toBe("canary");
  expect(contentOf(read)).toBe(toHex(CANARY.content));
}

/** As much of the canary PIN as the lock takes. */
export function pinFor(lock: OnDeviceKeypad): Secret<string> {
  const lengths = lock.codeLengths.filter((length) => length <= CANARY.pin.length);
  return new Secret(CANARY.pin.slice(0, Math.max(...lengths)));
}

export async function slotReadBack(bench: Bench, lock: OnDeviceKeypad): Promise<void> {
  const pin = pinFor(lock);
  const written = await bench.run(lock.writeSlot(lock.slots, pin, calm()));
  const held = await bench.run(lock.readSlot(lock.slots, calm()));
  for (const content of [written, held]) {
    expect(content?.is).not.toBe("empty");
    if (content?.is === "code") expect(content.code.reveal()).toBe(pin.reveal());
  }
  const cleared = await bench.run(lock.clearSlot(lock.slots, calm()));
  expect(cleared?.is ?? "empty").toBe("empty");
  expect((await bench.run(lock.readSlot(lock.slots, calm()))).is).toBe("empty");
}

/** Every call that the device offers, none of them begun. */
export function everyCall(bench: Bench, call: Call): readonly (() => Promise<unknown>)[] {
  const technology = bench.subject.rig.cards[0] ?? "unknown";
  return [
    () => bench.device.ping(call),
    ...bench.device.units.flatMap((unit) => callsOf(unit, technology, call)),
  ];
}

function callsOf(unit: Unit, technology: CardTechnology, call: Call): readonly (() => Promise<unknown>)[] {
  const { cardWriter: writer, stripeWriter: stripes, keyIssuer: issuer, keypadLock: keypad, signals } = unit;
  const card: CardSeen = { uid: "04a1b2c3", technology };
  return [
    writer && (() => writer.present(call)),
    writer && (() => writer.read(card, readPlanFor(technology), call)),
    writer && (() => writer.write(card, writePlanFor(technology), call)),
    stripes && (() => stripes.read(call)),
    stripes && (() => stripes.change(canaryOnTrack3, call, () => undefined)),
    issuer && (() => issuer.issue(facts, call)),
    issuer?.read && (() => issuer.read?.(call) ?? Promise.resolve()),
    issuer?.cancel && (() => issuer.cancel?.("K000001", call) ?? Promise.resolve()),
    ...(keypad?.codes === "on_device"
      ? [
          () => keypad.readSlot(1, call),
          () => keypad.writeSlot(1, pinFor(keypad), call),
          () => keypad.clearSlot(1, call),
          () => keypad.lock(call),
          () => keypad.unlock(call),
          ...besidesOf(keypad, call),
        ]
      : []),
    ...(keypad?.codes === "on_gateway"
      ? [() => keypad.grant(5_000, call), () => keypad.deny("unknown", call)]
      : []),
    signals && (() => signals.show("done", call)),
  ].filter((it) => it !== undefined);
}

/** What a lock may offer besides. */
function besidesOf(keypad: OnDeviceKeypad, call: Call): readonly (() => Promise<unknown>)[] {
  const { schedule } = keypad;
  const window = { startsAt: 1_795_168_800_000, endsAt: 1_795_255_200_000 };
  return [
    schedule && (() => schedule.setClock({ now: window.startsAt, timeZone: "Europe/Lisbon" }, call)),
    schedule && (() => schedule.write(1, pinFor(keypad), window, call)),
    schedule?.readWindow && (() => schedule.readWindow?.(1, call) ?? Promise.resolve()),
    keypad.checksum && (() => keypad.checksum?.(call) ?? Promise.resolve()),
    keypad.readState && (() => keypad.readState?.(call) ?? Promise.resolve()),
  ].filter((it) => it !== undefined);
}
