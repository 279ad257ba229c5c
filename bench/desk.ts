import type { CardWriter } from "#driver-api";
import pn532 from "#drivers/pn532/index";
import {
  erasePlan,
  type Planned,
  readPlan,
  verify,
  verifyPlan,
  type WantedCard,
  writePlan,
} from "#src/cards/plan";
import type { LaidProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openSerialLine } from "#src/transports/serial";
import { CountedLine } from "./counted-line.js";
import { BAUD } from "./wire-time.js";

const call = { signal: new AbortController().signal };
const silent = { debug: () => undefined, warn: () => undefined };

const keys: SiteKeys = {
  version: 1,
  issuer: new Secret(Uint8Array.of(0x0b, 0xad, 0xca, 0xfe)),
  cardMaster: new Secret(new Uint8Array(16).fill(1)),
};
const wanted: WantedCard = {
  cardCredentialId: "1122334455667788",
  generation: 1,
  content: {
    format: "lockbridge48",
    entrances: [],
    validFrom: null,
    validTo: 1_795_604_400,
    function: "guest",
    isOneTimeUse: false,
    door: 101,
    zones: 0,
  },
};

export const CARDS = {
  classic: { key: "classic", format: "lockbridge48", container: "classic", sector: 1 },
  ntag: { key: "ntag", format: "lockbridge48", container: "ntag", page: 4 },
} as const satisfies Record<string, LaidProfile>;

/** Our driver on a serial port, and what a gateway does with it. */
export class Desk {
  readonly line: CountedLine;
  readonly writer: CardWriter;
  readonly close: () => Promise<void>;

  private constructor(line: CountedLine, writer: CardWriter, close: () => Promise<void>) {
    this.line = line;
    this.writer = writer;
    this.close = close;
  }

  static async open(path: string): Promise<Desk> {
    const line = new CountedLine(await openSerialLine(path, { baudRate: BAUD }, { clock: realClock }));
    const device = await pn532.open({}, { line, clock: realClock, log: silent }, call);
    const writer = device.units[0]?.cardWriter;
    if (writer === undefined) throw new Error("the driver has no card writer");
    return new Desk(line, writer, async () => {
      await device.close();
      await line.close();
    });
  }

  /** From "is there a card?" to "it carries what was wanted". */
  async encode(profile: LaidProfile): Promise<void> {
    const card = await this.writer.present(call);
    const before = await this.writer.read(card, readPlan(profile, card, [keys]), call);
    await this.writer.write(card, planOf(writePlan(profile, card, [keys], before, wanted)), call);
    const after = await this.writer.read(card, verifyPlan(profile, card, keys), call);
    const verified = verify(profile, card, [keys], after, wanted);
    if (!verified.ok) throw new Error(`the card is not as wanted: ${verified.differs}`);
  }

  /** Leaves the card as new and the field off, for the next round. */
  async erase(profile: LaidProfile): Promise<void> {
    const card = await this.writer.present(call);
    const before = await this.writer.read(card, readPlan(profile, card, [keys]), call);
    await this.writer.write(card, planOf(erasePlan(profile, card, [keys], before)), call);
    await this.writer.release();
  }
}

function planOf(planned: Planned) {
  if (!planned.ok) throw new Error(planned.message);
  return planned.plan;
}
