import type { Command } from "commander";
import { z } from "zod";
import { simulateCard } from "#src/api/schemas/desk";
import {
  keysCreate,
  keysImport,
  keysList,
  keysRotate,
  tokensCreate,
  tokensDelete,
  tokensList,
} from "#src/api/schemas/secrets";
import { understood } from "../daemon-client.js";
import { refused } from "../exit-codes.js";
import { findEncoder } from "../find.js";
import type { AddCommand } from "../program.js";
import { simulateKeysCommand } from "./locks.js";
import { timeOf } from "../words.js";

const keySetFacts = z.looseObject({ version: z.number(), created_at: z.string(), is_current: z.boolean() });
const tokenFacts = z.looseObject({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  created_at: z.string(),
});

/** Keys, tokens, and the simulated hardware. */
export function siteCommands(program: Command, add: AddCommand): void {
  keyCommands(program, add);
  tokenCommands(program, add);

  const simulate = program.command("simulate").description("act on the simulated hardware of the demo");
  simulateKeysCommand(simulate, add);
  add(
    simulate
      .command("card")
      .description("put a card on the encoder, or take it away")
      .option("--encoder <encoder>", "as for encode")
      .option("--put <kind>", "a new card of this kind")
      .option("--uid <uid>", "an earlier card again")
      .option("--take", "take the card away"),
    async (
      { client, output },
      _words,
      options: {
        readonly encoder?: string;
        readonly put?: string;
        readonly uid?: string;
        readonly take?: true;
      },
    ) => {
      const { acs_encoder_id } = await findEncoder(client, options.encoder);
      const { card } = await client.call(simulateCard, {
        acs_encoder_id,
        ...(options.put === undefined ? {} : { put: options.put }),
        ...(options.uid === undefined ? {} : { uid: options.uid }),
        ...(options.take === undefined ? {} : { take: options.take }),
      });
      output.say({ card }, card === null ? "The card is taken away." : `Card ${card.uid} is on the encoder.`);
    },
  );
}

function keyCommands(program: Command, add: AddCommand): void {
  const keys = program.command("keys").description("the site's card keys");
  add(keys.command("list", { isDefault: true }).description("list key sets"), async ({ client, output }) => {
    const { key_sets } = await client.call(keysList, {});
    output.list(understood(z.array(keySetFacts), key_sets, "keys"), {
      columns: {
        VERSION: ({ version }) => String(version),
        CREATED: ({ created_at }) => timeOf(created_at),
        USE: ({ is_current }) => (is_current ? "writing and reading" : "reading"),
      },
      empty: "There are no card keys yet: lockbridge keys create",
    });
  });
  const made = (set: unknown) =>
    `Cards are written with key set ${understood(keySetFacts, set, "keys").version} from now on.`;
  add(keys.command("create").description("make the first key set, at random"), async ({ client, output }) => {
    const { key_set } = await client.call(keysCreate, {});
    output.say(key_set, made(key_set));
  });
  add(
    keys
      .command("rotate")
      .description("write with a new random key set from now on; older ones stay for reading"),
    async ({ client, output }) => {
      const { key_set } = await client.call(keysRotate, {});
      output.say(key_set, made(key_set));
    },
  );
  add(
    keys
      .command("import")
      .description(
        'take a key set from a file: {"issuer": "<4 bytes of hex>", "card_master": "<16 bytes of hex>"}',
      )
      .argument("<file>", "readable by its owner alone; - for the standard input"),
    async ({ edge, client, output }, [file = ""]) => {
      const { key_set } = await client.call(keysImport, keySetOf(edge.readSecretText(file)));
      output.say(key_set, made(key_set));
    },
  );
}

/** The text holds keys: no message may repeat any of it. */
function keySetOf(text: string): { issuer: string; card_master: string } {
  try {
    const parsed = keysImport.input.safeParse(JSON.parse(text));
    if (parsed.success) {
      const { issuer, card_master } = JSON.parse(text) as { issuer: string; card_master: string };
      return { issuer, card_master };
    }
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: "" };
    throw refused(`The key file is not right: ${path.join(".")} ${message}.`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refused("The key file is no JSON.");
  }
}

function tokenCommands(program: Command, add: AddCommand): void {
  const tokens = program.command("tokens").description("keys to the HTTP API");
  add(tokens.command("list", { isDefault: true }).description("list tokens"), async ({ client, output }) => {
    const { tokens: found } = await client.call(tokensList, {});
    output.list(understood(z.array(tokenFacts), found, "tokens"), {
      columns: {
        NAME: ({ name }) => name,
        ROLE: ({ role }) => role,
        CREATED: ({ created_at }) => timeOf(created_at),
        ID: ({ id }) => id,
      },
      empty: "There are no tokens yet: lockbridge tokens create NAME --role technician",
    });
  });
  add(
    tokens
      .command("create")
      .description("make a token; it is shown this once")
      .argument("<name>", "who will use it")
      .requiredOption("--role <role>", "viewer, technician or admin"),
    async ({ client, output }, [name = ""], { role }: { readonly role: string }) => {
      if (role !== "viewer" && role !== "technician" && role !== "admin") {
        throw refused(`The role is viewer, technician or admin, not "${role}".`);
      }
      const { token } = await client.call(tokensCreate, { name, role });
      output.say(token, token.token);
      if (!output.isJson) output.note("Keep it now: it cannot be shown again.");
    },
  );
  add(
    tokens.command("delete").description("make a token useless").argument("<id>", "as tokens list shows it"),
    async ({ client, output }, [id = ""]) => {
      await client.call(tokensDelete, { token_id: id });
      output.say({ token_id: id, deleted: true }, "The token is deleted.");
    },
  );
}
