import { Secret } from "#src/lib/secret";

/**
 * Commands of the panel and replies of the peripherals: what stands in a frame's code and data. SIA OSDP v2.2, clauses
 * 6 and 7. Every decoder is total.
 */

export const COMMAND = {
  poll: 0x60,
  id: 0x61,
  capabilities: 0x62,
  localStatus: 0x64,
  inputStatus: 0x65,
  outputStatus: 0x66,
  output: 0x68,
  led: 0x69,
  buzzer: 0x6a,
  communication: 0x6e,
  keySet: 0x75,
  challenge: 0x76,
  serverCryptogram: 0x77,
  receiveSize: 0x7b,
} as const;

export const REPLY = {
  ack: 0x40,
  nak: 0x41,
  id: 0x45,
  capabilities: 0x46,
  localStatus: 0x48,
  inputStatus: 0x49,
  outputStatus: 0x4a,
  readerStatus: 0x4b,
  rawCard: 0x50,
  formattedCard: 0x51,
  keypad: 0x53,
  communication: 0x54,
  challengeAnswer: 0x76,
  initialMac: 0x78,
  busy: 0x79,
} as const;

/** Why a peripheral says no. */
export const NAK = {
  check: 1,
  length: 2,
  unknownCommand: 3,
  sequence: 4,
  noSecureChannel: 5,
  securityRequired: 6,
  record: 9,
} as const;

const NAK_WORDS: Readonly<Record<number, string>> = {
  1: "the frame arrived damaged, it says",
  2: "the command has a wrong length, it says",
  3: "it does not know the command",
  4: "it expected another sequence number",
  5: "it has no secure channel, or not with this key",
  6: "it wants a secure channel first",
  7: "it does not know this kind of biometrics",
  8: "it does not know this biometric format",
  9: "it cannot do what the command says",
};

/** For a person. */
export const nakWords = (error: number): string =>
  NAK_WORDS[error] ?? `it refuses, for its own reason ${error}`;

export interface Request {
  /** For logs and messages; the data may hold keys and is never shown. */
  readonly name: string;
  readonly code: number;
  readonly data: Uint8Array;
  /** Does a door or a setting change when the peripheral does this? */
  readonly changes: boolean;
  /** Reply codes that answer it, besides NAK and BUSY; null: any. */
  readonly answers: readonly number[] | null;
}

type Answers = Request["answers"];
const ask = (name: string, code: number, answers: Answers, data: readonly number[] = []): Request => ({
  name,
  code,
  data: Uint8Array.from(data),
  changes: false,
  answers,
});
const change = (name: string, code: number, answers: Answers, data: readonly number[]): Request => ({
  ...ask(name, code, answers, data),
  changes: true,
});

export type Colour = "off" | "red" | "green" | "amber" | "blue";
const COLOURS: Record<Colour, number> = { off: 0, red: 1, green: 2, amber: 3, blue: 4 };

/** Times in tenths of a second. */
export interface Light {
  readonly colour: Colour;
  /** Between one and the other; left out: steady. */
  readonly blinksTo?: Colour;
  readonly tenths: number;
}

const word = (value: number): readonly number[] => [value & 0xff, (value >> 8) & 0xff];
const bytes4 = (value: number): readonly number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

export const requests = {
  poll: (): Request => ask("POLL", COMMAND.poll, null),
  id: (): Request => ask("ID", COMMAND.id, [REPLY.id], [0]),
  capabilities: (): Request => ask("CAP", COMMAND.capabilities, [REPLY.capabilities], [0]),
  localStatus: (): Request => ask("LSTAT", COMMAND.localStatus, [REPLY.localStatus]),
  inputStatus: (): Request => ask("ISTAT", COMMAND.inputStatus, [REPLY.inputStatus]),
  outputStatus: (): Request => ask("OSTAT", COMMAND.outputStatus, [REPLY.outputStatus]),
  receiveSize: (size: number): Request => ask("ACURXSIZE", COMMAND.receiveSize, [REPLY.ack], word(size)),

  /** Switches an output on for so many tenths of a second (1 to 65535), then off again: a door strike. */
  pulse: (output: number, tenths: number): Request =>
    change("OUT", COMMAND.output, [REPLY.ack, REPLY.outputStatus], [output, 5, ...word(tenths)]),

  /** A temporary light; the permanent one stays as it is. Both times 0 would be refused, so a steady light "blinks". */
  light: ({ colour, blinksTo = colour, tenths }: Light): Request =>
    led([2, 2, 2, COLOURS[colour], COLOURS[blinksTo], ...word(tenths)]),
  /** Ends the temporary light. */
  lightOff: (): Request => led([1, 0, 0, 0, 0, 0, 0]),
  /** So many beeps, 1 to 255. */
  beep: (times: number): Request =>
    ask("BUZ", COMMAND.buzzer, [REPLY.ack], [0, 2, 1, times === 1 ? 0 : 1, times]),
  beepOff: (): Request => ask("BUZ", COMMAND.buzzer, [REPLY.ack], [0, 1, 0, 0, 0]),

  communication: (address: number, baud: number): Request =>
    change("COMSET", COMMAND.communication, [REPLY.communication], [address, ...bytes4(baud)]),
  keySet: (key: Secret<Uint8Array>): Request =>
    change("KEYSET", COMMAND.keySet, [REPLY.ack], [1, 16, ...key.reveal()]),
  challenge: (random: Uint8Array): Request =>
    ask("CHLNG", COMMAND.challenge, [REPLY.challengeAnswer], [...random]),
  serverCryptogram: (cryptogram: Uint8Array): Request =>
    ask("SCRYPT", COMMAND.serverCryptogram, [REPLY.initialMac], [...cryptogram]),
} as const;

const NO_PERMANENT_LIGHT = [0, 0, 0, 0, 0] as const;
function led(temporary: readonly number[]): Request {
  return ask("LED", COMMAND.led, [REPLY.ack], [0, 0, ...temporary, ...NO_PERMANENT_LIGHT]);
}

/** What a peripheral calls itself. */
export interface PeripheralId {
  /** Organisation number, lower-case hex. */
  readonly vendor: string;
  readonly model: number;
  readonly version: number;
  readonly serial: number;
  readonly firmware: string;
}

export interface CapabilityEntry {
  readonly function: number;
  readonly compliance: number;
  readonly count: number;
}

/** Functions of the capability list that the driver looks at. */
export const CAPABILITY = { inputs: 1, outputs: 2, leds: 4, buzzer: 5, crc: 8, security: 9 } as const;

/** One byte an input: 0 inactive, 1 active, 2 short, 3 open, 4 fault, 5 unknown. */
export type Reply =
  | { readonly is: "ack" }
  | { readonly is: "nak"; readonly error: number }
  | { readonly is: "id"; readonly id: PeripheralId }
  | { readonly is: "capabilities"; readonly list: readonly CapabilityEntry[] }
  | { readonly is: "local_status"; readonly isTampered: boolean; readonly hasPowerFailed: boolean }
  | { readonly is: "inputs"; readonly states: readonly number[] }
  | { readonly is: "outputs"; readonly states: readonly number[] }
  | { readonly is: "card"; readonly bits: Uint8Array; readonly bitCount: number }
  | { readonly is: "keys"; readonly keys: Secret<string> }
  | { readonly is: "communication"; readonly address: number; readonly baud: number }
  | {
      readonly is: "challenge_answer";
      /** What the reader calls itself (cUID), 16 hex digits. */
      readonly clientId: string;
      readonly random: Uint8Array;
      readonly cryptogram: Uint8Array;
    }
  | { readonly is: "initial_mac"; readonly mac: Uint8Array }
  /** A code that means nothing to this driver, or data that does not fit its code. Whoever sent it is alive. */
  | { readonly is: "other"; readonly code: number };

export function decodeReply(code: number, data: Uint8Array): Reply {
  const known = DECODERS.get(code)?.(data);
  return known ?? { is: "other", code };
}

type Decoder = (data: Uint8Array) => Reply | undefined;
const DECODERS: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [REPLY.ack, () => ({ is: "ack" })],
  [REPLY.nak, ([error]) => (error === undefined ? undefined : { is: "nak", error })],
  [REPLY.id, decodeId],
  [REPLY.capabilities, decodeCapabilities],
  [REPLY.localStatus, decodeLocalStatus],
  [REPLY.inputStatus, (data) => ({ is: "inputs", states: [...data] })],
  [REPLY.outputStatus, (data) => ({ is: "outputs", states: [...data] })],
  [REPLY.rawCard, decodeCard],
  [REPLY.keypad, decodeKeys],
  [REPLY.communication, decodeCommunication],
  [REPLY.challengeAnswer, decodeChallengeAnswer],
  [REPLY.initialMac, (data) => (data.length === 16 ? { is: "initial_mac", mac: data } : undefined)],
]);

function decodeId(data: Uint8Array): Reply | undefined {
  if (data.length < 12) return undefined;
  const view = viewOf(data);
  const id = {
    vendor: Buffer.from(data.subarray(0, 3)).toString("hex"),
    model: view.getUint8(3),
    version: view.getUint8(4),
    serial: view.getUint32(5, true),
    firmware: [...data.subarray(9, 12)].join("."),
  };
  return { is: "id", id };
}

function decodeCapabilities(data: Uint8Array): Reply | undefined {
  if (data.length % 3 !== 0) return undefined;
  const list = Array.from({ length: data.length / 3 }, (_, index) => {
    const [code = 0, compliance = 0, count = 0] = data.subarray(index * 3, index * 3 + 3);
    return { function: code, compliance, count };
  });
  return { is: "capabilities", list };
}

function decodeLocalStatus([tamper, power]: Uint8Array): Reply | undefined {
  if (tamper === undefined || power === undefined) return undefined;
  return { is: "local_status", isTampered: tamper !== 0, hasPowerFailed: power !== 0 };
}

/** Bits left-justified; the ones after the last are made zeros, so that equal cards have equal bytes. */
function decodeCard(data: Uint8Array): Reply | undefined {
  if (data.length < 5) return undefined;
  const bitCount = viewOf(data).getUint16(2, true);
  const bits = data.slice(4);
  if (bitCount === 0 || bits.length !== Math.ceil(bitCount / 8)) return undefined;
  const last = bits.length - 1;
  bits[last] = (bits[last] ?? 0) & (0xff << (bits.length * 8 - bitCount));
  return { is: "card", bits, bitCount };
}

/** Enter becomes `#` and clear `*`, as they are printed on most keypads; function keys A to F; others `?`. */
const KEYS: Readonly<Record<number, string>> = { 0x0d: "#", 0x23: "#", 0x7f: "*", 0x2a: "*" };

function decodeKeys(data: Uint8Array): Reply | undefined {
  const [reader, count, ...digits] = data;
  if (reader === undefined || count === undefined || digits.length !== count) return undefined;
  const keys = digits.map((digit) => KEYS[digit] ?? plainKey(digit));
  return { is: "keys", keys: new Secret(keys.join("")) };
}

function plainKey(digit: number): string {
  const text = String.fromCharCode(digit);
  return /^[0-9A-F]$/.test(text) ? text : "?";
}

function decodeCommunication(data: Uint8Array): Reply | undefined {
  if (data.length !== 5) return undefined;
  const view = viewOf(data);
  return { is: "communication", address: view.getUint8(0), baud: view.getUint32(1, true) };
}

function decodeChallengeAnswer(data: Uint8Array): Reply | undefined {
  if (data.length !== 32) return undefined;
  const clientId = Buffer.from(data.subarray(0, 8)).toString("hex");
  return { is: "challenge_answer", clientId, random: data.slice(8, 16), cryptogram: data.slice(16) };
}

const viewOf = (data: Uint8Array): DataView => new DataView(data.buffer, data.byteOffset, data.byteLength);
