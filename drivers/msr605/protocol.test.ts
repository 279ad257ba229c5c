import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { packed, unpacked } from "#src/magstripe/msr-protocol";
import { VirtualClock } from "#test/support/virtual-clock";
import { answers, commands, decodeTrack, encodeTrack, trackProblem } from "./protocol.js";
import { MsrSimulator, SimulatedStripe } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

const example = [
  { track: 1, text: "ABC123" },
  { track: 2, text: "12345" },
  { track: 3, text: "12345" },
] as const;

const made: Readonly<Record<string, Uint8Array>> = {
  reset: commands.reset,
  test: commands.test,
  model: commands.model,
  firmware: commands.firmware,
  highCoercivity: commands.setCoercivity("high"),
  lowCoercivity: commands.setCoercivity("low"),
  rawBits: commands.setBits("raw"),
  isoBits: commands.setBits("iso"),
  readRaw: commands.readRaw,
  eraseAll: commands.erase(7),
  yellow: commands.lamp("yellow"),
  writeIso: commands.write("iso", example),
  writeRaw: commands.write("raw", example),
};

test.each(vectors.commands)("$command is $bytes", ({ command, bytes }) => {
  expect(toHex(made[command] ?? new Uint8Array())).toBe(bytes);
});

const decoders: Readonly<Record<string, (heard: Uint8Array) => unknown>> = {
  test: answers.test,
  model: answers.model,
  firmware: answers.firmware,
  status: answers.status,
  rawBlock: answers.rawBlock,
  rawBits: answers.bits("raw"),
};
const textOf = (track: { is: string; text?: string }) => track.text ?? null;

describe.each(vectors.answers)("the answer $answer, $bytes", ({ answer, bytes, means = true }) => {
  const decode = (heard: Uint8Array) => {
    const found = decoders[answer]?.(heard);
    if (answer !== "rawBlock" || found === undefined) return found;
    const { status, read } = found as ReturnType<typeof answers.rawBlock> & object;
    expect(status).toBe(0x30);
    return Object.values(read).map(textOf);
  };

  test("is understood", () => expect(decode(fromHex(bytes))).toEqual(means));
  test("is found behind what is no answer", () =>
    expect(decode(fromHex(`001b1b00ff${bytes}`))).toEqual(means));
  test("is none while it is not whole", () => {
    for (let length = 0; length < bytes.length / 2; length++)
      expect(decode(fromHex(bytes).subarray(0, length))).toBeUndefined();
  });
});

describe.each(vectors.tracks)("track $track, $text", ({ track, text, write, read }) => {
  const number = track as 1 | 2 | 3;
  test("goes out as it must", () => {
    expect(toHex(Uint8Array.from(packed(encodeTrack(number, text))))).toBe(write);
  });
  test("comes back", () => {
    expect(decodeTrack(number, unpacked(fromHex(read)))).toEqual({ is: "text", text });
  });
  test("is unreadable with any bit turned over, or any end cut off", () => {
    const bits = encodeTrack(number, text);
    for (let at = 0; at < bits.length; at++) {
      const wrong = bits.map((bit, index) => (index === at ? ((1 - bit) as 0 | 1) : bit));
      expect(decodeTrack(number, wrong)).toEqual({ is: "unreadable" });
      if (at > 0) expect(decodeTrack(number, bits.slice(0, at))).toEqual({ is: "unreadable" });
    }
  });
});

test("a track without a one is blank, and zeros before it are no part of it", () => {
  expect(decodeTrack(2, [])).toEqual({ is: "blank" });
  expect(decodeTrack(2, new Array<0>(200).fill(0))).toEqual({ is: "blank" });
  const bits = [...new Array<0>(61).fill(0), ...encodeTrack(3, "42"), ...new Array<0>(9).fill(0)];
  expect(decodeTrack(3, bits)).toEqual({ is: "text", text: "42" });
});

test("whatever a track holds comes back, and whatever it cannot hold is said", () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3), fc.string({ maxLength: 110 }), (track, text) => {
      if (trackProblem(track, text) !== null) return;
      const bits = encodeTrack(track, text);
      expect(decodeTrack(track, bits)).toEqual({ is: "text", text });
    }),
  );
  expect(trackProblem(1, "A".repeat(76))).toBeNull();
  expect(trackProblem(1, "A".repeat(77))).toBe("track 1 holds 76 characters, not 77");
  expect(trackProblem(2, "12A")).toBe("character 3 cannot stand on track 2");
  expect(trackProblem(3, "")).toBe("there is nothing to write on track 3");
});

test("any bytes give an answer or none, never a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      for (const decode of Object.values(decoders)) decode(bytes);
      decodeTrack(1, unpacked(bytes));
    }),
  );
});

/** The simulator shares no code with the driver: here the manuals stand between the two. */
test("the simulator holds the conversations of the manual", async () => {
  const clock = new VirtualClock();
  const simulator = new MsrSimulator(clock);
  simulator.hold(new SimulatedStripe());
  let said = "";
  simulator.onSend((bytes) => (said += toHex(bytes)));
  for (const { to, from, source } of vectors.conversation) {
    said = "";
    simulator.receive(fromHex(to));
    expect({ to, said, source }).toEqual({ to, said: from, source });
    await clock.advance(200);
  }
});
