import type { CardTechnology, ClassicKey, NtagPassword, ReadPlan, WritePlan } from "#driver-api";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

/** Values that must show up nowhere but on the wire and on the card. */
export const CANARY = {
  key: fromHex("c0ffee15dead"),
  password: fromHex("5ec2e7b1"),
  content: fromHex("ba5eba11 f005ba11 0ddba110 5ca1ab1e"),
  pin: "70419263",
} as const;

const secret = (text: string) => new Secret(fromHex(text));

export const transportKey: ClassicKey = { name: "transport", slot: "A", key: secret("ffffffffffff") };
export const canaryKey: ClassicKey = { name: "canary", slot: "A", key: new Secret(CANARY.key) };
export const canaryPassword: NtagPassword = {
  name: "canary",
  pwd: new Secret(CANARY.password),
  pack: secret("8001"),
};
/** The right password, but not the proof that our card gives. */
export const foreignPassword: NtagPassword = { ...canaryPassword, name: "foreign", pack: secret("1234") };

/** Page of AUTH0; the access byte, password and PACK pages follow it (NXP NTAG213/215/216 rev. 3.2, §8.5.7). */
const SETTINGS_PAGE: Partial<Record<CardTechnology, number>> = {
  ntag213: 0x29,
  ntag215: 0x83,
  ntag216: 0xe3,
};

/** Content into sector 1 or pages 4 to 7, then the card is closed with the canary key: the validating step last. */
export function writePlanFor(technology: CardTechnology, key = transportKey): WritePlan {
  const settings = SETTINGS_PAGE[technology];
  if (settings === undefined) {
    const keyHex = Buffer.from(CANARY.key).toString("hex");
    return {
      container: "classic",
      sector: 1,
      steps: [
        { block: 4, data: new Secret(CANARY.content), key },
        { block: 5, data: secret("00".repeat(16)), key },
        // Access bits 7F0788: data blocks by both keys, the trailer by key B only.
        { block: 7, data: secret(`${keyHex}7f078869${keyHex}`), key },
      ],
    };
  }
  const page = (at: number, data: Secret<Uint8Array>) => ({ do: "write" as const, page: at, data });
  return {
    container: "ntag",
    steps: [
      ...[0, 1, 2, 3].map((at) => page(4 + at, new Secret(CANARY.content.slice(at * 4, at * 4 + 4)))),
      page(settings + 2, canaryPassword.pwd),
      page(settings + 3, secret("80010000")),
      page(settings + 1, secret("80000000")),
      page(settings, secret("00000004")),
      { do: "reselect" },
      { do: "authenticate", password: canaryPassword },
      page(8, secret("00000001")),
    ],
  };
}

/** Asks for the content, with the canary key or password and, on a MIFARE Classic card, the transport key after it. */
export function readPlanFor(technology: CardTechnology, password = canaryPassword): ReadPlan {
  if (SETTINGS_PAGE[technology] === undefined) {
    return { container: "classic", sector: 1, blocks: [4, 5], keys: [canaryKey, transportKey] };
  }
  return { container: "ntag", ranges: [{ first: 4, last: 8 }], passwords: [password] };
}
