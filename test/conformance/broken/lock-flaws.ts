import { flaw, type Flaw } from "#test/conformance/broken/flaw";

/** At locks, doors, readers and lamps. */
export const lockFlaws: readonly Flaw[] = [
  flaw(
    "clears nothing and says that it did",
    ["K01"],
    ["locks.ts", "await session.perform(requests.clearSlot(unit, slot), call);", ""],
  ),
  flaw(
    "says that it read an empty slot after it wrote a code there",
    ["K01"],
    [
      "locks.ts",
      "await session.perform(requests.writeSlot(unit, slot, code), call);\n      return null;",
      'await session.perform(requests.writeSlot(unit, slot, code), call);\n      return { is: "empty" };',
    ],
  ),
  flaw(
    "a slot's clearing is harmless to it",
    ["K02"],
    ["protocol.ts", 'change("clearSlot"', 'ask("clearSlot"'],
  ),
  flaw(
    "does not look whether the slot exists",
    ["K03"],
    ["locks.ts", "if (Number.isInteger(slot) && slot >= 1 && slot <= slots) return;", "return;"],
  ),
  flaw("counts one slot too few", ["K04"], ["locks.ts", "slot <= slots", "slot < slots"]),
  flaw(
    "writes no slot that is taken",
    ["K05"],
    [
      "locks.ts",
      "await session.perform(requests.writeSlot(",
      'if ((await session.order(requests.readSlot(unit, slot), call)).is !== "empty") return;\n      await session.perform(requests.writeSlot(',
    ],
  ),
  flaw("opening a lock is harmless to it", ["K06"], ["protocol.ts", 'change("setLocked"', 'ask("setLocked"']),
  flaw(
    "takes what the device tells unasked for the answer",
    ["K07", "G02", "R02"],
    [
      "exchange.ts",
      "sequence === EVENT_SEQUENCE || sequence !== exchange.sequence",
      "sequence !== EVENT_SEQUENCE && sequence !== exchange.sequence",
    ],
  ),
  flaw(
    "hears nothing while it waits for an answer",
    ["K07", "G02", "R02"],
    [
      "session.ts",
      "if (event !== undefined) for",
      "if (event !== undefined && this.#pending === undefined) for",
    ],
  ),
  flaw(
    "sets the lock's clock an hour late",
    ["K09"],
    ["protocol.ts", "Math.floor((now ?? 0) / 1_000)", "Math.floor(((now ?? 0) - 3_600_000) / 1_000)"],
  ),
  flaw(
    "keeps the end of a window only",
    ["K09", "K10"],
    ["protocol.ts", "[window.startsAt, window.endsAt].map(", "[0, window.endsAt].map("],
  ),
  flaw(
    "leaves the window in a slot that is written without one",
    ["K11"],
    [
      "locks.ts",
      "await session.perform(requests.writeSlot(unit, slot, code), call);",
      'if ((await session.order(requests.readSlot(unit, slot), call)).is !== "empty" && hasSchedule) return;\n      await session.perform(requests.writeSlot(unit, slot, code), call);',
    ],
  ),
  flaw(
    "a code with a window is harmless to it",
    ["K12"],
    ["protocol.ts", 'change("writeTimed"', 'ask("writeTimed"'],
  ),
  flaw(
    "writes a code without its window where the lock takes none",
    ["K13"],
    [
      "locks.ts",
      "await session.perform(request, call);",
      "await session.perform(request, call).catch(() => session.perform(requests.writeSlot(unit, slot, code), call));",
    ],
  ),
  flaw(
    "makes up a checksum",
    ["K14"],
    ["locks.ts", "toHex(await session.order(requests.checksum(unit), call))", '"same"'],
  ),
  flaw(
    "says of every lock that it is open",
    ["K15"],
    ["answers.ts", "return fields.whole({ isLocked,", "return fields.whole({ isLocked: isLocked && false,"],
  ),
  flaw(
    "hands on typed keys in plain sight",
    ["G01"],
    [
      "locks.ts",
      "keys: event.keys }",
      "keys: { reveal: () => event.keys.reveal(), shown: event.keys.reveal() } }",
    ],
  ),
  flaw(
    "throws something of its own at a long grant",
    ["G03"],
    [
      "locks.ts",
      "const tenths =",
      'if (ms > 6_553_500) throw new RangeError("too long");\n      const tenths =',
    ],
  ),
  flaw(
    "counts bytes for bits",
    ["R01"],
    ["reader.ts", "bitCount: event.bitCount", "bitCount: event.bits.length * 8"],
  ),
  flaw(
    "one listener that leaves takes the others along",
    ["R03"],
    ["session.ts", "return () => this.#listeners.delete(listener);", "return () => this.#listeners.clear();"],
  ),
  flaw(
    "offers a signal that it does not know",
    ["S01"],
    [
      "signals.ts",
      "show: (signal, call) =>",
      'show: (signal, call) => signal === "identify" ? Promise.reject(new Error("not supported")) :',
    ],
  ),
];
