import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { Pn532Simulator } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

const ACK = "0000ff00ff00";
const WAKE_UP = vectors.wakeUp.bytes;
const SAM = "0000ff03fdd414011700";
const SAM_ANSWER = "0000ff02fed5151600";
const LIST = "0000ff04fcd44a0100e100";
const NO_CARD = "0000ff03fdd54b00e000";
const CLASSIC_LISTED = "0000ff0cf4d54b010100040804deadbeef9600";
const FINITE_RETRIES = "0000ff06fad43205000102f200";

const CARDS: Record<string, () => MifareClassicCard | NtagCard> = {
  classic: () => new MifareClassicCard({ uid: fromHex("deadbeef") }),
  ntag: () => new NtagCard({ uid: fromHex("04a1b2c3d4e5f6") }),
};

function chip() {
  const simulator = new Pn532Simulator();
  let said = "";
  simulator.onSend((bytes) => (said += toHex(bytes)));
  const tell = (hex: string) => {
    said = "";
    simulator.receive(fromHex(hex));
    return said;
  };
  return { simulator, tell, heard: () => said };
}

function awakeChip() {
  const it = chip();
  it.tell(WAKE_UP + SAM);
  it.tell(FINITE_RETRIES);
  return it;
}

test.each(vectors.conversations)("$name, as published", ({ card, exchanges }) => {
  const { simulator, tell } = chip();
  const put = CARDS[card];
  if (put !== undefined) simulator.putCard(put());
  tell(WAKE_UP);
  for (const [command = "", answer = ""] of exchanges) {
    expect({ command, said: tell(command) }).toEqual({ command, said: ACK + answer });
  }
});

describe("asleep and awake", () => {
  test("says nothing before it is woken, and then nothing before SAMConfiguration", () => {
    const { tell } = chip();
    expect(tell(SAM)).toBe("");
    tell("5555");
    expect(tell("0000ff02fed4022a00")).toBe("");
    expect(tell(SAM)).toBe(ACK + SAM_ANSWER);
    expect(tell("0000ff03fdd416f02600")).toBe(`${ACK}0000ff03fdd517001400`);
    expect(tell("0000ff02fed4022a00")).toBe("");
  });
});

describe("a list without a card", () => {
  test("waits for ever as delivered, until a card comes or the host stops it", () => {
    const { simulator, tell, heard } = chip();
    tell(WAKE_UP + SAM);
    expect(tell(LIST)).toBe(ACK);
    simulator.putCard(new MifareClassicCard({ uid: fromHex("deadbeef") }));
    expect(heard()).toBe(ACK + CLASSIC_LISTED);
    simulator.takeCard();
    tell(LIST);
    tell(ACK);
    simulator.putCard(new MifareClassicCard({ uid: fromHex("deadbeef") }));
    expect(heard()).toBe("");
  });

  test("ends when the retries are finite", () => {
    expect(awakeChip().tell(LIST)).toBe(ACK + NO_CARD);
  });
});

test("repeats its last answer on NACK", () => {
  const { tell } = awakeChip();
  tell(LIST);
  expect(tell("0000ffff0000")).toBe(NO_CARD);
});

test("says a syntax error to what it does not know, and to GET_VERSION as a data exchange", () => {
  const { simulator, tell } = awakeChip();
  simulator.putCard(new NtagCard({ uid: fromHex("04a1b2c3d4e5f6") }));
  expect(tell("0000ff02fed4cc6000")).toBe(`${ACK}0000ff01ff7f8100`);
  tell(LIST);
  expect(tell("0000ff04fcd44001608b00")).toBe(`${ACK}0000ff01ff7f8100`);
});

test("hands frames on with its own checksum, or with the host's when that is switched off", () => {
  const { simulator, tell } = awakeChip();
  simulator.putCard(new NtagCard({ uid: fromHex("04a1b2c3d4e5f6") }));
  tell(LIST);
  expect(tell("0000ff03fdd442608a00")).toBe(`${ACK}0000ff0bf5d543000004040201000f03cb00`);
  tell("0000ff08f8d4086302006303005900");
  // CRC_A of 60 is F8 32.
  expect(tell("0000ff05fbd44260f8326000")).toMatch(new RegExp(`^${ACK}0000ff0df3d543000004040201000f03`));
  expect(tell("0000ff05fbd44260f8336000")).not.toContain("d54300");
});

test("keeps one card awake at a time, and finds the second only when asked for two", () => {
  const { simulator, tell } = awakeChip();
  simulator.putCard(new MifareClassicCard({ uid: fromHex("deadbeef") }));
  simulator.putCard(new MifareClassicCard({ uid: fromHex("cafebabe") }));
  expect(tell(LIST)).toBe(ACK + CLASSIC_LISTED);
  expect(tell("0000ff04fcd44a0200e000")).toContain("020100040804deadbeef0200040804cafebabe");
});
