import { beforeEach, describe, expect, test } from "vitest";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { type Request, requests } from "./messages.js";
import { encodeCommand, type Frame, type FrameContent, FrameDecoder } from "./protocol.js";
import { Handshake } from "./secure-channel.js";
import { Session } from "./session.js";
import vectors from "./vectors.json" with { type: "json" };

/** What a frame means to the command that waits, by its number, its security and its code. */

const NONE = new Uint8Array();
const frameOf = (hex: string): Frame => new FrameDecoder().push(fromHex(hex))[0]!; // whole in the vectors

/** A reply of the reader at address 0. */
function reply(code: number, changes: Partial<FrameContent> = {}): Frame {
  const content = { address: 0x80, sequence: 0, usesCrc: true, security: null, code, data: NONE, ...changes };
  return new FrameDecoder().push(encodeCommand(content))[0]!; // whole
}

const [ACK, NAK, KEYS, BUSY] = [0x40, 0x41, 0x53, 0x79];
const key = (digit: string) => Uint8Array.of(0, 1, digit.charCodeAt(0));

let session: Session;
beforeEach(() => {
  session = new Session(0);
});

const judge = (frame: Frame, request: Request = requests.poll()) => session.begin(request).judge(frame);

describe("in clear", () => {
  test("numbers go 0, 1, 2, 3, 1, and a new beginning is 0 again", () => {
    const numbers = [0, 1, 2, 3, 1];
    for (const sequence of numbers) expect(judge(reply(ACK, { sequence })).is).toBe("answer");
    session.restart();
    expect(judge(reply(ACK, { sequence: 0 })).is).toBe("answer");
  });

  test("busy comes under 0 and uses up no number", () => {
    judge(reply(ACK));
    expect(judge(reply(BUSY))).toEqual({ is: "busy" });
    expect(judge(reply(ACK, { sequence: 1 })).is).toBe("answer");
  });

  test("NAK 4 counts whatever its number, and says that nothing was done", () => {
    judge(reply(ACK));
    for (const sequence of [0, 1, 3])
      expect(judge(reply(NAK, { sequence, data: Uint8Array.of(4) }))).toEqual({
        is: "out_of_step",
        notDone: true,
      });
  });

  test("another number is another answer; 0 is a reader that began anew, unless it is the last answer again", () => {
    const first = reply(KEYS, { data: key("1") });
    expect(judge(first).is).toBe("answer");
    expect(judge(reply(ACK, { sequence: 2 }))).toEqual({ is: "stray" });
    expect(judge(first)).toEqual({ is: "stray" });
    expect(judge(reply(KEYS, { data: key("2") }))).toEqual({ is: "out_of_step", notDone: false });
  });

  test("a reply that answers another command is none, and uses up no number", () => {
    expect(judge(reply(KEYS, { data: key("1") }), requests.pulse(0, 1))).toEqual({ is: "stray" });
    expect(judge(reply(ACK), requests.pulse(0, 1)).is).toBe("answer");
  });

  test("a reply over a channel that this side has not: the reader still has one", () => {
    judge(reply(ACK));
    judge(reply(ACK, { sequence: 1 }));
    expect(judge(frameOf(vectors.conversation.exchanges[0]?.reply ?? ""))).toEqual({
      is: "out_of_step",
      notDone: false,
    });
  });
});

describe("over a channel", () => {
  const { secureChannel: published, conversation } = vectors;
  const pollReply = () => frameOf(conversation.exchanges[0]?.reply ?? "");

  beforeEach(() => {
    judge(reply(ACK));
    judge(reply(ACK, { sequence: 1 }));
    const handshake = new Handshake(fromHex(published.key), fromHex(published.panelRandom));
    handshake.prove(fromHex(published.clientRandom), fromHex(published.clientCryptogram));
    session.secure(handshake.finish(fromHex(published.initialMac))!); // the published one
  });

  test("a reply with the right MAC is the answer", () => {
    expect(judge(pollReply())).toMatchObject({ is: "answer", reply: { is: "ack" } });
  });

  test("one with another is out of step, and the right one still is good", () => {
    const polling = session.begin(requests.poll());
    expect(polling.judge({ ...pollReply(), mac: fromHex("00112233") })).toEqual({
      is: "out_of_step",
      notDone: false,
    });
    expect(polling.judge(pollReply()).is).toBe("answer");
  });

  test.each([
    ["an ACK", ACK, NONE, { is: "out_of_step", notDone: false }],
    ["keys", KEYS, key("1"), { is: "out_of_step", notDone: false }],
    [
      "NAK 6: the session is gone, nothing was done",
      NAK,
      Uint8Array.of(6),
      { is: "out_of_step", notDone: true },
    ],
    ["busy", BUSY, NONE, { is: "busy" }],
  ])("in clear comes %s", (_, code, data, verdict) => {
    expect(judge(reply(code, { sequence: 2, data }))).toEqual(verdict);
  });

  test("only KEYSET may be acknowledged in clear", () => {
    const keySet = requests.keySet(new Secret(fromHex(published.key)));
    expect(judge(reply(ACK, { sequence: 2 }), keySet).is).toBe("answer");
  });
});
