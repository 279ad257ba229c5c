import type { SimulatedCard } from "#drivers/pn532/simulator";
import { type DecodedRecord, decodeRecord, RECORD_BYTES } from "#src/cards/record";
import type { SiteKeys } from "#src/cards/site-keys";
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

/**
 * A card that remembers what was done to it, whoever runs and whoever is killed. The record lies in sector 1 (blocks
 * 4–6) or in pages 4–15; its last block or page holds the MAC.
 */
export class WitnessedCard implements SimulatedCard {
  readonly uid: Uint8Array;
  readonly atqa: Uint8Array;
  readonly sak: number;
  readonly name: string;
  readonly #card: MifareClassicCard | NtagCard;
  readonly #witness: Witness;
  readonly #recordAt: number;
  /** Write command, and the block or page that completes the record. */
  readonly #completing: readonly [number, number];
  /** The last write command and the life it came in: the encoder repeats a command that it did not hear acknowledged. */
  #lastWrite = "";

  constructor(card: MifareClassicCard | NtagCard, witness: Witness) {
    this.uid = card.uid;
    this.atqa = card.atqa;
    this.sak = card.sak;
    this.name = toHex(card.uid);
    this.#card = card;
    this.#witness = witness;
    const isClassic = card instanceof MifareClassicCard;
    this.#recordAt = isClassic ? 4 * 16 : 4 * 4;
    this.#completing = isClassic ? [CLASSIC_WRITE, 6] : [NTAG_WRITE, 15];
  }

  /** What lies in the place of the record now. A lock would open for `ours`. */
  record(): DecodedRecord {
    const bytes = this.#card.memory.slice(this.#recordAt, this.#recordAt + RECORD_BYTES);
    return decodeRecord(bytes, this.name, this.#witness.keySets);
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
    if (!isRepeated && command === this.#completing[0] && place === this.#completing[1]) this.#tellWhole();
    this.#witness.onWrite();
    return answer;
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
