import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard, type NtagKind } from "#src/sandbox/cards/ntag";

const UID4 = "deadbeef";
const FF = "ffffffffffff";
const DATA = "000102030405060708090a0b0c0d0e0f";

interface Card {
  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent";
}
const ask = (card: Card, hex: string) => {
  const answer = card.transceive(fromHex(hex));
  return typeof answer === "string" ? answer : toHex(answer);
};

function classic(): MifareClassicCard {
  const card = new MifareClassicCard({ uid: fromHex(UID4) });
  card.select(false);
  return card;
}

/** A card whose sector 1 has these access bytes and the keys A = 11…, B = 22…. */
function classicWith(access: string): MifareClassicCard {
  const card = classic();
  card.memory.set(fromHex(`111111111111${access}69222222222222`), 7 * 16);
  return card;
}
const openA = (card: Card) => ask(card, `6004111111111111${UID4}`);
const openB = (card: Card) => ask(card, `6104222222222222${UID4}`);

describe("MIFARE Classic", () => {
  test("reads and writes with the transport key, and hides key A", () => {
    const card = classic();
    expect(ask(card, `6004${FF}${UID4}`)).toBe("");
    expect(ask(card, `a004${DATA}`)).toBe("");
    expect(ask(card, "3004")).toBe(DATA);
    expect(ask(card, "3007")).toBe(`000000000000ff078069${FF}`);
    expect(toHex(card.memory.subarray(0, 8))).toBe("deadbeef22080400");
  });

  test("hears nothing more after a refusal until it is selected, nor after HALT until it is woken", () => {
    const card = classic();
    expect(ask(card, `6004000000000000${UID4}`)).toBe("refused");
    expect(ask(card, `6004${FF}${UID4}`)).toBe("silent");
    expect(card.select(false)).toBe(true);
    expect(ask(card, `6004${FF}${UID4}`)).toBe("");
    expect(ask(card, "5000")).toBe("silent");
    expect(card.select(false)).toBe(false);
    expect(card.select(true)).toBe(true);
    card.halt();
    card.reset();
    expect(card.select(false)).toBe(true);
  });

  test("keeps one sector open at a time and wants its own UID", () => {
    const card = classic();
    ask(card, `6004${FF}${UID4}`);
    expect(ask(card, "3008")).toBe("refused");
    card.select(false);
    expect(ask(card, `6004${FF}deadbeee`)).toBe("refused");
  });

  // Access bytes from the tables of NXP MF1S50YYX_V1: data 100 with trailer 011, and so on.
  test.each([
    ["787788", "A", "read"],
    ["787788", "B", "read write trailer"],
    ["7f0788", "A", "read write"],
    ["7f0788", "B", "read write trailer"],
    ["0f00ff", "A", ""],
    ["0f00ff", "B", "read write trailer"],
    ["f0ff00", "A", "read"],
    ["f0ff00", "B", "read write trailer"],
    ["00f0ff", "A", ""],
    ["00f0ff", "B", ""],
    ["ff0780", "A", "read write trailer"],
    // Key B can be read with these, so it opens nothing.
    ["ff0780", "B", ""],
    // Inverted copies that do not match: the sector is dead.
    ["ff0781", "A", ""],
  ])("access %s, key %s: may %s", (access, slot, allowed) => {
    const tries = {
      read: "3004",
      write: `a004${DATA}`,
      trailer: `a007${"33".repeat(6)}${access}69${"44".repeat(6)}`,
    };
    const done = Object.entries(tries).filter(([, frame]) => {
      const card = classicWith(access);
      expect((slot === "A" ? openA : openB)(card)).toBe("");
      return ask(card, frame) !== "refused";
    });
    expect(done.map(([name]) => name).join(" ")).toBe(allowed);
  });

  test("writes only those parts of a trailer that its key may", () => {
    const card = classicWith("f0ff00");
    openB(card);
    ask(card, `a007${"33".repeat(6)}ff078000${"44".repeat(6)}`);
    expect(toHex(card.memory.subarray(112, 128))).toBe(`${"33".repeat(6)}f0ff0069${"44".repeat(6)}`);
  });

  test("counts with value blocks", () => {
    const card = classic();
    ask(card, `6004${FF}${UID4}`);
    ask(card, "a0050a000000f5ffffff0a00000005fa05fa");
    expect(ask(card, "c10503000000")).toBe("");
    expect(ask(card, "b005")).toBe("");
    expect(ask(card, "3005")).toBe("0d000000f2ffffff0d00000005fa05fa");
    expect(ask(card, "c10403000000")).toBe("refused");
  });

  test("has the large sectors of a 4K card", () => {
    const card = new MifareClassicCard({ uid: fromHex("04112233445566"), size: "4k" });
    card.select(false);
    expect(ask(card, `60f0${FF}33445566`)).toBe("");
    expect(ask(card, `a0f4${DATA}`)).toBe("");
    expect(ask(card, "30f4")).toBe(DATA);
    expect(ask(card, "30ff")).toBe(`000000000000ff078069${FF}`);
  });
});

describe("NTAG21x", () => {
  const ntag = (kind: NtagKind = "ntag213") => {
    const card = new NtagCard({ uid: fromHex("04a1b2c3d4e5f6"), kind });
    card.select(false);
    return card;
  };
  const reselected = (card: NtagCard) => {
    card.select(true);
    return card;
  };

  test.each([
    ["ntag213", "0004040201000f03", 0x29],
    ["ntag215", "0004040201001103", 0x83],
    ["ntag216", "0004040201001303", 0xe3],
  ] as const)(
    "%s tells its kind and has its configuration where the data sheet says",
    (kind, version, cfg) => {
      const card = ntag(kind);
      expect(ask(card, "60")).toBe(version);
      expect(ask(card, `3a${cfg.toString(16)}${(cfg + 3).toString(16)}`)).toBe(
        "040000ff000500000000000000000000",
      );
    },
  );

  test("reads four pages, and goes on at page 0 past the end", () => {
    const card = ntag();
    ask(card, "a20641424344");
    expect(ask(card, "3004")).toBe("0300fe00000000004142434400000000");
    expect(ask(card, "302c")).toBe("0000000004a1b29fc3d4e5f604480000");
    expect(ask(card, "302d")).toBe("refused");
  });

  test("protects from AUTH0 on, from the next selection, writing only or reading too", () => {
    const card = ntag();
    ask(card, "a22b11223344");
    ask(card, "a22c55660000");
    ask(card, "a22904000005");
    expect(ask(card, "a20600000001")).toBe("");
    reselected(card);
    expect(ask(card, "3004")).not.toBe("refused");
    expect(ask(card, "a20600000002")).toBe("refused");
    expect(ask(card, "3004")).toBe("silent");
    reselected(card);
    expect(ask(card, "1b11223344")).toBe("5566");
    expect(ask(card, "a22a80000000")).toBe("");
    reselected(card);
    expect(ask(card, "3004")).toBe("0300fe0004a1b29fc3d4e5f604480000");
    expect(ask(card, "3a0405")).toBe("refused");
    reselected(card);
    expect(ask(card, "1b00000000")).toBe("refused");
    expect(ask(card, "1b11223344")).toBe("silent");
  });

  test("counts wrong passwords when AUTHLIM says so, and then takes none", () => {
    const card = ntag();
    ask(card, "a22a02000000");
    for (let attempt = 0; attempt < 2; attempt++) expect(ask(reselected(card), "1b00000000")).toBe("refused");
    expect(ask(reselected(card), "1bffffffff")).toBe("refused");
  });

  test("sets one-time and lock bits for ever", () => {
    const card = ntag();
    expect(ask(card, "a20000000000")).toBe("refused");
    reselected(card);
    ask(card, "a20200004001");
    ask(card, "a20200000000");
    expect(toHex(card.memory.subarray(8, 12))).toBe("04484001");
    expect(ask(card, "a20600000001")).toBe("refused");
    expect(ask(reselected(card), "a20800000001")).toBe("refused");
    expect(ask(reselected(card), "a20500000001")).toBe("");
    ask(card, "a203ffffffff");
    expect(toHex(card.memory.subarray(12, 16))).toBe("ffffffff");
  });

  test("locks pages from 16 on by the dynamic lock bytes, and freezes those", () => {
    const card = ntag();
    ask(card, "a22801000200");
    expect(ask(card, "a21100000001")).toBe("refused");
    expect(ask(reselected(card), "a21200000001")).toBe("");
    ask(card, "a22804000000");
    expect(toHex(card.memory.subarray(0x28 * 4, 0x28 * 4 + 4))).toBe("010002bd");
    expect(ask(card, "a21400000001")).toBe("");
  });

  test("locks its configuration by CFGLCK, but not the password", () => {
    const card = ntag();
    ask(card, "a22a40000000");
    expect(ask(reselected(card), "a22900000000")).toBe("refused");
    expect(ask(reselected(card), "a22b01020304")).toBe("");
  });
});
