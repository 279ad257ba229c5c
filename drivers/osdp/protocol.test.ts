import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { crc16, encodeCommand, type Frame, FRAME_BYTES_MAX, FrameDecoder } from "./protocol.js";
import vectors from "./vectors.json" with { type: "json" };

/** A frame that is right but for what it says. */
function withCrc(hex: string): string {
  const crc = crc16(fromHex(hex));
  return hex + toHex(Uint8Array.of(crc & 0xff, crc >> 8));
}

const decode = (hex: string) => new FrameDecoder().push(fromHex(hex));
const ACK = "53800e000e021640438eda790d4e";
const KEYS = "53801e000d02185383a9381278d29f5f0358ced6e8508457828fc2621418";

describe("published frames", () => {
  test.each(vectors.frames)("$name", ({ address, sequence, usesCrc, code, data, frame }) => {
    const content = {
      address,
      sequence,
      usesCrc,
      security: null,
      code: parseInt(code, 16),
      data: fromHex(data),
    };
    expect(toHex(encodeCommand(content))).toBe(frame);
    expect(decode(frame)).toMatchObject([{ ...content, isReply: false, mac: null }]);
  });

  test("a challenge and its proof carry a security block", () => {
    const { panelRandom, serverCryptogram } = vectors.secureChannel;
    const base = { address: 0, usesCrc: true };
    const challenge = {
      ...base,
      sequence: 0,
      code: 0x76,
      data: fromHex(panelRandom),
      security: { type: 0x11, data: Uint8Array.of(0) },
    };
    const proof = {
      ...base,
      sequence: 1,
      code: 0x77,
      data: fromHex(serverCryptogram),
      security: { type: 0x13, data: Uint8Array.of(0) },
    };
    expect(toHex(encodeCommand(challenge))).toBe(vectors.conversation.challenge);
    expect(toHex(encodeCommand(proof))).toBe(vectors.conversation.proof);
  });

  test("a reply with a MAC", () => {
    const [frame] = decode(ACK);
    expect(frame).toMatchObject({
      isReply: true,
      address: 0,
      sequence: 2,
      code: 0x40,
      security: { type: 0x16 },
    });
    expect(frame?.mac && toHex(frame.mac)).toBe("438eda79");
    expect(frame && toHex(frame.covered)).toBe("53800e000e021640");
  });

  test("more than a frame may have is refused", () => {
    const content = { address: 0, sequence: 0, usesCrc: true, security: null, code: 0x80 };
    expect(encodeCommand({ ...content, data: new Uint8Array(1_432) })).toHaveLength(FRAME_BYTES_MAX);
    expect(() => encodeCommand({ ...content, data: new Uint8Array(1_433) })).toThrow(RangeError);
  });
});

describe("what is wrong on the line", () => {
  const codes = (frames: readonly Frame[]) => frames.map(({ code }) => code);

  test.each([
    ["no mark", ACK, [0x40]],
    ["several marks", `ffffff${ACK}`, [0x40]],
    ["noise with a start byte in it", `0053ff53${ACK}`, [0x40]],
    ["a wrong check: only the start byte is dropped", `538008000540dd53${ACK}`, [0x40]],
    ["a length below a frame's", `53800600${ACK}`, [0x40]],
    ["a length above a frame's", `5380ffff05${ACK}`, [0x40]],
    ["two frames glued", `${ACK}${KEYS}`, [0x40, 0x53]],
    ["a MAC without a code before it", `${withCrc("53800d000e021640112233")}${ACK}`, [0x40]],
    ["a security block of no length", `${withCrc("538009000c0040")}${ACK}`, [0x40]],
  ])("%s", (_, hex, expected) => {
    expect(codes(decode(hex))).toEqual(expected);
  });

  test("a start byte that hides the answer behind a length is given up at the end of the wait", () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(fromHex(`5380a00005${ACK}`))).toEqual([]);
    expect(codes(decoder.rescue())).toEqual([0x40]);
    expect(decoder.pending).toBe(0);
  });

  test("who listens to one address takes no other reader's frame, and no echo of its own", () => {
    const decoder = new FrameDecoder();
    decoder.listenTo(1);
    expect(decoder.push(fromHex(ACK))).toEqual([]);
    decoder.listenTo(0);
    expect(codes(decoder.push(fromHex(`${vectors.frames[0]?.frame ?? ""}${ACK}`)))).toEqual([0x40]);
    expect(decoder.noiseBytes).toBeGreaterThan(0);
  });

  test("marks are no noise", () => {
    const decoder = new FrameDecoder();
    decoder.push(fromHex(`ffff${ACK}`));
    expect(decoder.noiseBytes).toBe(0);
  });
});

/** Bytes that look like frames more often than chance. */
const streams = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(ACK, KEYS, "53", "5380", "53800800", "5380ff0205", "5380000504").map(fromHex),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

test("any bytes decode, in any chunks to the same frames, with at most one frame kept", () => {
  fc.assert(
    fc.property(streams, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (bytes, sizes) => {
      const whole = new FrameDecoder();
      const pieces = new FrameDecoder();
      const expected = [...whole.push(bytes)];
      const found: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        found.push(...pieces.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(found).toEqual(expected);
      expect(pieces.pending).toBe(whole.pending);
      expect(whole.pending).toBeLessThan(FRAME_BYTES_MAX);
      expect(pieces.rescue()).toEqual(whole.rescue());
      expect(whole.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("what is encoded is decoded", () => {
  const content = fc.record({
    address: fc.integer({ min: 0, max: 127 }),
    sequence: fc.integer({ min: 0, max: 3 }),
    usesCrc: fc.boolean(),
    security: fc.option(fc.record({ type: fc.constant(0x13), data: fc.uint8Array({ maxLength: 4 }) })),
    code: fc.integer({ min: 0, max: 255 }),
    data: fc.uint8Array({ maxLength: 200 }),
  });
  fc.assert(
    fc.property(content, (it) => {
      expect(new FrameDecoder().push(encodeCommand(it))).toMatchObject([it]);
    }),
  );
});
