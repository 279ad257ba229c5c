import {
  type Call,
  type CardSeen,
  type CardTechnology,
  type CardWriter,
  type ClassicKey,
  DriverError,
  type Effect,
  type NtagPassword,
  type ReadBack,
  type ReadPlan,
  type WritePlan,
} from "#driver-api";
import { type Clock, DeadlineExceeded, sleep } from "#src/lib/deadline";
import { requests, type Reply, type Request } from "./protocol.js";
import { refusal, type Session } from "./session.js";

type ClassicReadPlan = Extract<ReadPlan, { container: "classic" }>;
type NtagReadPlan = Extract<ReadPlan, { container: "ntag" }>;

const TECHNOLOGIES = ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216"] as const;

/** Which cards a plan is for. The device does not know DESFire. */
const FITTING: Readonly<Record<ReadPlan["container"], readonly CardTechnology[]>> = {
  classic: ["mifare_classic_1k", "mifare_classic_4k"],
  ntag: ["ntag213", "ntag215", "ntag216"],
  desfire: [],
};
type Fitting<Plan extends ReadPlan | WritePlan> = Exclude<Plan, { container: "desfire" }>;

/** How often the device is asked whether a card lies there. */
const FIND_EVERY_MS = 150;

/** Page whose last byte says from which page on the password is wanted (NXP NTAG213/215/216 rev. 3.2, §8.5.7). */
const CONFIGURATION_PAGE: Partial<Record<CardTechnology, number>> = {
  ntag213: 0x29,
  ntag215: 0x83,
  ntag216: 0xe3,
};

export function createCardWriter(session: Session, unit: number, clock: Clock): CardWriter {
  return {
    technologies: TECHNOLOGIES,
    present: (call) => present(session, unit, clock, call),
    async read(card, anyPlan, call) {
      const plan = fitting(card, anyPlan);
      await session.order(requests.selectCard(unit, card.uid), call);
      return plan.container === "classic"
        ? readClassic(session, unit, plan, call)
        : readNtag(session, unit, card, plan, call);
    },
    write: (card, plan, call) => write(session, unit, card, plan, call),
    async release() {
      // Nobody waits for this answer: silence or a lost line ends it within the resends, and it is no news.
      const { signal } = new AbortController();
      await session.order(requests.releaseCard(unit), { signal }).catch(() => undefined);
    },
  };
}

/** The plan itself, once it is known to be one for this card. */
function fitting<Plan extends ReadPlan | WritePlan>({ technology }: CardSeen, plan: Plan): Fitting<Plan> {
  if (FITTING[plan.container].some((it) => it === technology)) return plan as Fitting<Plan>; // DESFire fits nothing
  throw new DriverError(
    "card.unwritable",
    "none",
    `a plan for ${plan.container} cards does not fit ${technology}`,
  );
}

async function present(session: Session, unit: number, clock: Clock, call: Call): Promise<CardSeen> {
  for (;;) {
    const found = await session.order(requests.findCard(unit), call);
    if (found.is === "one") return { uid: found.uid, technology: found.technology };
    if (found.is === "several") throw refusal("findCard", "several_cards");
    await sleep(clock, FIND_EVERY_MS, call.signal).catch((reason: unknown) => {
      const isOver = reason instanceof DeadlineExceeded;
      throw isOver
        ? new DriverError("card.absent", "none", "no card was put on the encoder in time", reason)
        : new DriverError("call.cancelled", "none", "cancelled while waiting for a card", reason);
    });
  }
}

async function readClassic(
  session: Session,
  unit: number,
  plan: ClassicReadPlan,
  call: Call,
): Promise<ReadBack> {
  const blocks = new Map<number, Uint8Array>();
  const opened = await findKey(session, unit, plan, call);
  if (opened !== undefined) {
    for (const block of plan.blocks) {
      const data = await answerIfAllowed(session, requests.readBlock(unit, block, opened), call);
      // A block that the sector's access bits keep from this key stays out of the map.
      if (data !== undefined) blocks.set(block, data);
    }
  }
  return { container: "classic", opened: opened?.name ?? null, blocks };
}

/** A key that is accepted but may not read the block opens the sector all the same. */
async function findKey(
  session: Session,
  unit: number,
  plan: ClassicReadPlan,
  call: Call,
): Promise<ClassicKey | undefined> {
  const [block] = plan.blocks;
  if (block === undefined) return undefined;
  for (const key of plan.keys) {
    const reply = await session.ask(requests.readBlock(unit, block, key), call);
    if (reply.status === "ok" || reply.status === "forbidden") return key;
    if (reply.status !== "wrong_key") throw refusal("readBlock", reply.status);
  }
  return undefined;
}

async function readNtag(
  session: Session,
  unit: number,
  card: CardSeen,
  plan: NtagReadPlan,
  call: Call,
): Promise<ReadBack> {
  const pages = new Map<number, Uint8Array>();
  const isProtected = await wantsPassword(session, unit, card, plan, call);
  const opened = isProtected ? await findPassword(session, unit, card, plan.passwords, call) : "free";
  if (opened !== null) {
    for (const { first, last } of plan.ranges) {
      for (let page = first; page <= last; page++) {
        const data = await answerIfAllowed(session, requests.readPage(unit, page), call);
        if (data !== undefined) pages.set(page, data);
      }
    }
  }
  return { container: "ntag", opened, pages };
}

async function wantsPassword(
  session: Session,
  unit: number,
  card: CardSeen,
  plan: NtagReadPlan,
  call: Call,
): Promise<boolean> {
  const configurationPage = CONFIGURATION_PAGE[card.technology];
  if (configurationPage === undefined) {
    throw new DriverError("card.unwritable", "none", `${card.technology} has no pages`);
  }
  const configuration = await answerIfAllowed(session, requests.readPage(unit, configurationPage), call);
  // The configuration itself cannot be read: it lies behind the password, and so does what comes before it.
  if (configuration === undefined) return true;
  const firstProtected = configuration[3] ?? 0;
  return plan.ranges.some(({ last }) => firstProtected <= last);
}

async function findPassword(
  session: Session,
  unit: number,
  card: CardSeen,
  passwords: readonly NtagPassword[],
  call: Call,
): Promise<string | null> {
  for (const password of passwords) {
    if (await opensWith(session, unit, password, call)) return password.name;
    // A card that was given a wrong password falls silent until it is selected again.
    await session.order(requests.selectCard(unit, card.uid), call);
  }
  return null;
}

/** The card must prove itself too: a right password with another card's answer does not count. */
async function opensWith(
  session: Session,
  unit: number,
  password: NtagPassword,
  call: Call,
): Promise<boolean> {
  const pack = await answerIfAllowed(session, requests.openPages(unit, password.pwd), call);
  return pack !== undefined && Buffer.compare(pack, password.pack.reveal()) === 0;
}

/** `undefined` when the card says no; every other status but `ok` rejects. */
async function answerIfAllowed<Answer>(
  session: Session,
  request: Request<Answer>,
  call: Call,
): Promise<Answer | undefined> {
  const reply: Reply<Answer> = await session.ask(request, call);
  if (reply.status === "ok") return reply.answer;
  if (reply.status === "wrong_key" || reply.status === "forbidden") return undefined;
  throw refusal(request.name, reply.status);
}

async function write(
  session: Session,
  unit: number,
  card: CardSeen,
  plan: WritePlan,
  call: Call,
): Promise<void> {
  const steps = stepsOf(session, unit, card, fitting(card, plan), call);
  await session.order(requests.selectCard(unit, card.uid), call);
  let effect: Effect = "none";
  for (const [index, takeStep] of steps.entries()) {
    try {
      if (await takeStep()) effect = "unknown";
    } catch (error) {
      throw effect === "unknown" ? afterSteps(error, index) : error;
    }
  }
}

/** Each step says whether it changed the card. */
function stepsOf(
  session: Session,
  unit: number,
  card: CardSeen,
  plan: Fitting<WritePlan>,
  call: Call,
): readonly (() => Promise<boolean>)[] {
  if (plan.container === "classic") {
    return plan.steps.map(
      ({ block, key, data }) =>
        () =>
          session.order(requests.writeBlock(unit, block, key, data), call),
    );
  }
  return plan.steps.map((step) => async () => {
    switch (step.do) {
      case "write":
        return session.order(requests.writePage(unit, step.page, step.data), call);
      case "reselect":
        await session.order(requests.selectCard(unit, card.uid), call);
        return false;
      case "authenticate":
        if (await opensWith(session, unit, step.password, call)) return false;
        throw refusal(
          "openPages",
          "wrong_key",
          `the card does not accept the password ${step.password.name}`,
        );
    }
  });
}

/** Earlier steps are on the card, so whatever the failed step did, the card has changed. */
function afterSteps(error: unknown, steps: number): unknown {
  if (!(error instanceof DriverError)) return error;
  return new DriverError(error.code, "unknown", `failed after ${steps} steps of the plan`, error);
}
