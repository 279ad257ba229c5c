import type { Command } from "commander";
import { z } from "zod";
import {
  deskCredentialGet,
  credentialsSettle,
  deskEncode,
  deskErase,
  jobsCancel,
} from "#src/api/schemas/desk";
import { scanCredential } from "#src/api/schemas/encoders";
import { understood } from "../daemon-client.js";
import { CliError, EXIT, refused } from "../exit-codes.js";
import { encodeBatch } from "./batch.js";
import { findCredential, findEncoder } from "../find.js";
import { type Attempt, followJob, sentence } from "../follow-job.js";
import type { AddCommand } from "../program.js";
import type { CliContext } from "../context.js";
import { timeOf, validityOf } from "../words.js";

const ENCODER = [
  "--encoder <encoder>",
  "encoder, by id, key or name (not needed when there is only one)",
] as const;

interface EncoderOption {
  readonly encoder?: string;
}

/** What a person does with a card and an encoder. */
export function cardCommands(program: Command, add: AddCommand): void {
  add(
    program
      .command("encode")
      .description("write a credential on a card")
      .argument("[credential]", "credential, by id (or its beginning) or by the person's name")
      .option(...ENCODER)
      .option("--overwrite", "write also over the valid card of another guest", false)
      .option(
        "--batch <file>",
        'card after card from a CSV file with a column "credential"; - for the standard input. Given again, it goes on where it was broken off',
      ),
    async (
      context,
      [text],
      { encoder, overwrite, batch }: EncoderOption & { readonly overwrite: boolean; readonly batch?: string },
    ) => {
      if ((text === undefined) === (batch === undefined))
        throw new CliError(EXIT.usage, "usage", "Name a credential, or a list of them with --batch.");
      if (batch !== undefined) return encodeBatch(context, { file: batch, encoder, overwrite });
      if (text === undefined) return EXIT.ok;
      const credentialId = await findCredential(context.client, text);
      const { acs_encoder_id } = await findEncoder(context.client, encoder);
      const { action_attempt } = await context.client.call(deskEncode, {
        acs_encoder_id,
        acs_credential_id: credentialId,
        overwrite,
      });
      const result = await followJob(context, action_attempt, { credentialId }).catch((error: unknown) => {
        throw withOverwriteHint(error, overwrite);
      });
      done(context, action_attempt, result, encodedWords(result));
      return EXIT.ok;
    },
  );

  add(
    program
      .command("scan")
      .description("read a card and say whose it is; never writes")
      .option(...ENCODER),
    async (context, _words, { encoder }: EncoderOption) => {
      const { acs_encoder_id } = await findEncoder(context.client, encoder);
      const { action_attempt } = await context.client.call(scanCredential, { acs_encoder_id });
      const result = await followJob(context, action_attempt, { credentialId: null });
      done(context, action_attempt, result, scannedWords(result));
    },
  );

  add(
    program
      .command("erase")
      .description("make a card of this site blank again")
      .option(...ENCODER),
    async (context, _words, { encoder }: EncoderOption) => {
      const { acs_encoder_id } = await findEncoder(context.client, encoder);
      const { action_attempt } = await context.client.call(deskErase, { acs_encoder_id });
      const result = await followJob(context, action_attempt, { credentialId: null });
      done(context, action_attempt, result, "The card is blank.");
    },
  );

  add(
    program
      .command("settle")
      .description("say that a card is destroyed, so that it counts no more")
      .argument("<credential>", "credential, by id (or its beginning) or by the person's name")
      .option("--generation <number>", "which of its cards (not needed when only one is alive or in doubt)"),
    async (context, [text = ""], { generation }: { readonly generation?: string }) => {
      const credentialId = await findCredential(context.client, text);
      const chosen =
        generation === undefined ? await onlyGeneration(context, credentialId) : wholeNumber(generation);
      const { credential } = await context.client.call(credentialsSettle, {
        acs_credential_id: credentialId,
        generation: chosen,
      });
      context.output.say(credential, `Card ${chosen} counts as destroyed.`);
    },
  );

  const jobs = program.command("jobs").description("work at the encoders");
  add(
    jobs
      .command("cancel")
      .description("end a job and say what state the card is in")
      .argument("<id>", "action attempt"),
    async (context, [id = ""]) => {
      const { outcome } = await context.client.call(jobsCancel, { id });
      const { message } = understood(z.looseObject({ message: z.string() }), outcome, "cancel");
      context.output.say(outcome, sentence(message));
    },
  );
}

function done({ output }: CliContext, attempt: Attempt, result: object, words: string): void {
  output.say({ action_attempt: { ...attempt, status: "success", result, error: null } }, words);
}

function withOverwriteHint(error: unknown, overwrite: boolean): unknown {
  if (!(error instanceof CliError) || error.type !== "credential_cannot_be_reissued" || overwrite)
    return error;
  const message = `${error.message}\nTo write over it all the same, add --overwrite.`;
  return new CliError(error.exitCode, error.type, message);
}

function encodedWords(result: Readonly<Record<string, unknown>>): string {
  const number = typeof result["card_number"] === "string" ? ` Card number ${result["card_number"]},` : "";
  return `Done: the card is written and checked.${number} valid ${validityOf(result)}.`.replace(
    "checked. valid",
    "checked. It is valid",
  );
}

const scanned = z.looseObject({
  acs_credential_on_encoder: z
    .looseObject({
      card_number: z.string().nullable(),
      starts_at: z.string().nullable(),
      ends_at: z.string().nullable(),
      lockbridge_metadata: z
        .looseObject({
          badge: z.unknown().optional(),
          state: z.string(),
          message: z.string(),
          holder: z.string().nullable(),
        })
        .optional(),
    })
    .nullable(),
  acs_credential_on_seam: z
    .looseObject({ acs_credential_id: z.string(), display_name: z.string() })
    .nullable(),
  warnings: z.array(z.looseObject({ warning_message: z.string() })),
});

function scannedWords(result: Readonly<Record<string, unknown>>): string {
  const {
    acs_credential_on_encoder: card,
    acs_credential_on_seam: known,
    warnings,
  } = understood(scanned, result, "scan");
  if (card === null) return "The card is blank.";
  const { message, holder = null, badge } = card.lockbridge_metadata ?? {};
  const isBadge = badge !== undefined;
  const whose = holder === null ? "It is a card" : `It is ${holder}'s card`;
  return [
    numberWords(card.card_number, isBadge ? null : validityOf(card)),
    ...(known === null ? [] : [`${whose} for ${known.display_name} (${known.acs_credential_id}).`]),
    ...(message === undefined ? [] : [sentence(message)]),
    ...warnings.map(({ warning_message }) => warning_message),
  ].join("\n");
}

/** A badge says no dates. */
function numberWords(number: string | null, validity: string | null): string {
  if (number === null) return "The card cannot be read here.";
  return validity === null ? `Card number ${number}.` : `Card number ${number}, valid ${validity}.`;
}

const lifeOfCards = z.looseObject({
  doubt: z.looseObject({ generation: z.number() }).nullable(),
  live_cards: z.array(
    z.looseObject({ generation: z.number(), uid: z.string().nullable(), valid_until: z.string().nullable() }),
  ),
});

async function onlyGeneration({ client }: CliContext, credentialId: string): Promise<number> {
  const { credential } = await client.call(deskCredentialGet, { acs_credential_id: credentialId });
  const { doubt, live_cards } = understood(lifeOfCards, credential, "credentials");
  if (doubt !== null) return doubt.generation;
  const [only, ...others] = live_cards;
  if (only === undefined)
    throw refused("This credential has no card that is alive or in doubt.", "nothing_to_settle");
  if (others.length === 0) return only.generation;
  const list = live_cards.map(
    ({ generation, uid, valid_until }) =>
      `  ${generation}  ${uid ?? ""}  until ${timeOf(valid_until) || "for ever"}`,
  );
  throw refused(
    `Several cards are alive; say which with --generation:\n${list.join("\n")}`,
    "ambiguous_name",
  );
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw refused(`"${text}" is no generation: it is a number from 1.`);
  return value;
}
