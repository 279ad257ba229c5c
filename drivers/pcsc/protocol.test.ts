import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { apdus, directAnswer, replyOf, sakOf } from "./protocol.js";
import { PcscSimulator, type SimulatedCard } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

const [FF, ZEROS] = [new Uint8Array(6).fill(0xff), new Uint8Array(6)];
const OURS = [
  apdus.uid(),
  apdus.loadKey(FF, 0x00),
  apdus.authenticate(4, "A"),
  apdus.read(4),
  apdus.write(4, new Uint8Array(Buffer.from("HELLO ENCODER 01"))),
  apdus.read(4),
  apdus.loadKey(ZEROS, 0x00),
  apdus.authenticate(8, "A"),
];

/** What the simulated reader says to APDUs, in hex, and its ATR first. */
function answersOf(card: SimulatedCard, commands: readonly string[]): readonly string[] {
  const reader = new PcscSimulator();
  const said: string[] = [];
  reader.onSend((bytes) => said.push(toHex(bytes.subarray(2))));
  reader.putCard(card);
  for (const command of ["01", "04", ...commands]) {
    const message = fromHex(command);
    reader.receive(Uint8Array.of(0, message.length, ...message));
  }
  return said;
}

describe("the published exchange", () => {
  const { list } = vectors.apdus;

  test.each(list.map((it, n) => ({ ...it, n })))("$name is what we say", ({ command, n }) => {
    expect(toHex(OURS[n] ?? new Uint8Array())).toBe(command);
  });

  test("is what the simulated reader answers", () => {
    const card = new MifareClassicCard({ uid: fromHex("deadbeef") });
    const [atr, ...answers] = answersOf(
      card,
      list.map(({ command }) => command),
    );
    expect(atr).toBe(vectors.atrs.list[0]?.atr);
    expect(answers).toEqual(list.map(({ answer }) => answer));
  });

  test("of a tag's password goes to an ACR122U's chip", () => {
    const { command, answer } = vectors.direct;
    expect(toHex(apdus.direct(fromHex("1bffffffff")))).toBe(command);
    const tag = new NtagCard({ uid: fromHex("04a1b2c3d4e5f6") });
    expect(answersOf(tag, [command])).toEqual([vectors.atrs.list[1]?.atr, answer]);
    expect(directAnswer(replyOf(fromHex(answer)))).toEqual(fromHex("0000"));
  });
});

test.each(vectors.atrs.list)("ATR $atr", ({ atr, sak }) => {
  expect(sakOf(fromHex(atr))).toBe(sak);
});

test("other ATRs and answers are something, whatever they are", () => {
  expect(sakOf(fromHex("3b8f8001804f0ca000000306030026000000004d"))).toBe(0xff);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(sakOf(bytes)).toBeGreaterThanOrEqual(0);
      const reply = replyOf(bytes);
      expect(reply === null).toBe(bytes.length < 2);
      expect(directAnswer(reply)?.length ?? 0).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
