import { expect, test } from "vitest";
import type { DesfireKey } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { DesfireRefusal, type Dialogue } from "./apdu.js";
import { DesfireSession } from "./session.js";
import transcript from "./transcript.json" with { type: "json" };

const aes = (number: number, hex: string, version = 0): DesfireKey => ({
  name: `key-${number}`,
  number,
  cipher: "aes",
  version,
  key: new Secret(fromHex(hex)),
});
const FACTORY: DesfireKey = {
  name: "factory",
  number: 0,
  cipher: "des",
  version: 0,
  key: new Secret(new Uint8Array(8)),
};
const ZEROS = "00".repeat(16);
const K1 = "0102030405060708090a0b0c0d0e0f10";
const K2 = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";

/** Nonces of the host in the recording, in their order. */
const NONCES = [
  "9c764eb79a13f8a6",
  "796dfa3b5c3b1aafb614b2ce4e00f1b5",
  "5547ef0916d132de399cce63b5107b9e",
  "4f7d509d49b5508cf747956555453b80",
  "22966120aca50c51df44982d222de534",
];

/** Plays a dialogue against the recording: the commands must be those that were recorded. */
class Recording {
  readonly #exchanges = transcript.steps.flatMap(({ exchanges }) => exchanges);
  readonly #nonces = [...NONCES];
  readonly session = new DesfireSession((size) => {
    const nonce = fromHex(this.#nonces.shift() ?? "");
    expect(nonce).toHaveLength(size);
    return nonce;
  });

  play<T>(dialogue: Dialogue<T>): T {
    let turn = dialogue.next();
    while (turn.done !== true) {
      const expected = this.#exchanges.shift();
      expect(toHex(turn.value.apdu)).toBe(expected?.command);
      turn = dialogue.next(fromHex(expected?.answer ?? ""));
    }
    return turn.value;
  }

  get left(): number {
    return this.#exchanges.length;
  }
}

test("what libfreefare and a card said to each other is said again, byte for byte", () => {
  const recording = new Recording();
  const { session } = recording;
  const play = recording.play.bind(recording);
  expect(play(session.authenticate(FACTORY))).toBe(true);
  play(session.createApplication("0020f5", 0x0b, 3));
  play(session.select("0020f5"));
  expect(play(session.authenticate(aes(0, ZEROS)))).toBe(true);
  play(session.changeKey(aes(1, ZEROS), aes(1, K1, 1)));
  play(session.changeKey(aes(2, ZEROS), aes(2, K2, 2)));
  play(session.changeKey(aes(0, ZEROS), aes(0, K1, 1)));
  expect(play(session.authenticate(aes(0, K1)))).toBe(true);
  play(session.createFile("standard", { file: 1, communication: 3, rights: 0x1220, size: 64 }));
  play(session.createFile("standard", { file: 2, communication: 1, rights: 0x1220, size: 32 }));
  play(session.createFile("standard", { file: 3, communication: 0, rights: 0x1220, size: 32 }));
  expect(play(session.cardUid())).toBe("04112233445566");

  expect(play(session.authenticate(aes(2, K2)))).toBe(true);
  const settings = { type: 0, communication: 3, rights: 0x1220, size: 64 };
  expect(play(session.fileSettings(1))).toEqual(settings);
  play(session.writeFile(1, 3, Buffer.from("0123456789ABCDEF0123456789abcdef")));
  expect(play(session.fileSettings(2))).toEqual({ ...settings, communication: 1, size: 32 });
  play(session.writeFile(2, 1, Buffer.from("MACEDMACEDMACED!")));
  play(session.fileSettings(3));
  play(session.writeFile(3, 0, Buffer.from("PLAINPLAINPLAIN!")));

  expect(play(session.authenticate(aes(1, K1)))).toBe(true);
  const read = (file: number, isEnciphered: boolean, size: number) => {
    play(session.fileSettings(file));
    return Buffer.from(play(session.readFile(file, isEnciphered, size))).toString();
  };
  expect(read(1, true, 32)).toBe("0123456789ABCDEF0123456789abcdef");
  expect(read(2, false, 16)).toBe("MACEDMACEDMACED!");
  expect(read(3, false, 16)).toBe("PLAINPLAINPLAIN!");
  expect(toHex(play(session.fileIds()))).toBe("010203");
  expect(recording.left).toBe(0);
});

/** The same conversation without looking at what comes back, as far as the card's answers let it go. */
function converse(answers: readonly Uint8Array[]): void {
  const left = [...answers];
  const nonces = NONCES.map((nonce) => fromHex(nonce));
  const session = new DesfireSession(() => nonces.shift() ?? new Uint8Array());
  const play = <T>(dialogue: Dialogue<T>): T => {
    let turn = dialogue.next();
    while (turn.done !== true) turn = dialogue.next(left.shift() ?? new Uint8Array());
    return turn.value;
  };
  const open = (key: DesfireKey) => {
    if (!play(session.authenticate(key))) throw new DesfireRefusal("damaged");
  };
  open(FACTORY);
  play(session.createApplication("0020f5", 0x0b, 3));
  play(session.select("0020f5"));
  open(aes(0, ZEROS));
  play(session.changeKey(aes(1, ZEROS), aes(1, K1, 1)));
  play(session.changeKey(aes(2, ZEROS), aes(2, K2, 2)));
  play(session.changeKey(aes(0, ZEROS), aes(0, K1, 1)));
  open(aes(0, K1));
  for (const [file, communication, size] of [[1, 3, 64] as const, [2, 1, 32] as const, [3, 0, 32] as const])
    play(session.createFile("standard", { file, communication, rights: 0x1220, size }));
  play(session.cardUid());
  open(aes(2, K2));
  play(session.fileSettings(1));
  play(session.writeFile(1, 3, Buffer.from("0123456789ABCDEF0123456789abcdef")));
  play(session.fileSettings(2));
  play(session.writeFile(2, 1, Buffer.from("MACEDMACEDMACED!")));
  play(session.fileSettings(3));
  play(session.writeFile(3, 0, Buffer.from("PLAINPLAINPLAIN!")));
  open(aes(1, K1));
  for (const [file, isEnciphered, size] of [
    [1, true, 32] as const,
    [2, false, 16] as const,
    [3, false, 16] as const,
  ]) {
    play(session.fileSettings(file));
    play(session.readFile(file, isEnciphered, size));
  }
  play(session.fileIds());
}

test("a bit that turns over anywhere in what the card says is noticed", () => {
  const answers = transcript.steps.flatMap(({ exchanges }) => exchanges.map(({ answer }) => fromHex(answer)));
  expect(() => converse(answers)).not.toThrow();
  for (const [n, answer] of answers.entries()) {
    // The challenge of a DES session shows in nothing that the card says later: the card itself refuses our answer.
    if (n === 0) continue;
    for (let byte = 0; byte < answer.length; byte++) {
      const wrong = answer.map((it, i) => (i === byte ? it ^ (1 << ((n + byte) % 8)) : it));
      const spoiled = answers.map((it, i) => (i === n ? wrong : it));
      expect(() => converse(spoiled), `answer ${n}, byte ${byte}`).toThrow(DesfireRefusal);
    }
  }
});

test("an answer of an earlier command, or none at all, is not taken for this one's", () => {
  const answers = transcript.steps.flatMap(({ exchanges }) => exchanges.map(({ answer }) => fromHex(answer)));
  const last = answers.length - 1;
  expect(() => converse([...answers.slice(0, last), answers[last - 1] ?? new Uint8Array()])).toThrow(
    DesfireRefusal,
  );
  expect(() => converse(answers.slice(0, last))).toThrow(DesfireRefusal);
});
