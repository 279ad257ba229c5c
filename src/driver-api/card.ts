import type { Secret } from "#src/lib/secret";
import type { Call } from "./driver.js";

/** What a card is, by the device's own triage (for ISO 14443: SAK, ATQA, GET_VERSION). */
export type CardTechnology =
  "mifare_classic_1k" | "mifare_classic_4k" | "ntag213" | "ntag215" | "ntag216" | "unknown";

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
    };

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
    };

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
