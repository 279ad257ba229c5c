import type { Command } from "commander";
import { z } from "zod";
import { credentialsList } from "#src/api/schemas/credentials";
import { credentialsEnrolBadge, credentialsRevoke, deskCredentialGet } from "#src/api/schemas/desk";
import { acsCredential } from "#src/api/schemas/objects";
import { understood } from "../daemon-client.js";
import { refused } from "../exit-codes.js";
import { findCredential } from "../find.js";
import { rowsOf } from "../pages.js";
import type { AddCommand } from "../program.js";
import { stateOf, timeOf, validityOf } from "../words.js";

/** Credentials: list, look at, revoke. */
export function credentialCommands(program: Command, add: AddCommand): void {
  const credentials = program.command("credentials").description("what is to be on cards, and what is");

  add(
    credentials
      .command("list", { isDefault: true })
      .description("list credentials, the oldest first")
      .option("--search <text>", "only those with this in their id or their user's")
      .option("--limit <number>", "at most so many", "100"),
    async (context, _words, { search, limit }: { readonly search?: string; readonly limit: string }) => {
      const wanted = Number(limit);
      if (!Number.isSafeInteger(wanted) || wanted < 1)
        throw refused(`--limit is a number from 1, not "${limit}".`);
      const { items, hasMore } = await rowsOf(
        (paging) =>
          context.client.call(credentialsList, { ...(search === undefined ? {} : { search }), ...paging }),
        (page) => page.acs_credentials,
        wanted,
      );
      context.output.list(items, {
        columns: {
          CREDENTIAL: ({ acs_credential_id }) => acs_credential_id,
          FOR: ({ display_name }) => display_name,
          BY: ({ access_method }) => access_method,
          STATE: stateOf,
          UNTIL: ({ ends_at }) => timeOf(ends_at),
          "CARD NUMBER": ({ card_number }) => card_number ?? "",
        },
        empty: "There are no credentials.",
      });
      if (hasMore) context.output.note(`There are more: use --limit or --search.`);
    },
  );

  add(
    credentials
      .command("get")
      .description("show one credential and its cards")
      .argument("<credential>", "as for encode"),
    async (context, [text = ""]) => {
      const acs_credential_id = await findCredential(context.client, text);
      const { credential } = await context.client.call(deskCredentialGet, { acs_credential_id });
      context.output.say(credential, lifeWords(credential));
    },
  );

  add(
    credentials
      .command("badge")
      .description(
        "make a badge that somebody has already the credential's card, by the number printed on it",
      )
      .argument("<credential>", "as for encode")
      .argument("<number>", "facility code and number, like 101-1337, or the number alone")
      .option("--format <format>", "its Wiegand format, where the system has several with such numbers")
      .option("--overwrite", "take it from the credential that has it"),
    async (
      context,
      [text = "", printed = ""],
      { format, overwrite = false }: { readonly format?: string; readonly overwrite?: boolean },
    ) => {
      const [, facility, number] = /^(?:(\d{1,15})-)?(\d{1,15})$/.exec(printed) ?? [];
      if (number === undefined)
        throw refused(`A badge's number is like 101-1337, or like 1337, not "${printed}".`);
      const acs_credential_id = await findCredential(context.client, text);
      const { credential } = await context.client.call(credentialsEnrolBadge, {
        acs_credential_id,
        ...(format === undefined ? {} : { format }),
        facility_code: facility === undefined ? null : Number(facility),
        number: Number(number),
        overwrite,
      });
      context.output.say(credential, `Badge ${printed} is the credential's card now.`);
    },
  );

  add(
    credentials
      .command("revoke")
      .description(
        "take it back for good; its cards die when they are erased, told to the locks, or past their date",
      )
      .argument("<credential>", "as for encode"),
    async (context, [text = ""]) => {
      const acs_credential_id = await findCredential(context.client, text);
      const { credential } = await context.client.call(credentialsRevoke, { acs_credential_id });
      context.output.say(credential, revokedWords(credential));
    },
  );
}

const life = z.looseObject({
  acs_credential: acsCredential.nullable(),
  state: z.string().nullable(),
  blocked: z.string().nullable(),
  is_provisional: z.boolean(),
  doubt: z.looseObject({ generation: z.number() }).nullable(),
  live_cards: z.array(
    z.looseObject({
      generation: z.number(),
      uid: z.string().nullable(),
      certainty: z.string(),
      valid_until: z.string().nullable(),
    }),
  ),
});

function lifeWords(facts: Readonly<Record<string, unknown>>): string {
  const { acs_credential, state, blocked, is_provisional, live_cards } = understood(
    life,
    facts,
    "credentials",
  );
  return [
    acs_credential === null
      ? "Deleted; only its cards are still watched."
      : `${acs_credential.display_name}  ${acs_credential.access_method}  valid ${validityOf(acs_credential)}`,
    `State: ${(state ?? "not yet looked at").replaceAll("_", " ")}`,
    ...(blocked === null ? [] : [`Blocked: ${blocked}`]),
    ...(is_provisional ? ["Made at the desk; the cloud has not answered yet."] : []),
    ...(acs_credential?.warnings ?? []).map(({ message }) => message),
    ...(acs_credential?.errors ?? []).map(({ message }) => message),
    ...liveCardWords(live_cards),
  ].join("\n");
}

function revokedWords(facts: Readonly<Record<string, unknown>>): string {
  const { live_cards } = understood(life, facts, "credentials");
  if (live_cards.length === 0) return "Revoked. No card of it is alive.";
  return [
    "Revoked. Its cards are invalid at their end date; put one on the encoder and erase it to be sure now:",
    ...liveCardWords(live_cards),
  ].join("\n");
}

function liveCardWords(cards: z.infer<typeof life>["live_cards"]): string[] {
  return cards.map(({ generation, uid, certainty, valid_until }) => {
    const until = valid_until === null ? "without end" : `until ${timeOf(valid_until)}`;
    return `Card ${generation}  ${uid ?? "(unknown card)"}  ${until}${certainty === "maybe" ? "  perhaps written" : ""}`;
  });
}
