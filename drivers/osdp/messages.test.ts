import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { decodeReply, requests } from "./messages.js";

describe("commands", () => {
  test.each([
    ["a pulse of 3 s", requests.pulse(0, 30), 0x68, "00051e00"],
    ["a pulse of the longest time", requests.pulse(1, 65_535), 0x68, "0105ffff"],
    [
      "a steady light that is not refused for times of 0",
      requests.light({ colour: "green", tenths: 20 }),
      0x69,
      "0000020202020214000000000000",
    ],
    [
      "a light between two colours",
      requests.light({ colour: "red", blinksTo: "green", tenths: 100 }),
      0x69,
      "0000020202010264000000000000",
    ],
    ["the end of a light", requests.lightOff(), 0x69, "0000010000000000000000000000"],
    ["three beeps", requests.beep(3), 0x6a, "0002010103"],
    ["one beep", requests.beep(1), 0x6a, "0002010001"],
    ["no beep any more", requests.beepOff(), 0x6a, "0001000000"],
    ["a new speed", requests.communication(5, 38_400), 0x6e, "0500960000"],
    ["our receive size", requests.receiveSize(1_440), 0x7b, "a005"],
  ])("%s", (_, { code, data }, expectedCode, expectedData) => {
    expect([code, toHex(data)]).toEqual([expectedCode, expectedData]);
  });

  test("a key travels with its kind and length", () => {
    const { data, changes } = requests.keySet(new Secret(fromHex("00112233445566778899aabbccddeeff")));
    expect([toHex(data), changes]).toEqual(["011000112233445566778899aabbccddeeff", true]);
  });
});

describe("replies", () => {
  test("who it is and what it can", () => {
    expect(decodeReply(0x45, fromHex("00068e 07 02 67120000 010409"))).toEqual({
      is: "id",
      id: { vendor: "00068e", model: 7, version: 2, serial: 4711, firmware: "1.4.9" },
    });
    expect(decodeReply(0x46, fromHex("010102 080100"))).toEqual({
      is: "capabilities",
      list: [
        { function: 1, compliance: 1, count: 2 },
        { function: 8, compliance: 1, count: 0 },
      ],
    });
  });

  test.each([
    ["26 bits", "0000 1a00 80a1b2c0", "80a1b2c0", 26],
    ["what lies behind the last bit is none of it", "0000 1a00 80a1b2ff", "80a1b2c0", 26],
    ["whole bytes", "0000 2000 80a1b2ff", "80a1b2ff", 32],
    ["37 bits", "0001 2500 8000000008", "8000000008", 37],
  ])("a card: %s", (_, hex, bits, bitCount) => {
    expect(decodeReply(0x50, fromHex(hex))).toEqual({ is: "card", bits: fromHex(bits), bitCount });
  });

  test.each([
    ["digits", "00 04 31323334", "1234"],
    ["enter and clear as they are printed", "00 03 370d7f", "7#*"],
    ["the same in ASCII", "00 02 232a", "#*"],
    ["function keys", "00 06 414243444546", "ABCDEF"],
    ["something else", "00 02 00ff", "??"],
  ])("keys: %s", (_, hex, expected) => {
    const reply = decodeReply(0x53, fromHex(hex));
    expect(reply.is === "keys" && reply.keys.reveal()).toBe(expected);
    expect(JSON.stringify(reply)).not.toContain(expected);
  });

  test("a NAK may say more than its reason", () => {
    expect(decodeReply(0x41, fromHex("03 60"))).toEqual({ is: "nak", error: 3 });
  });

  test.each([
    ["a card without bits", 0x50, "00000000"],
    ["a card with fewer bytes than bits", 0x50, "00001a0080a1b2"],
    ["more keys than it says", 0x53, "000131 32"],
    ["fewer keys than it says", 0x53, "000531"],
    ["half an identity", 0x45, "00068e"],
    ["capabilities that are no triples", 0x46, "0101"],
    ["a NAK without a reason", 0x41, ""],
    ["a vendor's own reply", 0x90, "00068e0102"],
    ["a formatted card, which says too little to be one", 0x51, "00000431323334"],
  ])("%s means nothing, and is alive", (_, code, hex) => {
    expect(decodeReply(code, fromHex(hex))).toEqual({ is: "other", code });
  });

  test("any bytes decode", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 64 }), (code, data) => {
        expect(decodeReply(code, data).is).toBeTypeOf("string");
      }),
    );
  });
});
