import { z } from "zod";
import type { KeySet, KeySetsTable } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { blob } from "./columns.js";
import type { Connection } from "./connection.js";
import type { Place, Sealer } from "./sealer.js";

const storedKeySet = z.object({
  version: z.number(),
  issuer_sealed: blob,
  card_master_sealed: blob,
  created_at: z.number(),
});

const ISSUER_BYTES = 4;
const CARD_MASTER_BYTES = 16;

export class KeySets implements KeySetsTable {
  readonly #connection: Connection;
  readonly #sealer: Sealer;

  constructor(connection: Connection, sealer: Sealer) {
    this.#connection = connection;
    this.#sealer = sealer;
  }

  list(): readonly KeySet[] {
    return this.#connection
      .all(
        "SELECT version, issuer_sealed, card_master_sealed, created_at FROM key_sets ORDER BY version DESC",
      )
      .map((row) => {
        const { version, issuer_sealed, card_master_sealed, created_at } = storedKeySet.parse(row);
        return {
          version,
          issuer: this.#open(place(version, "issuer_sealed"), issuer_sealed),
          cardMaster: this.#open(place(version, "card_master_sealed"), card_master_sealed),
          createdAt: created_at,
        };
      });
  }

  add({ version, issuer, cardMaster, createdAt }: KeySet): void {
    if (issuer.reveal().length !== ISSUER_BYTES || cardMaster.reveal().length !== CARD_MASTER_BYTES)
      throw new TypeError(
        `a key set has an issuer of ${ISSUER_BYTES} bytes and a master of ${CARD_MASTER_BYTES}`,
      );
    this.#connection.run(
      "INSERT INTO key_sets (version, issuer_sealed, card_master_sealed, created_at) VALUES (?, ?, ?, ?)",
      [
        version,
        this.#sealer.seal(place(version, "issuer_sealed"), issuer.reveal()),
        this.#sealer.seal(place(version, "card_master_sealed"), cardMaster.reveal()),
        createdAt,
      ],
    );
  }

  #open(at: Place, sealed: Uint8Array): Secret<Uint8Array> {
    return new Secret(Uint8Array.from(this.#sealer.open(at, sealed)));
  }
}

function place(version: number, column: string): Place {
  return { table: "key_sets", row: String(version), column };
}
