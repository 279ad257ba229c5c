import type { SimulatedCard } from "#drivers/pn532/simulator";
import { type DecodedRecord, decodeRecord, RECORD_BYTES } from "#src/cards/record";
import { classicSectorKey, ntagPasswordKeys, type SiteKeys } from "#src/cards/site-keys";
import { toHex } from "#src/lib/hex";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import type { NtagCard } from "#src/sandbox/cards/ntag";

/** A record that became whole on a card: its MAC was written last, over everything that it covers. */
export interface WholeWrite {
  readonly uid: string;
  /** The card's own name of the credential. */
  readonly cardCredentialId: string;
  readonly generation: number;
  /** Which life of the daemon wrote it. */
  readonly life: number;
}

export interface Witness {
  readonly keySets: readonly SiteKeys[];
  /** Life of the daemon that runs now. */
  readonly life: () => number;
  /** The card took a write command. */
  readonly onWrite: () => void;
  readonly onWhole: (write: WholeWrite) => void;
}

const CLASSIC_WRITE = 0xa0;
const NTAG_WRITE = 0xa2;
const CLASSIC_SECTOR = 1;
/** Of an NTAG213, in bytes: password, and the page from which on it is wanted. */
const NTAG_PASSWORD_AT = 0x2b * 4;
const NTAG_AUTH0_AT = 0x29 * 4 + 3;
const NTAG_RECORD_PAGE = 4;

/**
 * A card that remembers what was done to it, whoever runs and whoever is killed. The record lies in sector 1 (blocks
 * 4–6) or in pages 4–15; its last block or page holds the MAC. It is whole once the last thing was written that a
 * lock needs: the MAC, or on a new Classic card the trailer with the site's keys.
 */
export class WitnessedCard implements SimulatedCard {
  readonly uid: Uint8Array;
  readonly atqa: Uint8Array;
  readonly sak: number;
  readonly name: string;
  readonly #card: MifareClassicCard | NtagCard;
  readonly #witness: Witness;
  readonly #recordAt: number;
  readonly #isClassic: boolean;
  /** The last write command and the life it came in: the encoder repeats a command that it did not hear acknowledged. */
  #lastWrite = "";

  constructor(card: MifareClassicCard | NtagCard, witness: Witness) {
    this.uid = card.uid;
    this.atqa = card.atqa;
    this.sak = card.sak;
    this.name = toHex(card.uid);
    this.#card = card;
    this.#witness = witness;
    this.#isClassic = card instanceof MifareClassicCard;
    this.#recordAt = this.#isClassic ? CLASSIC_SECTOR * 64 : NTAG_RECORD_PAGE * 4;
  }

  /**
   * What a lock finds in the place of the record now; it would open for `ours`. A card that does not open with the
   * keys of the site carries no valid record, whatever lies on it (`docs/card-format.md`).
   */
  record(): DecodedRecord {
    const keySets = this.#witness.keySets.filter((keys) => this.#opensWith(keys));
    const bytes = this.#card.memory.slice(this.#recordAt, this.#recordAt + RECORD_BYTES);
    return decodeRecord(bytes, this.name, keySets);
  }

  #opensWith(keys: SiteKeys): boolean {
    const { memory } = this.#card;
    const holds = (at: number, key: Uint8Array) =>
      Buffer.compare(memory.subarray(at, at + key.length), key) === 0;
    if (this.#isClassic) {
      const keyA = classicSectorKey(keys, this.name, CLASSIC_SECTOR, "A").reveal();
      return holds(CLASSIC_SECTOR * 64 + 48, keyA);
    }
    const isProtected = (memory[NTAG_AUTH0_AT] ?? 0xff) <= NTAG_RECORD_PAGE;
    return isProtected && holds(NTAG_PASSWORD_AT, ntagPasswordKeys(keys, this.name).pwd.reveal());
  }

  select(wake: boolean): boolean {
    return this.#card.select(wake);
  }

  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent" {
    const answer = this.#card.transceive(frame);
    const [command, place] = frame;
    if (typeof answer === "string" || (command !== CLASSIC_WRITE && command !== NTAG_WRITE)) return answer;
    const write = `${this.#witness.life()} ${toHex(frame)}`;
    const isRepeated = write === this.#lastWrite;
    this.#lastWrite = write;
    if (!isRepeated && this.#completes(place)) this.#tellWhole();
    this.#witness.onWrite();
    return answer;
  }

  /** Was this the block or page that makes a record valid? */
  #completes(place: number | undefined): boolean {
    return this.#isClassic ? place === 6 || place === 7 : place === 15;
  }

  halt(): void {
    this.#card.halt();
  }

  reset(): void {
    this.#card.reset();
  }

  #tellWhole(): void {
    const decoded = this.record();
    if (decoded.is !== "ours") return;
    const { credentialId: cardCredentialId, sequence: generation } = decoded.record;
    this.#witness.onWhole({ uid: this.name, cardCredentialId, generation, life: this.#witness.life() });
  }
}
