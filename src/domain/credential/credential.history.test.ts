import { expect, test } from "vitest";
import { CardWorld, diceOf, type Step, Violation } from "#test/support/card-world";
import { stepCredential } from "./credential.step.js";
import type { CredentialRecord } from "./credential.schema.js";
import { PRESENTED_STATES } from "./credential.states.js";

/** `SEED=n` replays one history; without it, `HISTORIES` of them run, each of `LENGTH` things that happen. */
const SEED = process.env["SEED"];
const HISTORIES = 500;
const LENGTH = 80;

function history(step: Step, seed: number): CardWorld {
  const world = new CardWorld(step, diceOf(seed));
  try {
    for (let count = 0; count < LENGTH; count++) world.happen();
  } catch (error) {
    if (error instanceof Violation) error.message = `SEED=${seed}: ${error.message}`;
    throw error;
  }
  return world;
}

test("the record stays true through random histories", () => {
  const seeds = SEED === undefined ? Array.from({ length: HISTORIES }, (_, seed) => seed) : [Number(SEED)];
  const visited = new Set<string>();
  const told = new Map<string, number>();
  for (const seed of seeds) {
    const world = history(stepCredential, seed);
    for (const state of world.visited) visited.add(state);
    for (const event of world.told) told.set(event, (told.get(event) ?? 0) + 1);
  }
  if (SEED !== undefined) return;
  // The histories are worth something only if they go everywhere.
  expect(visited).toEqual(new Set(PRESENTED_STATES));
  for (const event of ["issued", "reissued", "invalidated", "deleted"]) {
    expect(told.get(`acs_credential.${event}`), event).toBeGreaterThan(HISTORIES / 20);
  }
});

/** The machines without one of their rules. Each must be caught, or the histories would prove nothing. */
const WITHOUT: Readonly<Record<string, { readonly step: Step; readonly finds: RegExp }>> = {
  "a list of every card, not one issued slot": {
    step: (record, event) => {
      const outcome = stepCredential(record, event);
      if (outcome.refused) return outcome;
      return { ...outcome, next: withContext(outcome.next, { cards: outcome.next.context.cards.slice(-1) }) };
    },
    finds: /opens and is not listed|a card still opens/,
  },
  "no other card is written while one is in doubt": {
    step: (record, event) => {
      const outcome = stepCredential(record, event);
      if (!outcome.refused || outcome.reason !== "in_doubt") return outcome;
      const { doubt } = record.context;
      const written = stepCredential(withContext(record, { doubt: null }), event);
      return written.refused ? written : { ...written, next: withContext(written.next, { doubt }) };
    },
    finds: /issued with generation \d+, and \d+ opens|does not carry/,
  },
  "a denial is a latch": {
    step: (record, event) => {
      if (event.type !== "desired.changed" || record.context.denied === null)
        return stepCredential(record, event);
      const { job } = record.context;
      if (job !== null) return stepCredential(record, event);
      const allowed = withContext(record, { denied: null, why: null });
      return stepCredential({ ...allowed, state: "needs_to_be_reissued" }, event);
    },
    finds: /a card is written after the denial/,
  },
};

function withContext(
  record: CredentialRecord,
  change: Partial<CredentialRecord["context"]>,
): CredentialRecord {
  return { ...record, context: { ...record.context, ...change } };
}

test.each(Object.entries(WITHOUT))(
  "the histories find out when this rule is missing: %s",
  (_, { step, finds }) => {
    expect(() => {
      for (let seed = 0; seed < HISTORIES * 10; seed++) history(step, seed);
    }).toThrow(finds);
  },
);
