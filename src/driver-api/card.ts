import type { Secret } from "#src/lib/secret";
import type { Call } from "./driver.js";

/** What a card is, by the device's own triage (for ISO 14443: SAK, ATQA, GET_VERSION). */
export type CardTechnology =
  | "mifare_classic_1k"
  | "mifare_classic_4k"
  | "ntag213"
  | "ntag215"
  | "ntag216"
  /** EV1 or later, with a UID that it shows always: the first generation has no AES. */
  | "mifare_desfire"
  | "unknown";

/** The one card that is on the encoder now. */
export interface CardSeen {
  /** Lower-case hex; 4, 7 or 10 bytes. */
  readonly uid: string;
  readonly technology: CardTechnology;
}

/** A MIFARE Classic key to try. `name` says which it is (`ours-v1-A`, `transport`) and is safe to log. */
export interface ClassicKey {
  readonly name: string;
  readonly slot: "A" | "B";
  /** 6 bytes. */
  readonly key: Secret<Uint8Array>;
}

/** An NTAG password to try. */
export interface NtagPassword {
  readonly name: string;
  /** 4 bytes. */
  readonly pwd: Secret<Uint8Array>;
  /** 2 bytes the card must answer. */
  readonly pack: Secret<Uint8Array>;
}

/** A key of a MIFARE DESFire card or of one of its applications. */
export interface DesfireKey {
  readonly name: string;
  /** In the card (application 000000) or application that it belongs to; 0 is the master key. */
  readonly number: number;
  /** `des`: single DES, 8 bytes, as new cards have it. `aes`: AES-128, 16 bytes. */
  readonly cipher: "des" | "aes";
  /** 0–255; the card tells it to whoever asks. A DES key has none. */
  readonly version: number;
  readonly key: Secret<Uint8Array>;
}

/** What to read. Keys are tried in order until one opens the sector (or page range). */
export type ReadPlan =
  | {
      readonly container: "classic";
      readonly sector: number;
      /** Absolute block numbers, all in `sector`. */
      readonly blocks: readonly number[];
      readonly keys: readonly ClassicKey[];
    }
  | {
      readonly container: "ntag";
      /** Pages to read, as ranges of page numbers, both ends included. */
      readonly ranges: readonly { readonly first: number; readonly last: number }[];
      /** Tried in order only when `isProtected` says the card wants one (AUTH0 lies at or below a page of the plan). */
      readonly passwords: readonly NtagPassword[];
    }
  | {
      readonly container: "desfire";
      /** Application id as it is sent: 3 bytes, low byte first, in hex. */
      readonly application: string;
      readonly file: number;
      /** Bytes to read from the file's beginning. */
      readonly size: number;
      /** Tried in order as the card's own master key. When none opens the card, nothing else is asked. */
      readonly masterKeys: readonly DesfireKey[];
      /** Tried in order in the application. */
      readonly readKeys: readonly DesfireKey[];
    };

/** What was read. `opened: null` means that no key of the plan opened it: nothing could be read, which is an answer and no error. */
export type ReadBack =
  | {
      readonly container: "classic";
      /** Name of the key that opened the sector. */
      readonly opened: string | null;
      /** Block number → 16 bytes. A trailer's key A reads as zeros. */
      readonly blocks: ReadonlyMap<number, Uint8Array>;
    }
  | {
      readonly container: "ntag";
      /** Name of the password that opened it, or `free` when none was needed. */
      readonly opened: string | null;
      /** Page number → 4 bytes. Password pages read as zeros. */
      readonly pages: ReadonlyMap<number, Uint8Array>;
    }
  | {
      readonly container: "desfire";
      /** Name of the key that read the file; where there is no such application, of the card's master key. */
      readonly opened: string | null;
      /** Name of the key that is the card's master key. */
      readonly master: string | null;
      /** Ids of all applications, as they are sent. */
      readonly applications: readonly string[];
      /** Null when there is none, or no key read it. */
      readonly file: DesfireFile | null;
    };

export interface DesfireFile {
  /** 0 standard data file, 1 backup data file. */
  readonly type: number;
  /** 0 plain, 1 with MAC, 3 enciphered. */
  readonly communication: number;
  /** Key numbers for reading, writing, both and changing, a nibble each from the highest; E free, F never. */
  readonly rights: number;
  /** Bytes in the whole file. */
  readonly size: number;
  readonly data: Uint8Array;
}

/**
 * What to write, step by step, in an order that is safe to tear: the step that makes the card valid comes last.
 * The driver re-selects the card by its UID first, does the steps in order, looks at `call.signal` before each, and
 * never does a later step after one that failed.
 */
export type WritePlan =
  | {
      readonly container: "classic";
      readonly sector: number;
      readonly steps: readonly {
        readonly block: number;
        /** 16 bytes. */
        readonly data: Secret<Uint8Array>;
        /** The key to be authenticated with for this step. */
        readonly key: ClassicKey;
      }[];
    }
  | {
      readonly container: "ntag";
      readonly steps: readonly (
        | { readonly do: "authenticate"; readonly password: NtagPassword }
        | { readonly do: "reselect" }
        /** `data`: 4 bytes. */
        | { readonly do: "write"; readonly page: number; readonly data: Secret<Uint8Array> }
      )[];
    }
  | { readonly container: "desfire"; readonly steps: readonly DesfireStep[] };

/** Keys and files are those of the application that was selected last. */
export type DesfireStep =
  /** `000000` is the card itself. Ends the session. */
  | { readonly do: "select"; readonly application: string }
  /** Begins a session with this key. */
  | { readonly do: "authenticate"; readonly key: DesfireKey }
  /** Takes every application away, which needs the card's master key. */
  | { readonly do: "format" }
  /** `from` is what the key with `to.number` is. Changing the session's own key ends the session. */
  | { readonly do: "changeKey"; readonly from: DesfireKey; readonly to: DesfireKey }
  | { readonly do: "changeSettings"; readonly settings: number }
  /** All its keys are AES, and zeros. */
  | {
      readonly do: "createApplication";
      readonly application: string;
      readonly settings: number;
      readonly keys: number;
    }
  /** Enciphered; what is written to it counts from `commit` on, all of it or nothing. Zeros at first. */
  | {
      readonly do: "createBackupFile";
      readonly file: number;
      readonly rights: number;
      readonly size: number;
    }
  /** From the file's beginning, enciphered. */
  | { readonly do: "write"; readonly file: number; readonly data: Secret<Uint8Array> }
  | { readonly do: "commit" };

/** An encoder that sees, reads and writes a card in separate calls, so that a durable intent lies between them. */
export interface CardWriter {
  /** What it can write. */
  readonly technologies: readonly CardTechnology[];
  /**
   * Waits until exactly one card is there, as long as `call.signal` lets it. Rejects `card.several` (effect none) when
   * two are; the caller may call again.
   */
  present(call: Call): Promise<CardSeen>;
  /** Reads; rejects `card.absent` / `card.swapped` with effect none. */
  read(card: CardSeen, plan: ReadPlan, call: Call): Promise<ReadBack>;
  /**
   * Writes. Effect `none` only when it is certain that no write command reached the card; from the first write
   * command on, every failure is `unknown`.
   */
  write(card: CardSeen, plan: WritePlan, call: Call): Promise<void>;
  /** Ends the conversation with the card: field off, motor off. Never rejects. */
  release(): Promise<void>;
}

/** Facts of one credential for a vendor's own system, which makes the card by itself. */
export interface KeyFacts {
  readonly credentialId: string;
  /** Generation of this card, from 1. */
  readonly generation: number;
  /** Keys of the configured entrances. */
  readonly entrances: readonly string[];
  /** Epoch milliseconds. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  readonly holder: string | null;
  /** Members of Seam's `visionline_metadata` or `assa_abloy_vostio_metadata`, where the credential has them. */
  readonly brand?: Readonly<Record<string, unknown>>;
}

/** What the vendor's system says it made. */
export interface Issued {
  readonly cardNumber: string;
  /** Lower-case hex, when the system tells. */
  readonly uid: string | null;
}

/** Asks the vendor's own system to make the card (Salto, Vision, Onity …): facts in, no bytes. */
export interface KeyIssuer {
  /** Effect `none` only when it is certain that the system did not start. */
  issue(facts: KeyFacts, call: Call): Promise<Issued>;
  /** The card on the vendor's encoder, or null for a blank one. */
  read?(call: Call): Promise<{ readonly cardNumber: string; readonly uid: string | null } | null>;
  /** Makes every lock refuse the card, as far as the system can; resolves when it says that it is done. */
  cancel?(cardNumber: string, call: Call): Promise<void>;
}
