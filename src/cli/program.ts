import { Command, CommanderError } from "commander";
import { cardCommands } from "./commands/cards.js";
import { codeCommands } from "./commands/codes.js";
import { credentialCommands } from "./commands/credentials.js";
import { deviceCommands } from "./commands/devices.js";
import { healthCommands } from "./commands/health.js";
import { lockCommands } from "./commands/locks.js";
import { processCommands } from "./commands/process.js";
import { siteCommands } from "./commands/site.js";
import { webhookCommands } from "./commands/webhooks.js";
import { type CliContext, type CliEdge, contextOf, type GlobalOptions } from "./context.js";
import { CliError, EXIT } from "./exit-codes.js";
import { Output } from "./output.js";

/**
 * Gives a command its work; returning nothing means success. `act` states the type of its options itself, beside the
 * definitions that Commander reads: `never` lets each have its own.
 */
export type AddCommand = (
  command: Command,
  act: (context: CliContext, words: readonly string[], options: never) => Promise<number> | Promise<void>,
) => void;

/** Runs one command line (without `node` and the program's name) and gives its exit code. Never throws. */
export async function runCli(words: readonly string[], edge: CliEdge): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(edge, (code) => (exitCode = code));
  try {
    await program.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said on stderr what it does not understand; help and version are no mistakes.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = error instanceof CliError ? error : unexpected(error);
    new Output(edge.streams, program.opts<GlobalOptions>().json === true).failure(failure);
    return failure.exitCode;
  }
}

export function buildProgram(edge: CliEdge, ended: (code: number) => void): Command {
  const program = new Command("lockbridge")
    .description("Encodes key cards and keeps a property in step with its cloud.")
    .version(edge.version)
    .option("--json", "one JSON object a line, for scripts")
    .option("--socket <path>", "socket of the daemon", edge.socketPath)
    .configureOutput({ writeOut: edge.streams.out, writeErr: edge.streams.error })
    .exitOverride();
  const add: AddCommand = (command, act) => {
    command.action(async () => {
      const context = contextOf(edge, program.opts<GlobalOptions>());
      const options = command.opts<never>();
      ended((await act(context, command.args, options)) ?? EXIT.ok);
    });
  };
  processCommands(program, add, edge);
  cardCommands(program, add);
  credentialCommands(program, add);
  lockCommands(program, add);
  codeCommands(program, add);
  deviceCommands(program, add);
  siteCommands(program, add);
  webhookCommands(program, add);
  healthCommands(program, add);
  return program;
}

function unexpected(error: unknown): CliError {
  const message = error instanceof Error ? error.message : String(error);
  return new CliError(EXIT.failed, "unexpected", `Something unexpected went wrong: ${message}`);
}
