import type {
  CardTechnology,
  ClassicKey,
  DesfireKey,
  DesfireStep,
  NtagPassword,
  ReadPlan,
  WritePlan,
} from "#driver-api";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

/** Values that must show up nowhere but on the wire and on the card. */
export const CANARY = {
  key: fromHex("c0ffee15dead"),
  password: fromHex("5ec2e7b1"),
  longKey: fromHex("deca1fba dcafe000 5eedbed5 0badf00d"),
  content: fromHex("ba5eba11 f005ba11 0ddba110 5ca1ab1e"),
  pin: "70419263",
  stripe: "5830172946603815",
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

/** The master key of a new DESFire card, and key 0 of a new application. */
export const desfireTransport: DesfireKey = {
  name: "transport",
  number: 0,
  cipher: "des",
  version: 0,
  key: secret("00".repeat(8)),
};
const applicationTransport: DesfireKey = { ...desfireTransport, cipher: "aes", key: secret("00".repeat(16)) };
export const canaryDesfireKey: DesfireKey = {
  ...applicationTransport,
  name: "canary",
  version: 1,
  key: new Secret(CANARY.longKey),
};
const APPLICATION = "0020f5";
/** Everything by key 0. */
const FILE = { file: 1, rights: 0x0000, size: CANARY.content.length };

/** Page of AUTH0; the access byte, password and PACK pages follow it (NXP NTAG213/215/216 rev. 3.2, §8.5.7). */
const SETTINGS_PAGE: Partial<Record<CardTechnology, number>> = {
  ntag213: 0x29,
  ntag215: 0x83,
  ntag216: 0xe3,
};

/**
 * Content into sector 1, pages 4 to 7 or a file, and the card is closed with the canary key: the validating step last.
 */
export function writePlanFor(technology: CardTechnology, key = transportKey): WritePlan {
  if (technology === "mifare_desfire") return { container: "desfire", steps: desfireSteps() };
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

/**
 * What locks a card that holds the canary, what it must then refuse, and how it is read all the same. A DESFire card refuses
 * by the rights of its file, which come with the file: so many of the plan's steps change it before the one that is refused.
 */
export function lockedCardPlans(technology: CardTechnology): {
  readonly lock: WritePlan | null;
  readonly tryIt: { readonly plan: WritePlan; readonly changes: number };
  readonly readBack: ReadPlan | null;
} {
  if (technology === "mifare_desfire") {
    const steps: readonly DesfireStep[] = [
      { do: "select", application: "000000" },
      { do: "authenticate", key: desfireTransport },
      { do: "createApplication", application: APPLICATION, settings: 0x0b, keys: 1 },
      { do: "select", application: APPLICATION },
      { do: "authenticate", key: applicationTransport },
      { do: "createBackupFile", ...FILE, rights: 0x0fff },
      { do: "write", file: FILE.file, data: new Secret(CANARY.content) },
    ];
    return { lock: null, tryIt: { plan: { container: "desfire", steps }, changes: 2 }, readBack: null };
  }
  const blank = secret("00".repeat(technology.startsWith("ntag") ? 4 : 16));
  if (technology.startsWith("ntag")) {
    const page = (at: number, data: Secret<Uint8Array>) => ({ do: "write" as const, page: at, data });
    const content = [0, 1, 2, 3].map((at) =>
      page(4 + at, new Secret(CANARY.content.slice(at * 4, at * 4 + 4))),
    );
    return {
      // Static lock bytes of pages 4 to 15 (NXP NTAG213/215/216 rev. 3.2, 8.5.2); they count from the next selection on.
      lock: { container: "ntag", steps: [...content, page(2, secret("0000f0ff")), { do: "reselect" }] },
      tryIt: { plan: { container: "ntag", steps: [page(5, blank)] }, changes: 0 },
      readBack: { container: "ntag", ranges: [{ first: 4, last: 7 }], passwords: [] },
    };
  }
  // Access bits 8F0787: data blocks are read by both keys and written by none.
  const trailer = secret("ffffffffffff8f078769ffffffffffff");
  const step = (block: number, data: Secret<Uint8Array>) => ({ block, data, key: transportKey });
  return {
    lock: { container: "classic", sector: 1, steps: [step(4, new Secret(CANARY.content)), step(7, trailer)] },
    tryIt: { plan: { container: "classic", sector: 1, steps: [step(4, blank)] }, changes: 0 },
    readBack: { container: "classic", sector: 1, blocks: [4], keys: [transportKey] },
  };
}

export function desfireSteps(key = desfireTransport): readonly DesfireStep[] {
  return [
    { do: "select", application: "000000" },
    { do: "authenticate", key },
    { do: "createApplication", application: APPLICATION, settings: 0x0b, keys: 1 },
    { do: "select", application: APPLICATION },
    { do: "authenticate", key: applicationTransport },
    { do: "changeKey", from: applicationTransport, to: canaryDesfireKey },
    { do: "authenticate", key: canaryDesfireKey },
    { do: "createBackupFile", ...FILE },
    { do: "write", file: FILE.file, data: new Secret(CANARY.content) },
    { do: "commit" },
  ];
}

/** Asks for the content, with the canary key or password and, where there is one, the transport key after it. */
export function readPlanFor(technology: CardTechnology, password = canaryPassword): ReadPlan {
  if (technology === "mifare_desfire") {
    return {
      container: "desfire",
      application: APPLICATION,
      file: FILE.file,
      size: FILE.size,
      masterKeys: [canaryDesfireKey, desfireTransport],
      readKeys: [canaryDesfireKey],
    };
  }
  if (SETTINGS_PAGE[technology] === undefined) {
    return { container: "classic", sector: 1, blocks: [4, 5], keys: [canaryKey, transportKey] };
  }
  return { container: "ntag", ranges: [{ first: 4, last: 8 }], passwords: [password] };
}
