import type { Clock } from "#src/lib/deadline";
import { SimulatedChannel } from "./simulator-channel.js";
import { checkOf } from "./simulator-check.js";
import { noFaults } from "./simulator-faults.js";

/** Everybody's key, 30 31 … 3F, which works while the reader is in install mode. */
const EVERYBODYS_KEY = Buffer.from("0123456789:;<=>?", "ascii");
/** A session dies of so much silence. */
const SESSION_MS = 8_000;

export interface SimulatedReader {
  readonly address: number;
  /** Null: it still has none, and knows everybody's. */
  readonly key?: Uint8Array | null;
  /** Refuses to be spoken to in clear, but for what begins a session. */
  readonly wantsSecurity?: boolean;
  readonly serial?: number;
  readonly baud?: number;
}

/** A whole command, check and all. */
export interface HeardFrame {
  readonly bytes: Buffer;
  readonly address: number;
  readonly sequence: number;
  readonly usesCrc: boolean;
  readonly block: { readonly type: number; readonly data: Buffer } | null;
  readonly code: number;
  readonly data: Buffer;
  readonly mac: Buffer | null;
  readonly covered: Buffer;
}

interface Said {
  readonly code: number;
  readonly data: Buffer;
  readonly block?: { readonly type: number; readonly data: Buffer };
}

/** One reader with keypad, light, buzzer, two inputs and two outputs. */
export class SimulatedPeripheral {
  readonly faults = noFaults();
  address: number;
  baud: number;
  key: Buffer | null;
  serial: number;
  /** Organisation number. */
  vendor: readonly number[] = [0x00, 0x06, 0x8e];
  wantsSecurity: boolean;
  hasLight = true;
  hasBuzzer = true;
  /** Pulses of its outputs: output and tenths of a second. */
  readonly pulses: { readonly output: number; readonly tenths: number }[] = [];
  /** Colours shown, and beeps. */
  readonly shown: string[] = [];
  /** Commands that were done, by code; repeats are not counted. */
  readonly done: number[] = [];
  handshakes = 0;
  readonly #clock: Clock;
  readonly #events: Said[] = [];
  #tampered = 0;
  #channel: SimulatedChannel | null = null;
  #memory: { readonly command: Buffer; readonly answer: Buffer } | null = null;
  #lastSequence: number | null = null;
  #lastHeardAt = 0;
  #wasPolled = false;
  #said: Buffer[] = [];
  #usesCrc = true;

  constructor(
    clock: Clock,
    { address, key = null, wantsSecurity = false, serial = 4711, baud = 9_600 }: SimulatedReader,
  ) {
    this.#clock = clock;
    this.address = address;
    this.baud = baud;
    this.key = key === null ? null : Buffer.from(key);
    this.wantsSecurity = wantsSecurity;
    this.serial = serial;
  }

  // ── The world ────────────────────────────────────────────────────────────────────────────────────────────────

  /** `#` is enter, `*` clear. `atOnce`: so many keys in one answer. */
  pressKeys(keys: string, atOnce = 4): void {
    const codes = keys.split("").map((key) => ({ "#": 0x0d, "*": 0x7f })[key] ?? key.charCodeAt(0));
    for (let at = 0; at < codes.length; at += atOnce) {
      const some = codes.slice(at, at + atOnce);
      this.#events.push({ code: 0x53, data: Buffer.from([0, some.length, ...some]) });
    }
  }

  holdCard(bits: Uint8Array, bitCount: number): void {
    const head = Buffer.from([0, 0, bitCount % 256, bitCount >> 8]);
    this.#events.push({ code: 0x50, data: Buffer.concat([head, bits.subarray(0, Math.ceil(bitCount / 8))]) });
  }

  /** `isOpen: false` closes it again. */
  openCover(isOpen = true): void {
    this.#tampered = Number(isOpen);
    this.#events.push({ code: 0x48, data: Buffer.from([this.#tampered, 0]) });
  }

  /** Somebody asks it something strange: vendor's own, or broken. */
  saySomething(code: number, data: Uint8Array): void {
    this.#events.push({ code, data: Buffer.from(data) });
  }

  /** Off and on again: what it had to say is gone too. */
  restart(): void {
    this.#forget();
    this.#events.length = 0;
  }

  #forget(): void {
    this.#channel = null;
    this.#memory = null;
    this.#lastSequence = null;
  }

  /** Its session ends without a reason. */
  loseSession(): void {
    this.#channel = null;
  }

  // ── The line ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** What it says, marks and all; null: nothing. */
  hear(frame: HeardFrame): Buffer | null {
    if (this.faults.isDeafToCrc && frame.usesCrc) return null;
    const answer = this.#answerTo(frame);
    if (answer === null || this.faults.isSilent) return null;
    return Buffer.concat([Buffer.alloc(this.faults.marks, 0xff), this.#spoiled(answer)]);
  }

  #answerTo(frame: HeardFrame): Buffer | null {
    this.#usesCrc = frame.usesCrc || this.faults.alwaysCrc;
    if (this.faults.busyAnswers > 0) {
      this.faults.busyAnswers -= 1;
      return this.#frame(0, { code: 0x79, data: Buffer.alloc(0) });
    }
    if (frame.sequence === 0) {
      this.#memory = null;
      this.#channel = null;
    } else if (frame.sequence === this.#lastSequence) {
      if (this.#memory?.command.equals(frame.bytes) !== true) return this.#plainNak(frame, 4);
      return this.faults.cannotRepeat ? null : this.#memory.answer;
    } else if (this.#lastSequence === null || frame.sequence !== (this.#lastSequence % 3) + 1) {
      return this.#plainNak(frame, 4);
    }
    if (this.#clock.monotonic() - this.#lastHeardAt > SESSION_MS && this.#channel?.isOpen) {
      this.#channel = null;
      this.#lastHeardAt = this.#clock.monotonic();
      this.#lastSequence = null;
      return this.#plainNak(frame, 6);
    }
    this.#lastHeardAt = this.#clock.monotonic();
    this.#lastSequence = frame.sequence;
    const answer =
      this.#channel?.isOpen === true ? this.#secureAnswer(frame, this.#channel) : this.#clearAnswer(frame);
    if (answer !== null) {
      this.#memory = { command: frame.bytes, answer };
      this.#said = [...this.#said.slice(-5), answer];
    }
    return answer;
  }

  #clearAnswer(frame: HeardFrame): Buffer | null {
    if (frame.mac !== null) return this.#plainNak(frame, 6);
    const said = this.#do(frame.code, frame.data, frame);
    return said === null ? null : this.#frame(frame.sequence, said);
  }

  #secureAnswer(frame: HeardFrame, channel: SimulatedChannel): Buffer | null {
    if (frame.mac === null)
      return this.#secured(frame.sequence, { code: 0x41, data: Buffer.from([6]) }, channel);
    const mac = channel.commandMac(frame.covered);
    if (!mac.subarray(0, 4).equals(frame.mac)) {
      this.#channel = null;
      return this.#plainNak(frame, 6);
    }
    const said = this.#do(frame.code, channel.accept(mac, frame.data), frame);
    if (said === null) return null;
    if (this.faults.forgedKeys > 0) {
      this.faults.forgedKeys -= 1;
      return this.#frame(frame.sequence, {
        code: 0x53,
        data: Buffer.from([0, 5, 0x36, 0x36, 0x36, 0x36, 0x0d]),
      });
    }
    if (this.faults.clearAcks > 0) {
      this.faults.clearAcks -= 1;
      return this.#frame(frame.sequence, ACK);
    }
    if (frame.code === 0x75 && said.code === 0x40) {
      this.#channel = null;
      if (this.faults.clearKeysetAck) return this.#frame(frame.sequence, said);
    }
    return this.#secured(frame.sequence, said, channel);
  }

  #secured(sequence: number, { code, data }: Said, channel: SimulatedChannel): Buffer {
    const isStatus = code >= 0x48 && code <= 0x4b && this.faults.statusUnencrypted;
    const type = isStatus ? 0x15 : data.length > 0 || this.faults.emptyEncrypted ? 0x18 : 0x16;
    const body = type === 0x18 && data.length > 0 ? channel.encrypt(data) : data;
    const said = { code, data: body, block: { type, data: Buffer.alloc(0) } };
    return this.#frame(sequence, said, (covered) => {
      const mac = Buffer.from(channel.replyMac(covered).subarray(0, 4));
      if (this.faults.wrongMacs > 0) {
        this.faults.wrongMacs -= 1;
        mac[0] = (mac[0] ?? 0) ^ 0xff;
      }
      return mac;
    });
  }

  #plainNak(frame: HeardFrame, error: number): Buffer {
    return this.#frame(frame.sequence, { code: 0x41, data: Buffer.from([error]) });
  }

  #frame(sequence: number, { code, data, block }: Said, macOf?: (covered: Buffer) => Buffer): Buffer {
    const blockBytes =
      block === undefined ? Buffer.alloc(0) : Buffer.from([block.data.length + 2, block.type, ...block.data]);
    const length =
      5 + blockBytes.length + 1 + data.length + (macOf === undefined ? 0 : 4) + (this.#usesCrc ? 2 : 1);
    const control = sequence + (this.#usesCrc ? 4 : 0) + (block === undefined ? 0 : 8);
    const head = Buffer.from([0x53, 0x80 + this.address, length % 256, length >> 8, control]);
    const covered = Buffer.concat([head, blockBytes, Buffer.from([code]), data]);
    const checked = macOf === undefined ? covered : Buffer.concat([covered, macOf(covered)]);
    return Buffer.concat([checked, checkOf(checked, this.#usesCrc)]);
  }

  #spoiled(answer: Buffer): Buffer {
    const replayed = this.#said.at(-4);
    if (this.faults.replays > 0 && replayed !== undefined) {
      this.faults.replays -= 1;
      return replayed;
    }
    if (this.faults.wrongSequences > 0) {
      this.faults.wrongSequences -= 1;
      const checked = Buffer.from(answer.subarray(0, this.#usesCrc ? -2 : -1));
      const control = checked[4] ?? 0;
      checked[4] = (control & 0xfc) + ((control & 3) % 3) + 1;
      return Buffer.concat([checked, checkOf(checked, this.#usesCrc)]);
    }
    if (this.faults.wrongChecks === 0) return answer;
    this.faults.wrongChecks -= 1;
    const spoiled = Buffer.from(answer);
    spoiled[spoiled.length - 1] = (spoiled.at(-1) ?? 0) ^ 0x01;
    return spoiled;
  }

  // ── What it can do ───────────────────────────────────────────────────────────────────────────────────────────

  #do(code: number, data: Buffer, frame: HeardFrame): Said | null {
    const refusal = this.faults.refusals.findIndex(({ command }) => command === code);
    if (refusal >= 0) return nak(this.faults.refusals.splice(refusal, 1)[0]?.error ?? 0);
    const isSecure = this.#channel?.isOpen === true;
    const isFreeForAll = [0x60, 0x61, 0x62, 0x76, 0x77].includes(code);
    if (this.wantsSecurity && !isSecure && !isFreeForAll) return nak(6);
    if (code === 0x61 && this.faults.wantsPollFirst && !this.#wasPolled) return null;
    this.done.push(code);
    switch (code) {
      case 0x60: {
        this.#wasPolled = true;
        return this.wantsSecurity && !isSecure ? ACK : (this.#events.shift() ?? ACK);
      }
      case 0x61: {
        const id = Buffer.from([...this.vendor, 7, 2, 0, 0, 0, 0, 1, 4, 9]);
        id.writeUInt32LE(this.serial, 5);
        return { code: 0x45, data: id };
      }
      case 0x62:
        return { code: 0x46, data: this.#capabilities() };
      case 0x64:
        return { code: 0x48, data: Buffer.from([this.#tampered, 0]) };
      case 0x65:
        return { code: 0x49, data: Buffer.from([0, 0]) };
      case 0x66:
        return { code: 0x4a, data: Buffer.from([0, 0]) };
      case 0x68:
        return this.#output(data);
      case 0x69:
        return this.#light(data);
      case 0x6a:
        return this.#beep(data);
      case 0x6e:
        return this.#communication(data);
      case 0x75:
        return this.#keySet(data, isSecure);
      case 0x76:
        return this.#challenge(data, frame);
      case 0x77:
        return this.#prove(data);
      case 0x7b:
        return data.length === 2 ? ACK : nak(2);
      default:
        return nak(3);
    }
  }

  #capabilities(): Buffer {
    return Buffer.from([
      ...[1, 1, 2],
      ...[2, 4, 2],
      ...[3, 1, 0],
      ...[4, this.hasLight ? 4 : 0, Number(this.hasLight)],
      ...(this.hasBuzzer ? [5, 2, 1] : []),
      ...[8, this.faults.isDeafToCrc ? 0 : 1, 0],
      ...[9, 1, 1],
    ]);
  }

  #output(data: Buffer): Said {
    const [output = 0, control] = data;
    if (data.length !== 4) return nak(2);
    if (output > 1 || control !== 5) return nak(9);
    this.pulses.push({ output, tenths: data.readUInt16LE(2) });
    if (!this.faults.answersOutWithState) return ACK;
    return { code: 0x4a, data: Buffer.from([0, 1].map((each) => Number(each === output))) };
  }

  #light(data: Buffer): Said {
    if (data.length !== 14) return nak(2);
    const [, , control, on, off, colour] = data;
    if (control === 2 && on === 0 && off === 0) return nak(9);
    this.shown.push(["off", "red", "green", "amber", "blue"][control === 2 ? (colour ?? 0) : 0] ?? "?");
    return ACK;
  }

  #beep(data: Buffer): Said {
    const [, tone, on, , times] = data;
    if (data.length !== 5) return nak(2);
    if (tone !== 1 && on === 0) return nak(9);
    this.shown.push(tone === 1 ? "quiet" : `${times} beeps`);
    return ACK;
  }

  #communication(data: Buffer): Said {
    if (data.length !== 5) return nak(2);
    // The answer still goes out as it was before.
    const answer: Said = { code: 0x54, data };
    queueMicrotask(() => {
      [this.address = this.address] = data;
      this.baud = data.readUInt32LE(1);
      this.#forget();
    });
    if (this.faults.garblesCommunication) this.faults.wrongChecks = 1;
    return answer;
  }

  #keySet(data: Buffer, isSecure: boolean): Said {
    if (!isSecure) return nak(6);
    if (data.length !== 18 || data[0] !== 1 || data[1] !== 16) return nak(9);
    if (!this.faults.keepsOldKey) this.key = Buffer.from(data.subarray(2));
    return ACK;
  }

  #challenge(data: Buffer, { sequence, block }: HeardFrame): Said {
    if (sequence !== 0) return nak(4);
    if (data.length !== 8 || block?.type !== 0x11) return nak(5);
    const isEverybodys = block.data[0] === 0;
    const key = isEverybodys ? (this.key === null ? EVERYBODYS_KEY : null) : this.key;
    if (key === null) return nak(5);
    this.#channel = new SimulatedChannel(key);
    const named = this.faults.namesWrongKey || isEverybodys ? 0 : 1;
    return {
      code: 0x76,
      data: this.#channel.challenged(data, this.#clientId()),
      block: { type: 0x12, data: Buffer.from([named]) },
    };
  }

  /** Maker, kind and serial number. */
  #clientId(): Buffer {
    const id = Buffer.from([...this.vendor, 7, 0, 0, 0, 0]);
    id.writeUInt32LE(this.serial, 4);
    return id;
  }

  #prove(data: Buffer): Said {
    const mac = this.#channel?.proven(data) ?? null;
    if (mac === null) return nak(5);
    this.handshakes += 1;
    const told = this.faults.wrongInitialMac ? Buffer.alloc(16) : mac;
    return { code: 0x78, data: told, block: { type: 0x14, data: Buffer.from([1]) } };
  }
}

const ACK: Said = { code: 0x40, data: Buffer.alloc(0) };
const nak = (error: number): Said => ({ code: 0x41, data: Buffer.from([error]) });
