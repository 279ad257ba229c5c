import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { VirtualClock } from "#test/support/virtual-clock";
import {
  type Command,
  commands,
  crcOf,
  decodeAnswer,
  encodeCommand,
  parseInfo,
  parseUid,
  REPORT_BYTES,
} from "./protocol.js";
import { RrhfoemSimulator } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

const secret = (hex: string) => new Secret(fromHex(hex));
const made: Readonly<Record<string, Command>> = {
  info: commands.info,
  beep: commands.beep,
  inventory: commands.inventory,
  select: commands.select("deadbeef"),
  authenticate4: commands.authenticate("deadbeef", 4, "A", secret("ffffffffffff")),
  authenticate8: commands.authenticate("deadbeef", 8, "A", secret("000000000000")),
  write: commands.write(4, secret("000102030405060708090a0b0c0d0e0f")),
  read: commands.read(4),
};
const asReport = (frame: string, filling = "00") =>
  fromHex(frame + filling.repeat(REPORT_BYTES - frame.length / 2));

test.each(vectors.commands)("$command is $frame", ({ command, frame }) => {
  expect(toHex(encodeCommand(made[command] ?? commands.info))).toBe(toHex(asReport(frame)));
});

test.each(vectors.answers)("$frame answers $code", ({ frame, code, isDone, data }) => {
  for (const filling of ["00", "ff", "a5"]) {
    const answer = decodeAnswer(asReport(frame, filling));
    expect(answer).toEqual({ code: parseInt(code, 16), isDone, data: Uint8Array.from(fromHex(data)) });
  }
  for (let bit = 0; bit < frame.length * 4; bit++) {
    const wrong = asReport(frame);
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeAnswer(wrong), `bit ${bit}`).toBeNull();
  }
});

test("a block's answer that counts one byte too few is understood", () => {
  const frame = [0x14, 0x21, 0x02, 0, 0, ...Array.from({ length: 16 }, (_, index) => index)];
  const crc = crcOf(frame);
  const answer = decodeAnswer(asReport(toHex(Uint8Array.from([...frame, crc >> 8, crc & 0xff]))));
  expect(answer).toMatchObject({ code: 0x2102, isDone: true });
  expect(answer?.data).toHaveLength(16);
});

test("says who it is, and refuses to be another", () => {
  const info = fromHex("525248464f454d30342d010203102030");
  expect(parseInfo(info)).toEqual({ model: "RRHFOEM04", firmware: "1.2.3", serial: "102030" });
  expect(parseInfo(info.slice(1))).toBeNull();
  expect(parseInfo(fromHex("414243444546474830342d010203102030"))).toBeNull();
  expect(parseUid(fromHex("04deadbeef"))).toBe("deadbeef");
  expect(parseUid(fromHex("05deadbeef"))).toBeNull();
});

test("any report is an answer or none, never a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      decodeAnswer(bytes);
      parseInfo(bytes);
      parseUid(bytes);
    }),
  );
});

/** The simulator shares no code with the driver: here the published frames stand between the two. */
test("the simulator holds the published conversation", async () => {
  const clock = new VirtualClock();
  const simulator = new RrhfoemSimulator(clock);
  simulator.putCard(new MifareClassicCard({ uid: fromHex("deadbeef") }));
  let said = "";
  simulator.onSend((report) => (said = toHex(report)));
  for (const { to, from } of vectors.conversation) {
    simulator.receive(asReport(to));
    expect({ to, said: said.slice(0, from.length) }).toEqual({ to, said: from });
    await clock.advance(100);
  }
});
