import type { DesfireFile, DesfireKey } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { AesChannel, crc16, crc32, DesChannel } from "./channel.js";
import { COMMAND, DesfireRefusal, type Dialogue, exchange, frame, type Reply, STATUS } from "./apdu.js";
import { aesCbc, xor } from "#src/lib/aes-cmac";

/** Bytes that nobody can foretell. */
export type Random = (size: number) => Uint8Array;

const MAC_BYTES = 8;
const CRC32_BYTES = 4;
const KEY_BYTES = 16;
const ID_BYTES = 3;
const UID_BYTES = 7;
/** Added to the key's number when the card's own master key becomes AES. */
const TO_AES = 0x80;
/** Added to the number of an application's keys when they are to be AES. */
const AES_KEYS = 0x80;
const ENCIPHERED = 3;
export const CARD = "000000";

type Authenticated =
  | { readonly number: number; readonly cipher: "aes"; readonly channel: AesChannel }
  | { readonly number: number; readonly cipher: "des"; readonly channel: DesChannel };

/**
 * One conversation with a DESFire card, from its selection to its end. Every method is a dialogue; a refusal, a
 * selection and a change of the session's own key end the session, and then a new authentication is needed.
 */
export class DesfireSession {
  readonly #random: Random;
  #application: string = CARD;
  #authenticated: Authenticated | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  *select(application: string): Dialogue<void> {
    this.#authenticated = null;
    const { status } = yield* exchange(COMMAND.selectApplication, fromHex(application));
    if (status !== STATUS.ok) throw new DesfireRefusal(status);
    this.#application = application;
  }

  /** False when the card does not take the key, or does not prove that it has it. */
  *authenticate(key: DesfireKey): Dialogue<boolean> {
    this.#authenticated = null;
    this.#authenticated = yield* key.cipher === "aes" ? this.#byAes(key) : this.#byDes(key);
    return this.#authenticated !== null;
  }

  *applicationIds(): Dialogue<readonly string[]> {
    const data = yield* this.#ask(COMMAND.applicationIds, []);
    const count = Math.floor(data.length / ID_BYTES);
    return Array.from({ length: count }, (_, i) => toHex(data.subarray(i * ID_BYTES, (i + 1) * ID_BYTES)));
  }

  *format(): Dialogue<void> {
    yield* this.#ask(COMMAND.format, [], true);
  }

  *createApplication(application: string, settings: number, keys: number): Dialogue<void> {
    const data = [...fromHex(application), settings, keys | AES_KEYS];
    yield* this.#ask(COMMAND.createApplication, data, true);
  }

  *changeSettings(settings: number): Dialogue<void> {
    const channel = this.#aes();
    const plain = Uint8Array.of(settings, ...crc32(Uint8Array.of(COMMAND.changeKeySettings, settings)));
    yield* this.#tell(COMMAND.changeKeySettings, channel.encipher(plain));
  }

  /** `from` is what the key with `to.number` is. */
  *changeKey(from: DesfireKey, to: DesfireKey): Dialogue<void> {
    const session = this.#authenticated;
    if (session === null) throw new DesfireRefusal("damaged");
    const isOwn = session.number === to.number;
    const number = to.number | (this.#application === CARD && to.cipher === "aes" ? TO_AES : 0);
    const stored = storedKey(to);
    const sent = isOwn ? stored : xor(stored, storedKey(from));
    const versioned = to.cipher === "aes" ? Uint8Array.of(...sent, to.version) : sent;
    let cryptogram: Uint8Array;
    if (session.cipher === "des") {
      const proof = isOwn ? [] : crc16(stored);
      cryptogram = session.channel.send(Uint8Array.of(...versioned, ...crc16(versioned), ...proof));
    } else {
      const crc = crc32(Uint8Array.of(COMMAND.changeKey, number, ...versioned));
      const proof = isOwn ? [] : crc32(stored);
      cryptogram = session.channel.encipher(Uint8Array.of(...versioned, ...crc, ...proof));
    }
    const data = Uint8Array.of(number, ...cryptogram);
    if (!isOwn) yield* this.#tell(COMMAND.changeKey, data);
    else {
      // The card forgets the session before it answers, so the answer carries no MAC.
      this.#authenticated = null;
      const { status } = yield* exchange(COMMAND.changeKey, data, true);
      if (status !== STATUS.ok) throw new DesfireRefusal(status);
    }
  }

  *createFile(
    kind: "standard" | "backup",
    { file, communication = ENCIPHERED, rights, size }: NewFile,
  ): Dialogue<void> {
    const command = kind === "backup" ? COMMAND.createBackupFile : COMMAND.createStandardFile;
    yield* this.#ask(command, [file, communication, ...lowFirst(rights, 2), ...lowFirst(size, 3)], true);
  }

  *fileSettings(file: number): Dialogue<Omit<DesfireFile, "data">> {
    const data = yield* this.#ask(COMMAND.fileSettings, [file]);
    const [type, communication, rightsLow, rightsHigh, low, middle, high] = data;
    if (type === undefined || communication === undefined || rightsLow === undefined)
      throw new DesfireRefusal("damaged");
    if (rightsHigh === undefined || low === undefined || middle === undefined || high === undefined)
      throw new DesfireRefusal("damaged");
    return {
      type,
      communication: communication & 3,
      rights: rightsLow | (rightsHigh << 8),
      size: low | (middle << 8) | (high << 16),
    };
  }

  *readFile(file: number, isEnciphered: boolean, size: number): Dialogue<Uint8Array> {
    const header = [file, ...lowFirst(0, 3), ...lowFirst(size, 3)];
    if (!isEnciphered) return yield* this.#ask(COMMAND.readData, header);
    return yield* this.#askEnciphered(COMMAND.readData, header, size);
  }

  /** From the file's beginning. Plain with a MAC (1), or enciphered (3). */
  *writeFile(file: number, communication: 0 | 1 | 3, data: Uint8Array): Dialogue<void> {
    const channel = this.#aes();
    const header = Uint8Array.of(file, ...lowFirst(0, 3), ...lowFirst(data.length, 3));
    const whole = Uint8Array.of(COMMAND.writeData, ...header, ...data);
    if (communication === ENCIPHERED) {
      const enciphered = channel.encipher(Uint8Array.of(...data, ...crc32(whole)));
      yield* this.#tell(COMMAND.writeData, Uint8Array.of(...header, ...enciphered));
    } else {
      const mac = channel.mac(whole);
      const sent = communication === 1 ? [...data, ...mac] : data;
      yield* this.#tell(COMMAND.writeData, Uint8Array.of(...header, ...sent));
    }
  }

  *commit(): Dialogue<void> {
    yield* this.#ask(COMMAND.commit, [], true);
  }

  *fileIds(): Dialogue<Uint8Array> {
    return yield* this.#ask(COMMAND.fileIds, []);
  }

  /** The UID that the card was made with, also of one that shows a random one. */
  *cardUid(): Dialogue<string> {
    return toHex(yield* this.#askEnciphered(COMMAND.cardUid, [], UID_BYTES));
  }

  *#byAes({ number, key }: DesfireKey): Dialogue<Authenticated | null> {
    const secret = key.reveal();
    const challenge = yield* frame(COMMAND.authenticateAes, Uint8Array.of(number), false);
    if (challenge.status !== STATUS.more || challenge.data.length !== KEY_BYTES) return null;
    const theirs = aesCbc(secret, new Uint8Array(KEY_BYTES)).decrypt(challenge.data);
    const ours = this.#random(KEY_BYTES);
    const token = aesCbc(secret, challenge.data).encrypt(Uint8Array.of(...ours, ...rotated(theirs)));
    const proof = yield* frame(COMMAND.more, token, false);
    if (proof.status !== STATUS.ok || proof.data.length !== KEY_BYTES) return null;
    const shown = aesCbc(secret, token.subarray(-KEY_BYTES)).decrypt(proof.data);
    if (toHex(shown) !== toHex(rotated(ours))) return null;
    const [a, b, c, d] = [ours.subarray(0, 4), theirs.subarray(0, 4), ours.subarray(12), theirs.subarray(12)];
    return { number, cipher: "aes", channel: new AesChannel(Uint8Array.of(...a, ...b, ...c, ...d)) };
  }

  *#byDes({ number, key }: DesfireKey): Dialogue<Authenticated | null> {
    const channel = new DesChannel(key.reveal());
    const challenge = yield* frame(COMMAND.authenticateDes, Uint8Array.of(number), false);
    if (challenge.status !== STATUS.more || challenge.data.length !== 8) return null;
    const theirs = channel.receive(challenge.data);
    const ours = this.#random(8);
    const token = channel.send(Uint8Array.of(...ours, ...rotated(theirs)));
    const proof = yield* frame(COMMAND.more, token, false);
    if (proof.status !== STATUS.ok || proof.data.length !== 8) return null;
    if (toHex(channel.receive(proof.data)) !== toHex(rotated(ours))) return null;
    const sessionKey = Uint8Array.of(...ours.subarray(0, 4), ...theirs.subarray(0, 4));
    return { number, cipher: "des", channel: new DesChannel(sessionKey) };
  }

  /** A command whose data goes in clear. In an AES session both sides prove that they saw the same. */
  *#ask(command: number, data: readonly number[], changesCard = false): Dialogue<Uint8Array> {
    const session = this.#authenticated;
    if (session?.cipher === "aes") session.channel.mac(Uint8Array.of(command, ...data));
    return this.#proven(yield* exchange(command, Uint8Array.from(data), changesCard));
  }

  /** A command whose data is ready to go: the session's vector has gone through it. */
  *#tell(command: number, data: Uint8Array): Dialogue<void> {
    this.#proven(yield* exchange(command, data, true));
  }

  *#askEnciphered(command: number, data: readonly number[], size: number): Dialogue<Uint8Array> {
    const channel = this.#aes();
    channel.mac(Uint8Array.of(command, ...data));
    const reply = this.#accepted(yield* exchange(command, Uint8Array.from(data)));
    const plain = channel.decipher(reply.data);
    const content = plain?.subarray(0, size);
    const crc = plain?.subarray(size, size + CRC32_BYTES);
    if (content?.length !== size || crc?.length !== CRC32_BYTES) return this.#damaged();
    if (toHex(crc) !== toHex(crc32(Uint8Array.of(...content, reply.status)))) return this.#damaged();
    return content.slice();
  }

  /** The data of an answer whose MAC is right. */
  #proven(answer: Reply): Uint8Array {
    const { data, status } = this.#accepted(answer);
    const session = this.#authenticated;
    if (session?.cipher !== "aes") return data;
    const end = data.length - MAC_BYTES;
    if (end < 0) return this.#damaged();
    const content = data.slice(0, end);
    const mac = session.channel.mac(Uint8Array.of(...content, status));
    return toHex(mac) === toHex(data.subarray(end)) ? content : this.#damaged();
  }

  #accepted(reply: Reply): Reply {
    if (reply.status === STATUS.ok) return reply;
    this.#authenticated = null;
    throw new DesfireRefusal(reply.status);
  }

  #damaged(): never {
    this.#authenticated = null;
    throw new DesfireRefusal("damaged");
  }

  #aes(): AesChannel {
    const session = this.#authenticated;
    if (session?.cipher !== "aes") throw new DesfireRefusal("damaged");
    return session.channel;
  }
}

interface NewFile {
  readonly file: number;
  /** 0 plain, 1 with MAC, 3 enciphered. */
  readonly communication?: number;
  readonly rights: number;
  readonly size: number;
}

/** A card stores a DES key twice, so that it fills the place of a longer one. */
function storedKey({ cipher, key }: DesfireKey): Uint8Array {
  const bytes = key.reveal();
  return cipher === "aes" ? bytes : Uint8Array.of(...bytes, ...bytes);
}

function rotated(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(1), ...bytes.subarray(0, 1));
}

function lowFirst(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >> (8 * i)) & 0xff);
}
