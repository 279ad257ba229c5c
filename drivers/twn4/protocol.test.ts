import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { type Command, commands, crc16, encodeLine, lastLine } from "./protocol.js";
import vectors from "./vectors.json" with { type: "json" };

const line = (hex: string) => Buffer.from(`${hex.toUpperCase()}\r`, "latin1");
const lowHigh = (crc: number) => toHex(Uint8Array.of(crc & 0xff, crc >> 8));

test.each(vectors.crc.frames)("CRC of $bytes", ({ bytes, crc }) => {
  expect(lowHigh(crc16(fromHex(bytes)))).toBe(crc);
});

/** Our command for each example of the vendor, and what its answer means. */
const OURS: Readonly<Record<string, readonly [Command<unknown>, unknown]>> = {
  GetVersionString: [commands.version(), "TWN4/B1.03/CCF1.57/PRS1.03/PI"],
  Beep: [{ ...commands.beep(2_400, 500), parameters: fromHex("646009f401f401") }, true],
  GPIOBlinkBits: [commands.blink(0x01, 100), true],
  GPIOSetBits: [commands.lampsOn(0x01), true],
  GPIOClearBits: [commands.lampsOff(0x01), true],
  MifareClassic_Login: [commands.openSector(0, "A", fromHex("a0a1a2a3a4a5")), true],
  MifareClassic_ReadBlock: [commands.readBlock(2), new Uint8Array(16)],
  MifareClassic_WriteBlock: [commands.writeBlock(2, new Uint8Array(16)), true],
  NTAG_PwdAuth: [commands.openPages(fromHex("ffffffff"), fromHex("0000")), true],
  NTAG_Write: [commands.writePage(4, new Uint8Array(4)), true],
  NTAG_GetVersion: [commands.tagVersion(), fromHex("0004040502011503")],
};

describe("the vendor's examples", () => {
  test.each(vectors.exchanges.list.filter(({ name }) => name in OURS))(
    "$name",
    ({ name, command, answer }) => {
      const [ours, means] = OURS[name] ?? [commands.ticks(), null];
      expect(Buffer.from(encodeLine(ours, false)).toString()).toBe(`${command.toUpperCase()}\r`);
      const said = lastLine(line(answer), false);
      expect(said?.status).toBe(0);
      expect(ours.parse(said?.content ?? new Uint8Array())).toEqual(means);
    },
  );

  test("SearchTag and the APDU call, which we ask with other limits", () => {
    const answerTo = (name: string) => {
      const answer = vectors.exchanges.list.find((it) => it.name === name)?.answer ?? "";
      return lastLine(line(answer), false)?.content ?? new Uint8Array();
    };
    expect(commands.search().parse(answerTo("SearchTag"))).toEqual({ uid: "66cf4dc2" });
    expect(commands.apdu(Uint8Array.of(0x60)).parse(answerTo("ISO14443_4_TDX"))).toEqual(fromHex("6f00"));
    expect(toHex(commands.apdu(Uint8Array.of(0x60)).parameters)).toBe("0160ff");
  });
});

test.each(vectors.multiTag.answers)("cards of $answer", ({ answer, uids }) => {
  expect(commands.searchAll().parse(fromHex(answer))).toEqual(uids.map((uid) => ({ uid })));
});

describe("lines", () => {
  test("carry a checksum where the reader was set up for it, and then need one", () => {
    const command = commands.version();
    expect(Buffer.from(encodeLine(command, true)).toString()).toBe("0004FF2B51\r");
    expect(lastLine(line("000131e1"), true)).toEqual({ status: 0, content: Uint8Array.of(1) });
    expect(lastLine(line("000131e0"), true)).toBeNull();
    expect(lastLine(line("0001"), true)).toBeNull();
  });

  test("noise before them is dropped, and of several the last counts", () => {
    const heard = Buffer.concat([Buffer.from([0x00, 0xff, 0x55]), line("0001"), line("0000")]);
    expect(lastLine(heard, false)).toEqual({ status: 0, content: Uint8Array.of(0) });
    expect(lastLine(Buffer.concat([line("0001"), Buffer.from("00")]), false)?.content).toEqual(
      Uint8Array.of(1),
    );
  });

  test("one digit too many, a status that there is not, or no line at all are nothing", () => {
    for (const hex of ["001", "06", "ff00", ""]) expect(lastLine(line(hex), false)).toBeNull();
    expect(lastLine(Buffer.from("0001"), false)).toBeNull();
  });

  test("any bytes decode to something, and every command is said in hex", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, hasChecksum) => {
        const found = lastLine(bytes, hasChecksum);
        for (const make of [
          commands.search,
          commands.searchAll,
          commands.sak,
          commands.ticks,
          commands.version,
        ])
          make().parse(found?.content ?? bytes);
        const apdu = encodeLine(commands.apdu(bytes), hasChecksum);
        expect(Buffer.from(apdu).toString()).toMatch(/^([0-9A-F]{2})+\r$/);
      }),
    );
  });
});
