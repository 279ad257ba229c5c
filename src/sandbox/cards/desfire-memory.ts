import type { CardKey } from "./desfire-crypto.js";

/** What a DESFire card keeps when its power is gone. */
export interface DesfireFile {
  /** 0 standard, 1 backup: what is written to it counts once it is committed. */
  readonly type: 0 | 1;
  /** 0 plain, 1 with MAC, 3 enciphered. */
  readonly communication: number;
  /** Key numbers for reading, writing, both and changing, a nibble each from the highest; E free, F never. */
  rights: number;
  data: Buffer;
  /** Written and not committed: gone with the power. */
  pending: Buffer | null;
}

export interface DesfireApplication {
  /** Low nibble: master key may change (1), listing is free (2), making is free (4), this may change (8). */
  settings: number;
  readonly cipher: "des" | "aes";
  readonly keys: CardKey[];
  readonly files: Map<number, DesfireFile>;
}

/** By id, as it is sent, in hex. `000000` is the card itself. */
export type DesfireMemory = Map<string, DesfireApplication>;

export const CARD = "000000";
export const FACTORY_SETTINGS = 0x0f;

export function zeroKey(cipher: CardKey["cipher"]): CardKey {
  return { cipher, bytes: Buffer.alloc(16), version: 0 };
}

/** As delivered: the master key is DES and zeros. */
export function deliveredMemory(): DesfireMemory {
  const card: DesfireApplication = {
    settings: FACTORY_SETTINGS,
    cipher: "des",
    keys: [zeroKey("des")],
    files: new Map(),
  };
  return new Map([[CARD, card]]);
}

export function copyOf(memory: DesfireMemory): DesfireMemory {
  return new Map(
    [...memory].map(([id, application]) => [
      id,
      {
        ...application,
        keys: [...application.keys],
        files: new Map([...application.files].map(([number, file]) => [number, { ...file }])),
      },
    ]),
  );
}
