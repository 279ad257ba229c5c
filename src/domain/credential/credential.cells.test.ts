import { describe, expect, test } from "vitest";
import { cell, FOREIGN, ROWS, SITUATIONS } from "#test/support/credential-cells";
import type { CredentialEvent } from "./credential.events.js";
import { type Issuance, ISSUANCES } from "./credential.schema.js";
import { AUTOMATIC_STATES, PRESENTED_STATES } from "./credential.states.js";

/**
 * What should come of every event in every state. `=`: taken, same state. A column's word: taken, goes there. `-word`:
 * refused, and why; a bare `-`: not expected here.
 */
const WORDS: Readonly<Record<string, string>> = {
  "=": "=",
  wait: "waiting_to_be_issued",
  ipre: "issuing.presenting",
  iwri: "issuing.writing",
  isng: "issuing",
  issd: "issued",
  need: "needs_to_be_reissued",
  rpre: "reissuing.presenting",
  rwri: "reissuing.writing",
  resg: "reissuing",
  dbt: "in_doubt",
  ing: "invalidating",
  void: "invalidated",
  dlng: "deleting",
  del: "deleted",
  "-": "– not_expected_here",
  "-busy": "– busy",
  "-deny": "– denied",
  "-susp": "– suspended",
  "-exp": "– expired",
  "-gen": "– generation_taken",
  "-dbt": "– in_doubt",
  "-dirt": "– dirty",
  "-card": "– has_card",
  "-auto": "– needs_no_encoder",
  "-gone": "– gone",
};

/** The column of each situation. */
const COLUMNS: Readonly<Record<Issuance, Readonly<Record<string, string>>>> = {
  presented: {
    wait: "waiting_to_be_issued",
    ipre: "issuing.presenting",
    iwri: "issuing.writing",
    issd: "issued",
    iss2: "issued, two cards live",
    bdge: "issued, a badge",
    need: "needs_to_be_reissued",
    "rpr?": "reissuing.presenting, in doubt",
    rwri: "reissuing.writing",
    dbt1: "in_doubt, never issued",
    dbt2: "in_doubt, issued before",
    ing: "invalidating",
    "ing+w": "invalidating, write open",
    "ing+?": "invalidating, in doubt",
    lost: "invalidated, card overwritten",
    void: "invalidated, revoked",
    dlng: "deleting",
    del: "deleted, card live",
  },
  automatic: {
    wait: "waiting_to_be_issued",
    susp: "waiting_to_be_issued, suspended",
    isng: "issuing",
    issd: "issued",
    resg: "reissuing",
    "exp?": "invalidating, expired",
    "ing?": "invalidating, revoked",
    expd: "invalidated, expired",
    void: "invalidated, revoked",
    dlng: "deleting",
    del: "deleted",
  },
};

const EXPECTED: Readonly<Record<Issuance, string>> = {
  presented: `
                                     | wait  ipre  iwri  issd  iss2  bdge  need  rpr?  rwri  dbt1  dbt2  ing   ing+w ing+? lost  void  dlng  del
desired.changed, same card           | =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =
desired.changed, other card          | =     =     =     need  need  =     =     =     =     =     =     =     =     =     =     =     =     =
desired.changed, as on card A        | =     =     =     =     =     =     issd  =     =     =     =     =     =     =     =     =     =     =
desired.changed, suspended           | =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =
expiry.due, too early                | =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =
expiry.due                           | =     =     =     =     =     =     =     =     =     wait  issd  void  =     void  =     =     =     =
revoke.requested                     | void  void  ing   ing   ing   void  ing   ing   ing   ing   ing   =     =     =     =     =     =     -gone
delete.requested                     | del   del   dlng  del   del   del   del   del   dlng  del   del   del   dlng  del   del   del   =     -gone
forget                               | void  void  ing   ing   ing   void  ing   ing   ing   ing   ing   =     =     =     =     =     =     =
daemon.restarted                     | =     wait  dbt   =     =     =     =     dbt   dbt   =     =     =     =     =     =     =     del   =
encode.requested                     | ipre  -busy -busy rpre  rpre  rpre  rpre  -busy -busy ipre  rpre  -deny -deny -deny rpre  -deny -deny -gone
encode.requested, other generation   | -gen  -busy -busy -gen  -gen  -gen  -gen  -busy -busy -gen  -gen  -deny -deny -deny -gen  -deny -deny -gone
encode.requested, suspended          | -susp -busy -busy -susp -susp -susp -susp -busy -busy -susp -susp -deny -deny -deny -susp -deny -deny -gone
encode.requested, past the end       | -exp  -busy -busy -exp  -exp  -exp  -exp  -busy -busy -exp  -exp  -deny -deny -deny -exp  -deny -deny -gone
card.seen, doubtful card intact      | -     -     -     -     -     -     -     issd  -     issd  issd  -     -     -     -     -     -     -gone
card.seen, doubtful card not written | -     -     -     -     -     -     -     =     -     wait  issd  -     -     =     -     -     -     -gone
card.seen, other card                | -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -gone
write.intended, other card           | -     iwri  -     -     -     -     -     -dbt  -     -     -     -     -     -     -     -     -     -gone
write.intended, doubtful card        | -     iwri  -     -     -     -     -     rwri  -     -     -     -     -     -     -     -     -     -gone
write.intended, by a key server      | -     iwri  -     -     -     -     -     -dbt  -     -     -     -     -     -     -     -     -     -gone
write.intended, dirty                | -     -dirt -     -     -     -     -     -dirt -     -     -     -     -     -     -     -     -     -gone
write.intended, suspended            | -     -susp -     -     -     -     -     -susp -     -     -     -     -     -     -     -     -     -gone
write.intended, past the end         | -     -exp  -     -     -     -     -     -exp  -     -     -     -     -     -     -     -     -     -gone
write.intended, other job            | -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -gone
write.verified                       | -     -     issd  -     -     -     -     -     issd  issd  issd  -     =     =     -     -     del   -gone
write.verified, late                 | -     -     -     -     -     -     -     -     -     issd  issd  -     -     =     -     -     -     -gone
write.verified, other generation     | -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -gone
job.failed, nothing written          | -     wait  wait  -     -     -     -     dbt   issd  -     -     -     =     -     -     -     del   -gone
job.failed, unknown                  | -     wait  dbt   -     -     -     -     dbt   dbt   -     -     -     =     -     -     -     del   -gone
job.failed, other job                | -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -     -gone
card.overwritten, card A             | =     =     =     void  =     =     void  =     =     wait  =     void  =     =     =     =     =     =
card.overwritten, card B             | =     =     =     =     need  =     =     =     =     =     issd  =     =     =     =     =     =     =
card.erased, every card              | =     =     =     void  void  =     void  =     =     wait  void  void  =     void  =     =     =     =
card.erased, other card              | =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =     =
card.torn, card A                    | =     =     =     need  =     =     =     =     =     =     =     =     =     =     =     =     =     =
card.torn, card B                    | =     =     =     =     need  =     =     =     =     =     =     =     =     =     =     =     =     =
badge.enrolled                       | issd  issd  -card -card -card =     -card -card -card -card -card -deny -deny -deny issd  -deny -deny -gone
badge.enrolled, other job            | issd  -busy -busy -card -card =     -card -busy -busy -card -card -deny -deny -deny issd  -deny -deny -gone
badge.enrolled, dirty                | -dirt -dirt -card -card -card -dirt -card -card -card -card -card -deny -deny -deny -dirt -deny -deny -gone
badge.enrolled, suspended            | -susp -susp -susp -susp -susp -susp -susp -susp -susp -susp -susp -deny -deny -deny -susp -deny -deny -gone
badge.moved                          | =     =     =     =     =     void  =     =     =     =     =     =     =     =     =     =     =     =
card.destroyed, generation 1         | =     =     =     need  =     =     =     =     =     wait  =     void  =     =     =     =     =     =
card.destroyed, generation 2         | =     =     =     =     need  =     =     =     =     =     issd  =     =     =     =     =     =     =
proof.revoked                        | void  =     =     void  void  void  void  =     =     void  void  void  =     void  =     =     =     =`,
  automatic: `
                                     | wait  susp  isng  issd  resg  exp?  ing?  expd  void  dlng  del
desired.changed, same code           | isng  =     =     =     =     =     =     =     =     =     =
desired.changed, other code          | isng  isng  =     resg  =     =     =     =     =     =     =
desired.changed, start ahead         | =     =     =     resg  =     =     =     =     =     =     =
desired.changed, suspended           | =     =     =     resg  =     =     =     =     =     =     =
desired.changed, later end           | isng  =     =     resg  =     =     =     isng  =     =     =
expiry.due, too early                | =     =     =     =     =     =     =     =     =     =     =
expiry.due                           | void  void  ing   ing   ing   =     =     =     =     =     =
revoke.requested                     | void  void  ing   ing   ing   =     =     =     =     =     -gone
delete.requested                     | del   del   dlng  dlng  dlng  dlng  dlng  del   del   =     -gone
forget                               | void  void  ing   ing   ing   =     =     =     =     =     =
daemon.restarted                     | =     =     =     =     =     =     =     =     =     =     =
encode.requested                     | -auto -auto -auto -auto -auto -auto -auto -auto -auto -auto -gone
window.opened                        | isng  =     =     =     -     -     -     -     -     -     -gone
slots.converged, code set            | =     =     issd  =     issd  =     =     =     =     =     =
slots.converged, code off            | =     =     wait  =     wait  void  void  =     =     del   =
slots.converged, on an older wish    | =     =     =     =     =     =     =     =     =     =     =
slots.diverged, allowed              | -     -     =     =     =     =     =     =     =     =     -gone
slots.diverged, not allowed          | -     -     =     resg  =     =     =     =     =     =     -gone
slots.blocked                        | =     =     =     =     =     =     =     -     -     =     -gone
slots.unblocked                      | =     =     =     =     =     =     =     -     -     =     -gone`,
};

interface Line {
  readonly name: string;
  readonly cells: readonly string[];
}

function linesOf(issuance: Issuance): readonly Line[] {
  return EXPECTED[issuance]
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [name = "", cells = ""] = line.split("|");
      return { name: name.trim(), cells: cells.trim().split(/\s+/) };
    });
}

describe.each(ISSUANCES)("%s", (issuance) => {
  const [head, ...lines] = linesOf(issuance);
  const columns = COLUMNS[issuance];
  const situations = Object.entries(SITUATIONS[issuance]);

  test.each(lines)("$name", ({ name, cells }) => {
    const row = ROWS[issuance][name];
    if (row === undefined) throw new Error(`no events are known for the row "${name}"`);
    const expected = cells.map((word, index) => [columns[head?.cells[index] ?? ""], WORDS[word]]);
    const found = situations.map(([situation, record]) => [situation, cell(record, row)]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });

  test.each(Object.keys(FOREIGN[issuance]))(
    "%s belongs to the other kind and is refused in every state",
    (name) => {
      for (const [situation, record] of situations) {
        const row = FOREIGN[issuance][name];
        const reason = record.state === "deleted" ? "– gone" : "– not_expected_here";
        expect([situation, row && cell(record, row)]).toEqual([situation, reason]);
      }
    },
  );

  test("every row and every situation is in the table", () => {
    expect(lines.map(({ name }) => name)).toEqual(Object.keys(ROWS[issuance]));
    expect(head?.cells).toEqual(Object.keys(columns));
    expect(Object.values(columns)).toEqual(situations.map(([situation]) => situation));
  });

  test("every state is reached by a history that begins with a new credential", () => {
    const states = issuance === "presented" ? PRESENTED_STATES : AUTOMATIC_STATES;
    expect(new Set(situations.map(([, record]) => record.state))).toEqual(new Set(states));
  });

  test("every event is asked about", () => {
    const [situation] = Object.values(SITUATIONS[issuance]);
    const rows = [...Object.values(ROWS[issuance]), ...Object.values(FOREIGN[issuance])];
    const asked = rows.map((row) => situation && row(situation).at(-1)?.type);
    expect(new Set(asked)).toEqual(new Set(Object.keys(EVENT_TYPES)));
  });
});

/** The compiler sees to it that none is missing. */
const EVENT_TYPES: Readonly<Record<CredentialEvent["type"], true>> = {
  "desired.changed": true,
  "encode.requested": true,
  "card.seen": true,
  "write.intended": true,
  "write.verified": true,
  "job.failed": true,
  "badge.enrolled": true,
  "badge.moved": true,
  "card.overwritten": true,
  "card.torn": true,
  "card.erased": true,
  "card.destroyed": true,
  "proof.revoked": true,
  "revoke.requested": true,
  "delete.requested": true,
  "expiry.due": true,
  forget: true,
  "daemon.restarted": true,
  "window.opened": true,
  "slots.converged": true,
  "slots.diverged": true,
  "slots.blocked": true,
  "slots.unblocked": true,
};
