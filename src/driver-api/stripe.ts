import type { Secret } from "#src/lib/secret";
import type { Call } from "./driver.js";

/** The tracks of a magnetic stripe (ISO/IEC 7811-6). */
export type TrackNumber = 1 | 2 | 3;
export const TRACK_NUMBERS = [1, 2, 3] as const satisfies readonly TrackNumber[];

export type TrackRead =
  | { readonly is: "blank" }
  /** Without sentinels and check character. */
  | { readonly is: "text"; readonly text: string }
  /** Something is recorded that is no whole ISO track: damage, or a coding of somebody's own. */
  | { readonly is: "unreadable" };

/** What one pull of a card showed. */
export type StripeRead = Readonly<Record<TrackNumber, TrackRead>>;

/** Tracks that are not named stay as they are. */
export type StripeChange =
  | {
      readonly do: "write";
      /** Without sentinels and check character, which the device or the driver adds. */
      readonly tracks: readonly { readonly track: TrackNumber; readonly text: Secret<string> }[];
    }
  | { readonly do: "erase"; readonly tracks: readonly TrackNumber[] };

/**
 * An encoder that a card with a magnetic stripe is pulled through. It sees a card only in that moment: a stripe has no
 * number of its own, and nothing shows that the card of the next pull is the one of the last.
 */
export interface StripeWriter {
  /**
   * Waits for a pull, as long as `call.signal` lets it, and asks for another when it went wrong, a few times. Rejects
   * `card.unwritable` (effect none) when none of them could be read.
   */
  read(call: Call): Promise<StripeRead>;
  /**
   * Waits for a pull that changes the stripe, calls `changed`, waits for another and answers what that one read: that
   * the device wrote proves nothing. Rejects `card.unwritable` (effect none) when the tracks cannot hold the text,
   * before anything is sent; from the moment the device waits for the first pull, every failure is `unknown`. When it
   * rejects, the device waits for no pull any more.
   */
  change(change: StripeChange, call: Call, changed: () => void): Promise<StripeRead>;
}
