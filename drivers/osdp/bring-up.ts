import type { DriverLog } from "#driver-api";
import { Secret } from "#src/lib/secret";
import {
  CAPABILITY,
  NAK,
  nakWords,
  type PeripheralId,
  type Reply,
  type Request,
  requests,
} from "./messages.js";
import type { Peripheral, Problem } from "./peripheral.js";
import { FRAME_BYTES_MAX, SECURITY, type SecurityBlock } from "./protocol.js";
import { DEFAULT_KEY, Handshake } from "./secure-channel.js";
import type { Wire } from "./wire.js";

export interface BringUp {
  readonly wire: Wire;
  readonly log: DriverLog;
  /** 8 unpredictable bytes. */
  readonly random: () => Uint8Array;
  /** Speed that the line shall have. */
  readonly baud: number;
  readonly now: () => number;
  /** What a peripheral told unasked while it was brought up. */
  readonly deliver: (peripheral: Peripheral, reply: Reply) => void;
}

/** What readers come with. */
const FACTORY_BAUD = 9_600;

/** Why it could not be done; thrown and caught in this file only. */
class Setback extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/**
 * Begins the conversation with a peripheral: who it is, what it can, the secure channel, its state. Null when it worked.
 * Rejects only when the line is gone.
 */
export async function bringUp(tools: BringUp, peripheral: Peripheral): Promise<Problem | null> {
  try {
    if (peripheral.isForgotten(tools.now())) await getToKnow(tools, peripheral);
    else await takeUpAgain(tools, peripheral);
    return null;
  } catch (error) {
    if (!(error instanceof Setback)) throw error;
    return error.problem;
  } finally {
    if (tools.wire.ended === null) await tools.wire.setBaud(tools.baud);
  }
}

/** The session broke a moment ago: the same device, most probably, and it may hold keys that were just pressed. */
async function takeUpAgain(tools: BringUp, peripheral: Peripheral): Promise<void> {
  if (peripheral.config.secure) {
    await openChannel(tools, peripheral);
    return;
  }
  peripheral.session.restart();
  tools.deliver(peripheral, await ask(tools, peripheral, requests.poll()));
}

async function getToKnow(tools: BringUp, peripheral: Peripheral): Promise<void> {
  await findAtSomeSpeed(tools, peripheral);
  await identify(tools, peripheral);
  if (peripheral.config.secure) await openChannel(tools, peripheral);
  if (tools.wire.baud !== tools.baud) await changeSpeed(tools, peripheral);
  // Older peripherals do not know it, and it only makes longer answers possible.
  await ask(tools, peripheral, requests.receiveSize(FRAME_BYTES_MAX));
  for (const request of [requests.localStatus(), ...statusRequests(peripheral)]) {
    const reply = await ask(tools, peripheral, request);
    const wantsKey = reply.is === "nak" && reply.error === NAK.securityRequired;
    if (wantsKey && !peripheral.config.secure) throw new Setback({ is: "key", message: NOT_IN_CLEAR });
    tools.deliver(peripheral, reply);
  }
}

/** Who it is and what it can, such a reader says in clear all the same. */
const NOT_IN_CLEAR = "it refuses to be spoken to in clear: take secure: false away, and give it its key";

function statusRequests(peripheral: Peripheral): readonly Request[] {
  const wanted = [
    [CAPABILITY.inputs, requests.inputStatus],
    [CAPABILITY.outputs, requests.outputStatus],
  ] as const;
  return wanted.flatMap(([capability, request]) => (peripheral.has(capability) ? [request()] : []));
}

/**
 * Some readers answer nothing before they were polled. Every reader takes a checksum, so the first words have one. One
 * try only: an absent reader costs all the others this time.
 */
async function findAtSomeSpeed(tools: BringUp, peripheral: Peripheral): Promise<void> {
  const speeds = tools.baud === FACTORY_BAUD ? [FACTORY_BAUD] : [tools.baud, FACTORY_BAUD];
  let problem = null as Problem | null;
  for (const baud of speeds) {
    await tools.wire.setBaud(baud);
    peripheral.session.restart();
    peripheral.session.usesCrc = false;
    try {
      const reply = await ask(tools, peripheral, requests.poll(), { repeats: 0 });
      if (!peripheral.config.secure) tools.deliver(peripheral, reply);
      return;
    } catch (error) {
      if (!(error instanceof Setback)) throw error;
      problem = problem?.is === "noise" ? problem : error.problem;
    }
  }
  if (problem !== null) throw new Setback(problem);
}

async function identify(tools: BringUp, peripheral: Peripheral): Promise<void> {
  const told = await ask(tools, peripheral, requests.id());
  if (told.is === "id") noteIdentity(tools, peripheral, told.id);
  const can = await ask(tools, peripheral, requests.capabilities());
  if (can.is === "capabilities") peripheral.capabilities = can.list;
  peripheral.session.usesCrc = peripheral.has(CAPABILITY.crc) && !peripheral.neverCrc;
}

function noteIdentity({ log }: BringUp, peripheral: Peripheral, id: PeripheralId): void {
  const before = peripheral.id;
  peripheral.id = id;
  const isExchanged = before !== null && (before.serial !== id.serial || before.vendor !== id.vendor);
  if (!isExchanged) return;
  peripheral.exchangedFor = before.serial;
  log.warn(
    { event: "osdp.exchanged", unit: peripheral.key, serial: id.serial, before: before.serial },
    "another reader than before answers at this address",
  );
}

// ── The secure channel ───────────────────────────────────────────────────────────────────────────────────────────

/** `everybodys`: the key that everybody knows, which a reader takes in install mode only. */
type KeyKind = "own" | "everybodys";
const KEY_KIND_BYTE: Record<KeyKind, number> = { everybodys: 0, own: 1 };

interface Opened {
  /** The one that the reader should have; null when the site has none for it. */
  readonly wanted: Secret<Uint8Array> | null;
  readonly used: Secret<Uint8Array>;
}

/**
 * Opens the channel with the key that the reader should have. Where that fails: with an older site key, and in install
 * mode with everybody's; then the reader is given the key that it should have. Never in clear.
 */
async function openChannel(tools: BringUp, peripheral: Peripheral): Promise<void> {
  let opened = await shakeHands(tools, peripheral, "own");
  if (typeof opened === "string" && peripheral.config.install)
    opened = await shakeHands(tools, peripheral, "everybodys");
  if (typeof opened === "string") {
    const hint = peripheral.config.install ? "" : "; a reader without a key needs install: true";
    throw new Setback({ is: "key", message: `no secure channel: ${opened}${hint}` });
  }
  const { wanted, used } = opened;
  if (wanted === null) throw new Setback({ is: "key", message: NO_KEY });
  if (used !== wanted) await giveKey(tools, peripheral, wanted);
}

const NO_KEY = "there is no key for it: make site keys, or give it a key in the configuration";

/** The channel is open, or why it is not. One answer of the reader is enough to find out which of the keys it has. */
async function shakeHands(tools: BringUp, peripheral: Peripheral, kind: KeyKind): Promise<Opened | string> {
  const { session } = peripheral;
  const which = Uint8Array.of(KEY_KIND_BYTE[kind]);
  const random = tools.random();
  // Readers by HID refuse a challenge under any other sequence number than 0.
  session.restart();
  const challenge = await converse(tools, peripheral, requests.challenge(random), {
    security: { type: SECURITY.challenge, data: which },
    repeats: 1,
  });
  const answer = challenge.reply;
  if (answer.is === "nak") return nakWords(answer.error);
  if (answer.is !== "challenge_answer") return "its answer to the challenge is none";
  // A reader that names another kind of key than was asked for may mean the one that everybody knows.
  if (challenge.security?.data[0] !== which[0])
    return "it answers with another kind of key than was asked for";
  const own = await peripheral.keysFor(answer.clientId);
  for (const used of kind === "own" ? own : [EVERYBODYS_KEY]) {
    const handshake = new Handshake(used.reveal(), random);
    const cryptogram = handshake.prove(answer.random, answer.cryptogram);
    if (cryptogram === null) continue;
    const refusal = await prove(tools, peripheral, { handshake, cryptogram, which });
    return refusal ?? { wanted: own[0] ?? null, used };
  }
  return own.length === 0 ? NO_KEY : "it has another key";
}

const EVERYBODYS_KEY = new Secret(DEFAULT_KEY);

interface Proof {
  readonly handshake: Handshake;
  readonly cryptogram: Uint8Array;
  readonly which: Uint8Array;
}

/** Null when the reader takes our proof and gives its own. */
async function prove(
  tools: BringUp,
  peripheral: Peripheral,
  { handshake, cryptogram, which }: Proof,
): Promise<string | null> {
  const { reply } = await converse(tools, peripheral, requests.serverCryptogram(cryptogram), {
    security: { type: SECURITY.serverCryptogram, data: which },
  });
  if (reply.is === "nak") return nakWords(reply.error);
  const channel = reply.is === "initial_mac" ? handshake.finish(reply.mac) : null;
  if (channel === null) return "its first MAC is wrong";
  peripheral.session.secure(channel);
  return null;
}

/**
 * Over the channel that just opened with another key. The key to give lies in the gateway already, and the old one is
 * tried again at the next opening, so a break at any place loses neither.
 */
async function giveKey(tools: BringUp, peripheral: Peripheral, key: Secret<Uint8Array>): Promise<void> {
  const reply = await ask(tools, peripheral, requests.keySet(key));
  if (reply.is !== "ack") {
    const why = reply.is === "nak" ? nakWords(reply.error) : "its answer is none";
    throw new Setback({ is: "key", message: `it did not take its new key: ${why}` });
  }
  const opened = await shakeHands(tools, peripheral, "own");
  if (typeof opened === "string" || opened.used !== opened.wanted) {
    const why = typeof opened === "string" ? opened : "it still has the old one";
    throw new Setback({ is: "key", message: `it said that it has its new key, and has not: ${why}` });
  }
  tools.log.warn({ event: "osdp.key_installed", unit: peripheral.key }, "the reader was given its own key");
}

// ── The speed ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The answer still has the old speed, and is often garbled: whether it worked shows at the new one. */
async function changeSpeed(tools: BringUp, peripheral: Peripheral): Promise<void> {
  const { wire, baud } = tools;
  try {
    const reply = await ask(tools, peripheral, requests.communication(peripheral.config.address, baud));
    if (reply.is === "nak") {
      const message = `it does not change from ${wire.baud} to ${baud} baud: ${nakWords(reply.error)}`;
      throw new Setback({ is: "refused", message });
    }
  } catch (error) {
    if (!(error instanceof Setback) || error.problem.is === "refused") throw error;
  }
  await wire.setBaud(baud);
  if (peripheral.config.secure) await openChannel(tools, peripheral);
  else peripheral.session.restart();
  tools.log.debug(
    { event: "osdp.speed_changed", unit: peripheral.key, baud },
    "the reader changed its speed",
  );
}

// ── One command ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Options {
  readonly security?: SecurityBlock;
  readonly repeats?: number;
}

async function ask(
  tools: BringUp,
  peripheral: Peripheral,
  request: Request,
  options: Options = {},
): Promise<Reply> {
  return (await converse(tools, peripheral, request, options)).reply;
}

/** An answer, which may be a no. No usable answer is a setback. */
async function converse(
  tools: BringUp,
  peripheral: Peripheral,
  request: Request,
  { security, repeats }: Options,
): Promise<{ readonly reply: Reply; readonly security: SecurityBlock | null }> {
  const { session } = peripheral;
  const outcome = await tools.wire.converse(session.begin(request, security ?? null), repeats);
  switch (outcome.is) {
    case "answered": {
      const { reply } = outcome;
      if (reply.is !== "nak" || reply.error !== NAK.check || !session.usesCrc) return outcome;
      // Said by readers that cannot take CRC, and by some that merely dislike the command: without it, once.
      peripheral.neverCrc = true;
      session.usesCrc = false;
      if (security !== undefined) session.restart();
      return converse(tools, peripheral, request, { ...(security && { security }) });
    }
    case "silent":
      throw new Setback(silence(outcome.heard, tools.wire.baud));
    case "busy":
      throw new Setback({ is: "silent", message: "it is busy and stays so" });
    case "out_of_step":
      throw new Setback({ is: "refused", message: `${request.name}: it does not keep to the sequence` });
  }
}

function silence(heard: "nothing" | "noise", baud: number): Problem {
  return heard === "nothing"
    ? {
        is: "silent",
        message: "it does not answer: power, wiring (A and B swapped?), address, or set to Wiegand",
      }
    : {
        is: "noise",
        message: `bytes come, but no answer: another speed than ${baud} baud, two readers at one address, or wiring`,
      };
}
