import { beforeEach, describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { type Frame, FrameDecoder } from "./protocol.js";
import { DEFAULT_KEY, Handshake, type SecureChannel } from "./secure-channel.js";
import vectors from "./vectors.json" with { type: "json" };

const { secureChannel: published, conversation } = vectors;
const frameOf = (hex: string): Frame => new FrameDecoder().push(fromHex(hex))[0]!;
const handshake = (key = published.key) => new Handshake(fromHex(key), fromHex(published.panelRandom));

test("everybody's key is everybody's", () => {
  expect(toHex(DEFAULT_KEY)).toBe(published.key);
});

describe("the handshake", () => {
  test("proves what the published example proves", () => {
    const shaking = handshake();
    const proof = shaking.prove(fromHex(published.clientRandom), fromHex(published.clientCryptogram));
    expect(proof && toHex(proof)).toBe(published.serverCryptogram);
    expect(shaking.finish(fromHex(published.initialMac))).not.toBeNull();
  });

  test("a reader with another key is found out", () => {
    const other = handshake("00112233445566778899aabbccddeeff");
    expect(other.prove(fromHex(published.clientRandom), fromHex(published.clientCryptogram))).toBeNull();
    expect(handshake().prove(fromHex(published.clientRandom), new Uint8Array(16))).toBeNull();
    expect(handshake().prove(fromHex(published.clientRandom), new Uint8Array(0))).toBeNull();
  });

  test("a first MAC that is wrong in its last byte only opens no channel", () => {
    const shaking = handshake();
    shaking.prove(fromHex(published.clientRandom), fromHex(published.clientCryptogram));
    const wrong = fromHex(published.initialMac);
    wrong[15] = (wrong[15] ?? 0) ^ 1;
    expect(shaking.finish(wrong)).toBeNull();
  });
});

describe("the open channel", () => {
  let channel: SecureChannel;
  beforeEach(() => {
    const shaking = handshake();
    shaking.prove(fromHex(published.clientRandom), fromHex(published.clientCryptogram));
    channel = shaking.finish(fromHex(published.initialMac))!;
  });

  const say = (index: number) => {
    const { sequence, code, data } = conversation.exchanges[index]!;
    return channel.wrap({
      address: 0,
      sequence,
      usesCrc: true,
      code: parseInt(code, 16),
      data: fromHex(data),
    });
  };
  const replyOf = (index: number) => frameOf(conversation.exchanges[index]?.reply ?? "");

  test("every command and every reply is byte for byte the recorded one", () => {
    for (const [index, exchange] of conversation.exchanges.entries()) {
      expect(toHex(say(index)), exchange.name).toBe(exchange.command);
      if (exchange.reply === null) continue;
      const data = channel.unwrap(frameOf(exchange.reply));
      expect(data && toHex(data), exchange.name).toBe(exchange.replyData);
    }
  });

  test("a reply is good once: played again later it is none", () => {
    say(0);
    expect(channel.unwrap(replyOf(0))).not.toBeNull();
    say(1);
    expect(channel.unwrap(replyOf(0))).toBeNull();
    expect(channel.unwrap(replyOf(1))).not.toBeNull();
  });

  test("one bit turned over in any byte that the MAC covers is noticed", () => {
    say(0);
    const good = replyOf(0);
    for (let at = 0; at < good.covered.length; at++) {
      const covered = good.covered.map((byte, index) => (index === at ? byte ^ 4 : byte));
      expect(channel.unwrap({ ...good, covered })).toBeNull();
    }
    expect(channel.unwrap({ ...good, mac: Uint8Array.of(0, 0, 0, 0) })).toBeNull();
    expect(channel.unwrap({ ...good, mac: new Uint8Array() })).toBeNull();
    expect(channel.unwrap({ ...good, mac: null })).toBeNull();
    expect(channel.unwrap({ ...good, security: null })).toBeNull();
    expect(channel.unwrap(good)).not.toBeNull();
  });

  test("a reply that was refused moves nothing: the true one still is good", () => {
    say(0);
    expect(channel.unwrap(replyOf(2))).toBeNull();
    expect(channel.unwrap(replyOf(0))).not.toBeNull();
  });
});
