import type { JsonObject } from "#src/lib/json";
import type { Caller } from "./paging.js";

/** What is plugged in, and what it is. */
export interface PortsModel {
  /** Everything plugged in, by its lasting name, with the key of the device that uses it. Sends no byte anywhere. */
  found(): Promise<readonly JsonObject[]>;
  /**
   * Asks what is at these ports, and at no other, since asking sends bytes. Answers `found` and `tried`. A port that
   * a configured device uses is refused.
   */
  probe(
    input: {
      ports: readonly string[];
      /** Only this driver; without it each one that needs no settings. */
      driver?: string | undefined;
      /** Milliseconds to wait for a card on any of them; 0: none is waited for. */
      cardWaitMs: number;
    },
    by: Caller,
  ): Promise<JsonObject>;
}
