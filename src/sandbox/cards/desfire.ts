import { randomBytes } from "node:crypto";
import {
  blockBytes,
  type CardKey,
  type CardSession,
  crc32,
  encipher,
  mac,
  openedOnce,
  received,
  rotatedLeft,
  sealed,
  sessionKey,
} from "./desfire-crypto.js";
import { dropPending, type Holder, obeyForFiles, wantsMore } from "./desfire-files.js";
import { changedKey, sentSettings } from "./desfire-keys.js";
import { type Outcome, STATUS } from "./desfire-status.js";
import {
  CARD,
  copyOf,
  deliveredMemory,
  type DesfireApplication,
  type DesfireMemory,
  zeroKey,
} from "./desfire-memory.js";

/**
 * A MIFARE DESFire EV1 as it lies on an antenna. Rules from NXP's MF3ICDx21 short data sheet and from what libfreefare
 * 0.4.0 expects of a card: applications, DES and AES keys, standard and backup data files, transactions, the states of
 * ISO/IEC 14443. Commands come wrapped (`90 …`). Left out: value and record files, 3K3DES, file MACs in DES sessions,
 * random UIDs, EV2 messages. Asking for them is refused.
 */

const FRAME_MAX = 59;
const APPLICATIONS_MAX = 28;
const MEMORY_BYTES = 8_192;
const PAGE_BYTES = 32;
/** Pages that an application takes beside its files. */
const APPLICATION_PAGES = 4;

interface Challenge {
  readonly number: number;
  readonly key: CardKey;
  readonly nonce: Buffer;
  /** The AES challenge as it was sent. */
  readonly sent: Buffer;
}

export class DesfireCard {
  readonly uid: Uint8Array;
  /** High byte first. */
  readonly atqa = Uint8Array.of(0x03, 0x44);
  readonly sak = 0x20;
  readonly ats = Uint8Array.of(0x06, 0x75, 0x77, 0x81, 0x02, 0x80);
  /** What the card keeps. Tests look and write here. */
  memory: DesfireMemory;
  /** How often what the card keeps has changed. */
  changes = 0;
  readonly #random: (size: number) => Uint8Array;
  #state: "idle" | "protocol" | "halted" = "idle";
  #selected: string = CARD;
  #session: CardSession | null = null;
  #challenge: Challenge | null = null;
  /** A command whose data comes in several frames. */
  #incoming: { readonly command: number; data: Buffer } | null = null;
  /** The rest of an answer. */
  #outgoing: Buffer | null = null;
  /** How long the next frames of an answer are, where they are not as long as can be. */
  #partSizes: number[] = [];
  /** Bytes taken since the card was formatted: deleting an application gives none back. */
  #used = 0;

  constructor({
    uid,
    memory = deliveredMemory(),
    random = randomBytes,
  }: {
    readonly uid: Uint8Array;
    readonly memory?: DesfireMemory;
    readonly random?: (size: number) => Uint8Array;
  }) {
    if (uid.length !== 7) throw new RangeError("a DESFire UID has 7 bytes");
    this.uid = uid;
    this.memory = memory;
    this.#random = random;
  }

  /** Another card with the same memory, out of the field. */
  copy(): DesfireCard {
    return new DesfireCard({ uid: this.uid, memory: copyOf(this.memory), random: this.#random });
  }

  select(wake: boolean): boolean {
    // A card that speaks ISO/IEC 14443-4 hears neither REQA nor WUPA.
    if (this.#state === "protocol" || (this.#state === "halted" && !wake)) return false;
    this.#forget();
    this.#selected = CARD;
    this.#state = "protocol";
    return true;
  }

  halt(): void {
    this.#forget();
    this.#state = "halted";
  }

  /** The field is gone. */
  reset(): void {
    this.#forget();
    this.#selected = CARD;
    this.#state = "idle";
  }

  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent" {
    if (this.#state !== "protocol") return "silent";
    const bytes = Buffer.from(frame);
    const [commandClass, command = 0, p1, p2, length = 0] = bytes;
    if (commandClass !== 0x90 || p1 !== 0 || p2 !== 0) return Uint8Array.of(0x6e, 0x00);
    const isShort = bytes.length === 5 && length === 0;
    const isLong = length > 0 && bytes.length === length + 6 && bytes.at(-1) === 0;
    if (!isShort && !isLong) return this.#answer(this.#refused(STATUS.length));
    return this.#answer(this.#take(command, Buffer.from(bytes.subarray(5, 5 + length))));
  }

  #forget(): void {
    this.#session = null;
    this.#challenge = null;
    this.#incoming = null;
    this.#outgoing = null;
    for (const application of this.memory.values()) dropPending(application);
  }

  /** Any refusal ends the session and the transaction. */
  #refused(status: number): Outcome {
    if (status !== STATUS.noChanges) this.#forget();
    return [status];
  }

  #answer([status, data = Buffer.alloc(0)]: Outcome): Uint8Array {
    const size = this.#partSizes.shift() ?? FRAME_MAX;
    if (status !== STATUS.ok || data.length <= size) return Uint8Array.of(...data, 0x91, status);
    this.#outgoing = Buffer.from(data.subarray(size));
    return Uint8Array.of(...data.subarray(0, size), 0x91, STATUS.more);
  }

  #take(command: number, data: Buffer): Outcome {
    if (command === STATUS.more) return this.#goOn(data);
    this.#challenge = null;
    this.#outgoing = null;
    // Hardware, software and production data of the version come one by one.
    this.#partSizes = command === 0x60 ? [7, 7] : [];
    if (this.#incoming !== null) return this.#refused(STATUS.aborted);
    return this.#collect(command, data);
  }

  #goOn(data: Buffer): Outcome {
    if (this.#challenge !== null) return this.#prove(this.#challenge, data);
    if (this.#outgoing !== null) {
      const rest = this.#outgoing;
      this.#outgoing = null;
      return [STATUS.ok, rest];
    }
    const begun = this.#incoming;
    if (begun === null) return this.#refused(STATUS.aborted);
    this.#incoming = null;
    return this.#collect(begun.command, Buffer.concat([begun.data, data]));
  }

  /** Only writing takes more than one frame: the card asks on until it has what the header announced. */
  #collect(command: number, data: Buffer): Outcome {
    if (command === 0x3d && wantsMore(this.#holder, data)) {
      this.#incoming = { command, data };
      return [STATUS.more];
    }
    const outcome = this.#obey(command, data);
    const [status, content = Buffer.alloc(0), isSealed = false] = outcome;
    if (status !== STATUS.ok) return status === STATUS.more ? outcome : this.#refused(status);
    if (this.#session === null || isSealed) return outcome;
    const proof = mac(this.#session, Buffer.concat([content, Buffer.of(STATUS.ok)]));
    return [STATUS.ok, Buffer.concat([content, proof])];
  }

  get #application(): DesfireApplication {
    const found = this.memory.get(this.#selected);
    if (found === undefined) throw new Error("the card lost an application");
    return found;
  }

  #obey(command: number, data: Buffer): Outcome {
    const isPlain = ![0x0a, 0xaa, 0x5a, 0xc4, 0x54, 0x3d].includes(command);
    if (isPlain && this.#session !== null) mac(this.#session, Buffer.concat([Buffer.of(command), data]));
    switch (command) {
      case 0x0a:
      case 0xaa:
        return this.#challengeFor(command === 0xaa ? "aes" : "des", data);
      case 0x5a:
        return this.#select(data);
      case 0x60:
        return data.length === 0 ? [STATUS.ok, this.#version()] : [STATUS.length];
      case 0x6a:
        return this.#applicationIds();
      case 0x45: {
        const { settings, keys, cipher } = this.#application;
        const isFree = (settings & 2) !== 0 || this.#isMaster;
        return isFree
          ? [STATUS.ok, Buffer.of(settings, keys.length | (cipher === "aes" ? 0x80 : 0))]
          : [STATUS.authentication];
      }
      case 0x64: {
        const key = this.#application.keys[data[0] ?? 0xff];
        return key === undefined ? [STATUS.noSuchKey] : [STATUS.ok, Buffer.of(key.version)];
      }
      case 0x6e:
        return [STATUS.ok, lowFirst(MEMORY_BYTES - this.#used, 3)];
      case 0x51:
        return this.#session === null
          ? [STATUS.authentication]
          : [
              STATUS.ok,
              sealed(this.#session, Buffer.from([...this.uid, ...crc32(Buffer.of(...this.uid, STATUS.ok))])),
              true,
            ];
      case 0xca:
        return this.#createApplication(data);
      case 0xda:
        return this.#deleteApplication(data);
      case 0xfc:
        return this.#format();
      case 0xc4:
        return this.#changeKey(data);
      case 0x54:
        return this.#changeSettings(data);
      default:
        return this.#selected === CARD ? [STATUS.unknownCommand] : obeyForFiles(this.#holder, command, data);
    }
  }

  get #holder(): Holder {
    return {
      application: this.#application,
      session: this.#session,
      mayList: this.#mayList,
      mayMake: this.#mayMake,
      takeBytes: (bytes) => this.#takePages(Math.ceil(bytes / PAGE_BYTES)),
      changed: () => this.#changed(),
    };
  }

  #challengeFor(cipher: CardKey["cipher"], data: Buffer): Outcome {
    this.#session = null;
    const [number = 0xff] = data;
    const key = this.#application.keys[number];
    if (data.length !== 1) return [STATUS.length];
    if (key === undefined) return [STATUS.noSuchKey];
    if (key.cipher !== cipher) return [STATUS.authentication];
    const size = blockBytes(cipher);
    const nonce = Buffer.from(this.#random(size));
    const sent = encipher({ cipher, key: key.bytes }, Buffer.alloc(size), nonce);
    this.#challenge = { number, key, nonce, sent };
    return [STATUS.more, sent];
  }

  #prove({ number, key, nonce, sent }: Challenge, token: Buffer): Outcome {
    this.#challenge = null;
    const { cipher, bytes } = key;
    const size = blockBytes(cipher);
    if (token.length !== 2 * size) return this.#refused(STATUS.length);
    const both = cipher === "aes" ? openedOnce(bytes, sent, token) : received({ key: bytes }, token);
    const [theirs, shown] = [both.subarray(0, size), both.subarray(size)];
    if (!shown.equals(rotatedLeft(nonce))) return this.#refused(STATUS.authentication);
    const iv = cipher === "aes" ? token.subarray(-16) : Buffer.alloc(8);
    const proof = encipher({ cipher, key: bytes }, iv, rotatedLeft(theirs));
    this.#session = { number, cipher, key: sessionKey(key, theirs, nonce), iv: Buffer.alloc(16) };
    return [STATUS.ok, proof];
  }

  #select(data: Buffer): Outcome {
    const id = data.toString("hex");
    if (data.length !== 3) return [STATUS.length];
    if (!this.memory.has(id)) return [STATUS.noApplication];
    this.#forget();
    this.#selected = id;
    return [STATUS.ok];
  }

  #version(): Buffer {
    const hardware = [0x04, 0x01, 0x01, 0x01, 0x00, 0x1a, 0x05];
    const software = [0x04, 0x01, 0x01, 0x01, 0x04, 0x1a, 0x05];
    return Buffer.from([...hardware, ...software, ...this.uid, 0xba, 0x53, 0x47, 0x65, 0x40, 0x20, 0x11]);
  }

  get #isMaster(): boolean {
    return this.#session?.number === 0;
  }

  get #mayList(): boolean {
    return (this.#application.settings & 2) !== 0 || this.#isMaster;
  }

  get #mayMake(): boolean {
    return (this.#application.settings & 4) !== 0 || this.#isMaster;
  }

  #applicationIds(): Outcome {
    if (this.#selected !== CARD) return [STATUS.permission];
    if (!this.#mayList) return [STATUS.authentication];
    const ids = [...this.memory.keys()].filter((id) => id !== CARD);
    return [STATUS.ok, Buffer.from(ids.join(""), "hex")];
  }

  #createApplication(data: Buffer): Outcome {
    const [, , , settings = 0, flags = 0] = data;
    const id = data.subarray(0, 3).toString("hex");
    const count = flags & 0x0f;
    const hasIsoNames = (flags & 0x20) !== 0;
    if (this.#selected !== CARD) return [STATUS.permission];
    if (hasIsoNames ? data.length < 7 : data.length !== 5) return [STATUS.length];
    if (!this.#mayMake) return [STATUS.authentication];
    if (count > 14 || (flags & 0x40) !== 0) return [STATUS.parameter];
    if (this.memory.has(id)) return [STATUS.duplicate];
    if (this.memory.size > APPLICATIONS_MAX || !this.#takePages(APPLICATION_PAGES))
      return [STATUS.outOfMemory];
    const cipher = (flags & 0x80) !== 0 ? "aes" : "des";
    const keys = Array.from({ length: count }, () => zeroKey(cipher));
    this.memory.set(id, { settings, cipher, keys, files: new Map() });
    return this.#changed();
  }

  #takePages(pages: number): boolean {
    if (this.#used + pages * PAGE_BYTES > MEMORY_BYTES) return false;
    this.#used += pages * PAGE_BYTES;
    return true;
  }

  #changed(): Outcome {
    this.changes++;
    return [STATUS.ok];
  }

  #deleteApplication(data: Buffer): Outcome {
    const id = data.toString("hex");
    if (id === CARD || !this.memory.has(id)) return [STATUS.noApplication];
    if (!this.#isMaster || (this.#selected !== CARD && this.#selected !== id)) return [STATUS.authentication];
    this.memory.delete(id);
    if (this.#selected === id) {
      this.#forget();
      this.#selected = CARD;
    }
    return this.#changed();
  }

  #format(): Outcome {
    if (this.#selected !== CARD) return [STATUS.permission];
    if (!this.#isMaster) return [STATUS.authentication];
    for (const id of [...this.memory.keys()]) if (id !== CARD) this.memory.delete(id);
    this.#used = 0;
    return this.#changed();
  }

  #changeKey(data: Buffer): Outcome {
    const session = this.#session;
    if (session === null) return [STATUS.authentication];
    const changed = changedKey(this.#application, session, this.#selected === CARD, data);
    if (typeof changed === "number") return [changed];
    this.#application.keys[changed.number] = changed.key;
    if (session.number === changed.number) this.#session = null;
    return this.#changed();
  }

  #changeSettings(data: Buffer): Outcome {
    if (this.#session === null || !this.#isMaster) return [STATUS.authentication];
    if ((this.#application.settings & 8) === 0) return [STATUS.permission];
    const settings = sentSettings(this.#session, data);
    if (settings === null) return [STATUS.integrity];
    this.#application.settings = settings;
    return this.#changed();
  }
}

function lowFirst(value: number, bytes: number): Buffer {
  const sent = Buffer.alloc(bytes);
  sent.writeUIntLE(value, 0, bytes);
  return sent;
}
