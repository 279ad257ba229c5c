import type {
  Attempt,
  CardSeen,
  CardTechnology,
  NtagPassword,
  ReadBack,
  ReadPlan,
  WritePlan,
} from "#driver-api";
import { badlyPlaced } from "./badly-placed.js";
import { type CardAnswer, type ContactlessReader, DONE, type Failed } from "./reader.js";

/** NTAG213, 215 and 216 (NXP NTAG213/215/216 data sheet, chapters 8 and 10): a plan carried out through a reader. */

type NtagRead = Extract<ReadPlan, { container: "ntag" }>;
type NtagWrite = Extract<WritePlan, { container: "ntag" }>;
type NtagStep = NtagWrite["steps"][number];
type Pages = Map<number, Uint8Array>;

const PAGE_BYTES = 4;
const PAGES_PER_READ = 4;
const TRIES_MAX = 2;

/** The second byte of the version is the maker, the third the product, the seventh the storage size. */
const NXP = 0x04;
const NTAG = 0x04;
const KIND_BY_STORAGE: Readonly<Record<number, CardTechnology>> = {
  0x0f: "ntag213",
  0x11: "ntag215",
  0x13: "ntag216",
};

/** Page of CFG0; CFG1 follows it. */
const CONFIGURATION_PAGE: Readonly<Partial<Record<CardTechnology, number>>> = {
  ntag213: 0x29,
  ntag215: 0x83,
  ntag216: 0xe3,
};

/** Which NTAG the selected card is; `unknown` for other cards. Afterwards the card may have to be selected again. */
export async function ntagKind(reader: ContactlessReader, attempt: Attempt): Promise<CardTechnology> {
  const answer = await reader.version(attempt);
  if (answer.is !== "ok" || answer.data.length !== 8) return "unknown";
  const [, maker, product, , , , storage = 0] = answer.data;
  return (maker === NXP && product === NTAG ? KIND_BY_STORAGE[storage] : undefined) ?? "unknown";
}

export async function readPages(
  reader: ContactlessReader,
  card: CardSeen,
  plan: NtagRead,
  attempt: Attempt,
): Promise<ReadBack> {
  await reader.select(card.uid, attempt);
  const need = await passwordNeed(reader, card, plan, attempt);
  const passwords: readonly (NtagPassword | null)[] =
    need === "none" ? [null] : need === "one" ? plan.passwords : [];
  for (const password of passwords) {
    const pages = await readWith(reader, card, plan, password, attempt);
    if (pages !== null) return { container: "ntag", opened: password?.name ?? "free", pages };
  }
  return { container: "ntag", opened: null, pages: new Map() };
}

/**
 * Does a page of the plan lie at or above AUTH0? `untouchable`: it does, and the card counts wrong passwords. Such a
 * limit is never set by this program, and a few wrong tries would lock somebody's card for ever.
 */
async function passwordNeed(
  reader: ContactlessReader,
  card: CardSeen,
  plan: NtagRead,
  attempt: Attempt,
): Promise<"none" | "one" | "untouchable"> {
  const page = CONFIGURATION_PAGE[card.technology];
  if (page === undefined) throw attempt.failure("card.unwritable", `a ${card.technology} has no NTAG pages`);
  const read = await twice(reader, card, attempt, () =>
    readRange(reader, { first: page, last: page + 1 }, attempt),
  );
  // The configuration itself is hidden: only a password shows it.
  if (!(read instanceof Map)) return "one";
  const auth0 = read.get(page)?.[3] ?? 0;
  const limit = (read.get(page + 1)?.[0] ?? 0) & 0x07;
  if (plan.ranges.every(({ last }) => last < auth0)) return "none";
  return limit === 0 ? "one" : "untouchable";
}

/** Null when the password does not open the card, or the pages cannot be read with it. */
async function readWith(
  reader: ContactlessReader,
  card: CardSeen,
  plan: NtagRead,
  password: NtagPassword | null,
  attempt: Attempt,
): Promise<Pages | null> {
  const read = await twice(reader, card, attempt, async () => {
    if (password !== null) {
      const opened = await reader.openPages(password, attempt);
      if (opened.is !== "ok") return opened;
    }
    const pages: Pages = new Map();
    for (const range of plan.ranges) {
      const part = await readRange(reader, range, attempt);
      if (!(part instanceof Map)) return part;
      for (const [page, bytes] of part) pages.set(page, bytes);
    }
    return pages;
  });
  return read instanceof Map ? read : null;
}

/** Once more when the radio failed. After a failure the card is selected again, so it is certain that it is there. */
async function twice(
  reader: ContactlessReader,
  card: CardSeen,
  attempt: Attempt,
  work: () => Promise<Pages | Failed>,
): Promise<Pages | Failed> {
  for (let tries = 1; ; tries++) {
    const outcome = await work();
    if (outcome instanceof Map) return outcome;
    await reader.select(card.uid, attempt);
    if (outcome.is !== "disturbed") return outcome;
    if (tries === TRIES_MAX) throw badlyPlaced(attempt);
  }
}

async function readRange(
  reader: ContactlessReader,
  { first, last }: { readonly first: number; readonly last: number },
  attempt: Attempt,
): Promise<Pages | Failed> {
  const pages: Pages = new Map();
  for (let from = first; from <= last; from += PAGES_PER_READ) {
    const count = Math.min(PAGES_PER_READ, last - from + 1);
    const answer = await reader.readPages(from, count, attempt);
    if (answer.is !== "ok") return answer;
    if (answer.data.length < count * PAGE_BYTES) return { is: "disturbed" };
    for (let page = from; page < from + count; page++) {
      pages.set(page, answer.data.slice((page - from) * PAGE_BYTES, (page - from + 1) * PAGE_BYTES));
    }
  }
  return pages;
}

/** Does the steps in order; the first one that cannot be done is the last one tried. */
export async function writePages(
  reader: ContactlessReader,
  card: CardSeen,
  plan: NtagWrite,
  attempt: Attempt,
): Promise<void> {
  await reader.select(card.uid, attempt);
  let opened: NtagPassword | null = null;
  for (const step of plan.steps) {
    for (let tries = 1; ; tries++) {
      const answer: CardAnswer = await doStep(reader, card, step, attempt);
      if (answer.is === "ok") break;
      await reader.select(card.uid, attempt);
      if (answer.is !== "disturbed" || tries === TRIES_MAX) throw refusal(answer, step, attempt);
      if (opened !== null && step.do === "write") await reader.openPages(opened, attempt);
    }
    if (step.do === "authenticate") opened = step.password;
    if (step.do === "reselect") opened = null;
  }
}

async function doStep(
  reader: ContactlessReader,
  card: CardSeen,
  step: NtagStep,
  attempt: Attempt,
): Promise<CardAnswer> {
  switch (step.do) {
    case "authenticate":
      return reader.openPages(step.password, attempt);
    case "reselect":
      await reader.select(card.uid, attempt);
      return DONE;
    case "write":
      return reader.writePage(step.page, step.data, attempt);
  }
}

function refusal(answer: Failed, step: NtagStep, attempt: Attempt) {
  if (answer.is === "disturbed") return badlyPlaced(attempt);
  if (step.do === "authenticate") {
    return attempt.failure("card.unwritable", `password ${step.password.name} does not open the card`);
  }
  const what = step.do === "write" ? `to write page ${step.page}` : "to be selected";
  return attempt.failure("card.unwritable", `the card refuses ${what}`);
}
