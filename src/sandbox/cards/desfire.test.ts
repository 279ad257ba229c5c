import { describe, expect, test } from "vitest";
import transcript from "../../contactless/desfire/transcript.json" with { type: "json" };
import { fromHex, toHex } from "#src/lib/hex";
import { DesfireCard } from "./desfire.js";

const nonces = (which: RegExp) =>
  transcript.steps.flatMap(({ note }) => which.exec(note)?.slice(1) ?? []).map((hex) => fromHex(hex));

test("answers as the card answered that libfreefare talked to, byte for byte", () => {
  const ours = nonces(/RndB ([0-9a-f]+)/);
  expect(ours).toHaveLength(5);
  const random = () => ours.shift() ?? new Uint8Array();
  const card = new DesfireCard({ uid: fromHex("04112233445566"), random });
  card.select(false);
  const exchanges = transcript.steps.flatMap(({ exchanges }) => exchanges);
  for (const { command, answer } of exchanges) {
    const said = card.transceive(fromHex(command));
    expect({ command, answer: typeof said === "string" ? said : toHex(said) }).toEqual({ command, answer });
  }
});

/** A host that sends bytes as they are; what the card says, in hex. */
function fresh() {
  const card = new DesfireCard({ uid: fromHex("04112233445566") });
  card.select(false);
  const ask = (hex: string) => {
    const said = card.transceive(fromHex(hex));
    return typeof said === "string" ? said : toHex(said);
  };
  return { card, ask };
}
const CREATE = "90ca0000050020f50b8300";

describe("says no", () => {
  test.each([
    ["to what is not wrapped", "60", "6e00"],
    ["to a length that is not so", "905a0000040020f500", "917e"],
    ["to a command that it does not know", "9099000000", "911c"],
    ["to a continuation of nothing", "90af000000", "91ca"],
    ["to an application that it does not have", "905a000003010203 00", "91a0"],
    ["to a key that it does not have", "90aa0000010500", "9140"],
    ["to an AES session where the key is DES", "90aa0000010000", "91ae"],
    ["to be formatted by anybody", "90fc000000", "91ae"],
    ["to give its UID to anybody", "9051000000", "91ae"],
    ["to a file outside of applications", "90cd0000070103201240000000", "911c"],
  ])("%s", (_, command, answer) => {
    expect(fresh().ask(command)).toBe(answer);
  });

  test("to a second application of the same name, and to more than its memory holds", () => {
    const { ask, card } = fresh();
    expect([ask(CREATE), ask(CREATE)]).toEqual(["9100", "91de"]);
    const ids = Array.from({ length: 40 }, (_, n) => n.toString(16).padStart(6, "0")).slice(1);
    expect(ids.map((id) => ask(`90ca000005${id}0b8300`))).toContain("910e");
    expect(card.changes).toBe(card.memory.size - 1);
  });

  test("to whoever has no session, and to read or write without the right", () => {
    const { ask } = fresh();
    ask(CREATE);
    ask("905a0000030020f500");
    expect(ask("90cb0000070103201230000000")).toBe("91ae");
    expect(ask("906f000000")).toBe("9100");
    expect(ask("90bd0000070100000000000000")).toBe("91f0");
  });
});

test("hears nothing in the middle of ISO/IEC 14443-4 but its own commands, and nothing without a field", () => {
  const { card, ask } = fresh();
  expect(card.select(true)).toBe(false);
  card.halt();
  expect(ask("9060000000")).toBe("silent");
  expect(card.select(false)).toBe(false);
  expect(card.select(true)).toBe(true);
  card.reset();
  expect(ask("9060000000")).toBe("silent");
});

test("tells its version in three parts", () => {
  const { ask } = fresh();
  expect(ask("9060000000")).toBe("040101010 01a0591af".replaceAll(" ", ""));
  expect(ask("90af000000")).toBe("04010101041a0591af");
  expect(ask("90af000000")).toBe("04112233445566ba53476540201191" + "00");
});
