import type { Command } from "commander";
import type { z } from "zod";
import {
  accessCodesCreate,
  accessCodesDelete,
  accessCodesGet,
  accessCodesList,
  accessCodesUpdate,
  unmanagedList,
} from "#src/api/schemas/access-codes";
import { codesRetry } from "#src/api/schemas/desk";
import type { accessCode } from "#src/api/schemas/objects";
import { refused } from "../exit-codes.js";
import { findLock } from "../find.js";
import { rowsOf } from "../pages.js";
import { pinFrom } from "../pin.js";
import type { AddCommand } from "../program.js";
import { timeOf, validityOf } from "../words.js";

type AccessCode = z.infer<typeof accessCode>;

const ON = ["--lock <lock>", "lock, by id or name"] as const;
const CODE = [
  "--code <file>",
  "file with the PIN, readable by its owner alone; - for the standard input. Without it the gateway chooses one",
] as const;
const FROM = ["--from <instant>", "valid from, e.g. 2026-11-22T14:00:00Z; needs --until"] as const;
const UNTIL = ["--until <instant>", "valid until"] as const;

interface Window {
  readonly from?: string;
  readonly until?: string;
}

/** PINs on keypad locks. A code is never said by `list`; `get` says one. */
export function codeCommands(program: Command, add: AddCommand): void {
  const codes = program.command("codes").description("PINs on keypad locks");

  add(
    codes
      .command("list", { isDefault: true })
      .description("list the codes of a lock, and those that nobody here set")
      .requiredOption(...ON),
    async (context, _words, { lock }: { readonly lock: string }) => {
      const { device_id } = await findLock(context.client, lock);
      const managed = await rowsOf(
        (paging) => context.client.call(accessCodesList, { device_id, ...paging }),
        (page) => page.access_codes,
      );
      const others = await rowsOf(
        (paging) => context.client.call(unmanagedList, { device_id, ...paging }),
        (page) => page.access_codes,
      );
      context.output.list([...managed.items, ...others.items].map(withoutPin), {
        columns: {
          CODE: ({ access_code_id }) => access_code_id,
          NAME: ({ name }) => name ?? "",
          STATUS: ({ status, is_managed }) => (is_managed ? status : "set at the lock"),
          VALID: (code) => (code.type === "ongoing" ? "always" : validityOf(code)),
          PROBLEM: ({ errors, warnings }) =>
            [...errors, ...warnings].map(({ message }) => message).join("\n"),
        },
        empty: "There are no codes on this lock.",
      });
    },
  );

  add(
    codes.command("get").description("show one code with its PIN").argument("<id>", "access code"),
    async (context, [access_code_id = ""]) => {
      const { access_code } = await context.client.call(accessCodesGet, { access_code_id });
      context.output.say(access_code, codeWords(access_code));
    },
  );

  add(
    codes
      .command("create")
      .description("put a PIN on a lock")
      .argument("<lock>", "lock, by id or name")
      .requiredOption("--name <name>", "whose code it is")
      .option(...CODE)
      .option(...FROM)
      .option(...UNTIL),
    async (
      context,
      [text = ""],
      { name, code, ...window }: Window & { readonly name: string; readonly code?: string },
    ) => {
      const { device_id } = await findLock(context.client, text);
      const { access_code } = await context.client.call(accessCodesCreate, {
        device_id,
        name,
        ...windowOf(window),
        ...(code === undefined ? {} : { code: pinFrom(context.edge, code) }),
      });
      context.output.say(access_code, codeWords(access_code));
    },
  );

  add(
    codes
      .command("update")
      .description("change a code's PIN, name or dates")
      .argument("<id>", "access code")
      .option("--name <name>", "whose code it is")
      .option(...CODE)
      .option(...FROM)
      .option(...UNTIL),
    async (
      context,
      [access_code_id = ""],
      { name, code, ...window }: Window & { readonly name?: string; readonly code?: string },
    ) => {
      const change = {
        ...windowOf(window),
        ...(name === undefined ? {} : { name }),
        ...(code === undefined ? {} : { code: pinFrom(context.edge, code) }),
      };
      if (Object.keys(change).length === 0)
        throw refused("Say what to change: --name, --code, --from or --until.");
      await context.client.call(accessCodesUpdate, { access_code_id, ...change });
      const { access_code } = await context.client.call(accessCodesGet, { access_code_id });
      context.output.say(access_code, codeWords(access_code));
    },
  );

  add(
    codes
      .command("retry")
      .description("try again at once what a lock was tried with too often")
      .argument("<lock>", "lock, by id or name"),
    async (context, [text = ""]) => {
      const { device_id } = await findLock(context.client, text);
      const { retried_slots } = await context.client.call(codesRetry, { device_id });
      context.output.say(
        { retried_slots },
        retried_slots === 0
          ? "Nothing on this lock was left alone; lockbridge codes list shows how its codes stand."
          : `${retried_slots} ${retried_slots === 1 ? "slot is" : "slots are"} tried again; lockbridge codes list shows what comes of it.`,
      );
    },
  );

  add(
    codes.command("delete").description("take a code off its lock").argument("<id>", "access code"),
    async (context, [access_code_id = ""]) => {
      const { action_attempt } = await context.client.call(accessCodesDelete, { access_code_id });
      context.output.say(
        { action_attempt },
        "The code is being taken off the lock; lockbridge codes list shows when it is gone.",
      );
    },
  );
}

function windowOf({ from, until }: Window): { starts_at?: string; ends_at?: string } {
  return {
    ...(from === undefined ? {} : { starts_at: from }),
    ...(until === undefined ? {} : { ends_at: until }),
  };
}

/** A list is read over shoulders. */
function withoutPin(code: AccessCode): AccessCode {
  return { ...code, code: null };
}

function codeWords(code: AccessCode): string {
  const { name, status, type, errors, warnings } = code;
  return [
    `${name ?? "(no name)"}  PIN ${code.code ?? "(not shown)"}  ${status}`,
    type === "ongoing"
      ? "Valid always."
      : `Valid from ${timeOf(code.starts_at)} until ${timeOf(code.ends_at)}.`,
    ...[...errors, ...warnings].map(({ message }) => message),
    code.access_code_id,
  ].join("\n");
}
