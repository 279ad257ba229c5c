import type { Command } from "commander";
import type { z } from "zod";
import { locksLockDoor, locksUnlockDoor } from "#src/api/schemas/devices";
import type { actionAttempt, device } from "#src/api/schemas/objects";
import { simulateKeypadEntry } from "#src/api/schemas/simulate";
import type { CliContext } from "../context.js";
import { inclusionCommands } from "./inclusion.js";
import { CliError, EXIT } from "../exit-codes.js";
import { allLocks, findLock } from "../find.js";
import { sentence } from "../follow-job.js";
import type { AddCommand } from "../program.js";
import { pinFrom } from "../pin.js";

const LOCK = ["<lock>", "lock, by id (or its beginning) or by its name"] as const;

type Lock = z.infer<typeof device>;
type Attempt = z.infer<typeof actionAttempt>;

/** Keypad locks: how they are, and lock and unlock from afar. */
export function lockCommands(program: Command, add: AddCommand): void {
  const locks = program.command("locks").description("keypad locks");

  add(
    locks.command("list", { isDefault: true }).description("list keypad locks and how they are"),
    async (context) => {
      context.output.list(await allLocks(context.client), {
        columns: {
          LOCK: ({ display_name }) => display_name,
          STATE: stateOf,
          BATTERY: batteryOf,
          PROBLEM: ({ errors, warnings }) =>
            [...errors, ...warnings].map(({ message }) => message).join("\n"),
          ID: ({ device_id }) => device_id,
        },
        empty: "No keypad lock is configured.",
      });
    },
  );

  const acts = { lock: locksLockDoor, unlock: locksUnlockDoor } as const;
  for (const [name, endpoint] of Object.entries(acts)) {
    add(
      locks
        .command(name)
        .description(`${name} a door, and wait until the lock says so`)
        .argument(...LOCK),
      async (context, [text = ""]) => {
        const { device_id, display_name } = await findLock(context.client, text);
        const { action_attempt } = await context.client.call(endpoint, { device_id, sync: true });
        sayEnd(context, action_attempt, `${display_name} is ${name}ed.`);
      },
    );
  }
  inclusionCommands(locks, add);
}

/** Acts on the simulated keypads of the demo. */
export function simulateKeysCommand(simulate: Command, add: AddCommand): void {
  add(
    simulate
      .command("keys")
      .description("type a PIN at a simulated keypad")
      .argument(...LOCK)
      .requiredOption(
        "--code <file>",
        "file with the PIN, readable by its owner alone; - for the standard input",
      ),
    async (context, [text = ""], { code }: { readonly code: string }) => {
      const { device_id } = await findLock(context.client, text);
      const typed = pinFrom(context.edge, code);
      const { action_attempt } = await context.client.call(simulateKeypadEntry, { device_id, code: typed });
      const { error } = action_attempt;
      if (error !== null) throw new CliError(EXIT.failed, error.type, sentence(error.message));
      // Typing ends at once, often after this answer; nothing is waited for.
      context.output.say({ action_attempt }, "Typed. The terminal of the demo says what the door did.");
    },
  );
}

function sayEnd({ output }: CliContext, attempt: Attempt, words: string): void {
  if (attempt.error !== null)
    throw new CliError(EXIT.failed, attempt.error.type, sentence(attempt.error.message));
  if (attempt.status === "pending")
    throw new CliError(EXIT.failed, "pending", "The lock has not answered yet; its state says what it did.");
  output.say({ action_attempt: attempt }, words);
}

function stateOf({ properties }: Lock): string {
  if (!properties.online) return "offline";
  const locked = properties["locked"];
  return typeof locked === "boolean" ? (locked ? "locked" : "unlocked") : "online";
}

function batteryOf({ properties }: Lock): string {
  const level = properties["battery_level"];
  return typeof level === "number" ? `${Math.round(level * 100)} %` : "";
}
