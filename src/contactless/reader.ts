import type { Attempt, ClassicKey, NtagPassword } from "#driver-api";
import type { Secret } from "#src/lib/secret";

/** What became of a command to the card. */
export type CardAnswer =
  | { readonly is: "ok"; readonly data: Uint8Array }
  /** The card does not take this key. */
  | { readonly is: "wrong_key" }
  /** The card said no or nothing. It hears nothing more until it is selected again. */
  | { readonly is: "refused" }
  /** The radio failed; the same may work at a second try. */
  | { readonly is: "disturbed" };

export type Failed = Exclude<CardAnswer, { is: "ok" }>;

export const DONE: CardAnswer = { is: "ok", data: new Uint8Array() };

/** One ISO/IEC 14443 type A card in the field. */
export interface Target {
  /** Lower-case hex; 4, 7 or 10 bytes. */
  readonly uid: string;
  /** SEL_RES. */
  readonly sak: number;
}

/**
 * What a brand's reader does for the plans of this folder: one command each, to the card that was selected last. Every
 * command rejects with DriverError when the reader itself fails, with the effect of its attempt; what the card says is
 * an answer. A command that writes sets the attempt's effect to `unknown` before its bytes leave.
 */
export interface ContactlessReader {
  /** The cards that answer, at most two: that there is more than one is all that matters. Halted ones answer too. */
  list(attempt: Attempt): Promise<readonly Target[]>;
  /**
   * Makes the card with this UID the one that is talked to, as fresh as if it had just been laid down. Rejects
   * `card.absent` or `card.swapped`.
   */
  select(uid: string, attempt: Attempt): Promise<void>;
  /** Every card forgets its session. */
  fieldOff(attempt: Attempt): Promise<void>;
  pause(ms: number, attempt: Attempt): Promise<void>;

  /** MIFARE Classic: opens the sector of `block` with a key. */
  openBlock(block: number, key: ClassicKey, uid: string, attempt: Attempt): Promise<CardAnswer>;
  /** 16 bytes. */
  readBlock(block: number, attempt: Attempt): Promise<CardAnswer>;
  writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer>;

  /** NTAG: the 8 bytes of GET_VERSION. */
  version(attempt: Attempt): Promise<CardAnswer>;
  /** `wrong_key` when the card refuses the password, or answers with another acknowledge. */
  openPages(password: NtagPassword, attempt: Attempt): Promise<CardAnswer>;
  /** One to four pages from `first` on, 4 bytes each; more may come. */
  readPages(first: number, count: number, attempt: Attempt): Promise<CardAnswer>;
  writePage(page: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer>;

  /** ISO/IEC 14443-4: one APDU and its answer, at most 64 bytes each way. */
  apdu(command: Uint8Array, changesCard: boolean, attempt: Attempt): Promise<CardAnswer>;
}
