import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cell, ROWS, SITUATIONS } from "#test/support/credential-cells";
import type { Issuance } from "./credential.schema.js";

/** The page is made from the machines. `UPDATE_DOCS=1 npx vitest run src/domain/credential` writes it anew. */
const PAGE = new URL("../../../docs/machines/credential.md", import.meta.url);

test("docs/machines/credential.md says what the machines do", () => {
  const page = pageOf();
  if (process.env["UPDATE_DOCS"] === "1") {
    mkdirSync(new URL(".", PAGE), { recursive: true });
    writeFileSync(PAGE, page);
  }
  const hint = "renew it: UPDATE_DOCS=1 npx vitest run src/domain/credential";
  expect(readFileSync(PAGE, "utf8"), hint).toBe(page);
});

function pageOf(): string {
  return `# The life of a credential

Made from the machines by \`src/domain/credential/credential.docs.test.ts\`; change those, not this page. Why the cells are as
they are: \`docs/adr/0001\` to \`0011\`.

## How to read it

A credential is at rest until an event comes. The event is *taken* or *refused*; taken, it changes what is known (the
context) and leads to a state. Which state follows from what is known, in this order, the first that fits:

1. deleted: \`deleting\` while a write is open, then \`deleted\`
2. denied: \`invalidating\` while a card may open something, then \`invalidated\`
3. a write is open: \`issuing.writing\`, or \`reissuing.writing\` once a card was issued
4. a job waits for a card: \`issuing.presenting\`, \`reissuing.presenting\`
5. a card is in doubt: \`in_doubt\`
6. the last card was overwritten, erased or cancelled elsewhere: \`invalidated\`
7. the last card is good and says what is wanted: \`issued\`
8. a card was issued before: \`needs_to_be_reissued\`
9. else \`waiting_to_be_issued\`

Codes (PINs) need no card and no job; there a planner brings the keypads in line and says when they agree.

Below, each situation has the events that move it, those that are taken and keep the state (what is known may change),
and those that are refused, with the reason. What is not named is refused as \`not_expected_here\`, and so are, in every
state, the events of the other kind. "Card A" is the card of generation 1, "card B" that of generation 2.

## What never happens

- Two physical cards are written for one generation, or a generation comes twice.
- A card is written after the credential was denied.
- \`issued\` is said of a card that is not known to carry what is wanted.
- \`invalidated\` is said while a card may still open a door.
- A card that may open a door is forgotten.

## Cards

${blocksOf("presented")}## Codes

${blocksOf("automatic").trimEnd()}
`;
}

/** A block for each situation: what moves it, what leaves it where it is, what it refuses and why. */
function blocksOf(issuance: Issuance): string {
  return Object.entries(SITUATIONS[issuance])
    .map(([situation, record]) => {
      const cells = Object.entries(ROWS[issuance]).map(([event, row]) => ({
        event,
        text: cell(record, row),
      }));
      const moves = cells.filter(({ text }) => text !== "=" && !text.startsWith("–"));
      const same = cells.filter(({ text }) => text === "=");
      const refused = cells.filter(({ text }) => text.startsWith("– ") && text !== UNEXPECTED);
      return [
        `### ${situation}\n\n`,
        tableOf(moves),
        listOf(
          "Same state",
          same.map(({ event }) => event),
        ),
        listOf(
          "Refused",
          refused.map(({ event, text }) => `${event} (${text.slice(2)})`),
        ),
      ].join("");
    })
    .join("");
}

const UNEXPECTED = "– not_expected_here";

function tableOf(moves: readonly { readonly event: string; readonly text: string }[]): string {
  if (moves.length === 0) return "";
  const rows = moves.map(({ event, text }) => `| ${event} | ${text} |`);
  return ["| event | leads to |", "| --- | --- |", ...rows, "", ""].join("\n");
}

function listOf(title: string, entries: readonly string[]): string {
  return entries.length === 0 ? "" : `${title}: ${entries.join(" · ")}.\n\n`;
}
