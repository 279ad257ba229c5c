import type { CardWriter, Driver, SerialLine, StripeWriter } from "#driver-api";
import msr605 from "#drivers/msr605/index";
import pn532 from "#drivers/pn532/index";
import twn4 from "#drivers/twn4/index";
import ufr from "#drivers/ufr/index";
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
import {
  eraseStripe,
  interpretStripe,
  type StripePlanned,
  verifyStripe,
  writeStripe,
} from "#src/cards/stripe";
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
  desfire: { key: "desfire", format: "lockbridge48", container: "desfire", application: "F52000" },
} as const satisfies Record<string, LaidProfile>;

export const DRIVERS = { pn532, twn4, ufr, msr605 } as const;

/** An encoder on a serial port, and what a gateway does with a card there. */
export interface EncoderDesk {
  readonly line: CountedLine;
  /** From "is there a card?" to "it carries what was wanted". */
  encode(): Promise<void>;
  /** Leaves the card as new and the field off, for the next round. */
  erase(): Promise<void>;
  close(): Promise<void>;
}

async function openDevice(driver: Driver<unknown, "serial">, path: string, baudRate: number) {
  const settings = { ...driver.serial, baudRate };
  const line = new CountedLine(await openSerialLine(path, settings, { clock: realClock }));
  const context = { line: line as SerialLine, clock: realClock, log: silent };
  const device = await driver.open(driver.config.parse({}), context, call);
  const close = async () => {
    await device.close();
    await line.close();
  };
  return { line, unit: device.units[0], close };
}

/** Contactless cards. */
export class Desk implements EncoderDesk {
  readonly line: CountedLine;
  readonly writer: CardWriter;
  readonly profile: LaidProfile;
  readonly close: () => Promise<void>;

  private constructor(
    line: CountedLine,
    writer: CardWriter,
    profile: LaidProfile,
    close: () => Promise<void>,
  ) {
    this.line = line;
    this.writer = writer;
    this.profile = profile;
    this.close = close;
  }

  static async open(
    path: string,
    {
      driver = pn532,
      baud = BAUD,
      profile = CARDS.classic,
    }: { driver?: Driver<unknown, "serial">; baud?: number; profile?: LaidProfile } = {},
  ): Promise<Desk> {
    const { line, unit, close } = await openDevice(driver, path, baud);
    if (unit?.cardWriter === undefined) throw new Error("the driver has no card writer");
    return new Desk(line, unit.cardWriter, profile, close);
  }

  async encode(): Promise<void> {
    const { profile } = this;
    const card = await this.writer.present(call);
    const before = await this.writer.read(card, readPlan(profile, card, [keys]), call);
    await this.writer.write(card, planOf(writePlan(profile, card, [keys], before, wanted)), call);
    const after = await this.writer.read(card, verifyPlan(profile, card, keys), call);
    const verified = verify(profile, card, [keys], after, wanted);
    if (!verified.ok) throw new Error(`the card is not as wanted: ${verified.differs}`);
  }

  async erase(): Promise<void> {
    const { profile } = this;
    const card = await this.writer.present(call);
    const before = await this.writer.read(card, readPlan(profile, card, [keys]), call);
    await this.writer.write(card, planOf(erasePlan(profile, card, [keys], before)), call);
    await this.writer.release();
  }

  /** What `encode` would write on the card that lies there. */
  async plan() {
    const card = await this.writer.present(call);
    const before = await this.writer.read(card, readPlan(this.profile, card, [keys]), call);
    const plan = planOf(writePlan(this.profile, card, [keys], before, wanted));
    const verifying = verifyPlan(this.profile, card, keys);
    await this.writer.release();
    return { plan, verifying };
  }

  /** A plan that was made before, without looking at the card first. */
  async carryOut({ plan, verifying }: Awaited<ReturnType<Desk["plan"]>>): Promise<void> {
    const card = await this.writer.present(call);
    await this.writer.write(card, plan, call);
    const { opened } = await this.writer.read(card, verifying, call);
    if (opened === null) throw new Error("the card was not made");
  }
}

/** Magnetic stripes. */
export class StripeDesk implements EncoderDesk {
  readonly line: CountedLine;
  readonly close: () => Promise<void>;
  readonly #writer: StripeWriter;

  private constructor(line: CountedLine, writer: StripeWriter, close: () => Promise<void>) {
    this.line = line;
    this.#writer = writer;
    this.close = close;
  }

  static async open(path: string, baud: number): Promise<StripeDesk> {
    const { line, unit, close } = await openDevice(msr605, path, baud);
    if (unit?.stripeWriter === undefined) throw new Error("the driver has no stripe writer");
    return new StripeDesk(line, unit.stripeWriter, close);
  }

  async encode(): Promise<void> {
    const state = interpretStripe(await this.#writer.read(call), [keys]);
    for (const change of changesOf(writeStripe(state, [keys], wanted))) {
      const back = await this.#writer.change(change, call, () => undefined);
      const verified = verifyStripe(back, [keys], wanted);
      if (!verified.ok) throw new Error(`the stripe is not as wanted: ${verified.differs}`);
    }
  }

  async erase(): Promise<void> {
    const state = interpretStripe(await this.#writer.read(call), [keys]);
    for (const change of changesOf(eraseStripe(state)))
      await this.#writer.change(change, call, () => undefined);
  }
}

function changesOf(planned: StripePlanned) {
  if (!planned.ok) throw new Error(planned.message);
  return planned.changes;
}

function planOf(planned: Planned) {
  if (!planned.ok) throw new Error(planned.message);
  return planned.plan;
}
