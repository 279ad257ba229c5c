import type { Command } from "commander";
import type { CliEdge, ConfigProblem } from "../context.js";
import { EXIT, refused } from "../exit-codes.js";
import type { AddCommand } from "../program.js";

/** Commands that need no running daemon: they start one, or look at files. */
export function processCommands(program: Command, add: AddCommand, edge: CliEdge): void {
  add(
    program
      .command("run")
      .description("run the gateway until it is told to stop (SIGTERM)")
      .option("--config <path>", "configuration file", edge.configPath),
    (_context, _words, { config }: { readonly config: string }) => edge.runGateway({ configPath: config }),
  );

  add(
    program
      .command("demo")
      .description("run a simulated site to play with; needs no hardware and no network")
      .option("--once", "play all of it unattended, and exit 0 only if all was right", false)
      .option("--port <number>", "port of the local API; 0 takes any free one")
      .option("--encoder <driver>", "the encoder on the desk: pn532 (the default), twn4, ufr or msr605"),
    (
      { output },
      _words,
      { once, port, encoder }: { readonly once: boolean; readonly port?: string; readonly encoder?: string },
    ) =>
      edge.runDemo({
        once,
        json: output.isJson,
        port: port === undefined ? undefined : portOf(port),
        encoder,
      }),
  );

  add(
    program
      .command("check-config")
      .description("say everything that is wrong with a configuration file")
      .argument("[path]", "configuration file", edge.configPath),
    async ({ output }, [path = edge.configPath]) => {
      const { problems, notes } = await edge.checkConfig(path);
      for (const note of notes)
        output.say({ file: path, severity: "note", ...note }, `note: ${wordsOf(path, note)}`);
      for (const problem of problems)
        output.say({ file: path, severity: "error", ...problem }, wordsOf(path, problem));
      if (problems.length > 0) return EXIT.refused;
      if (!output.isJson) output.say({}, `${path}: good. Restart the service to apply it.`);
      return EXIT.ok;
    },
  );
}

function wordsOf(path: string, { line, column, message, suggestion }: ConfigProblem): string {
  return `${path}:${line}:${column} ${message}${suggestion === undefined ? "" : `; ${suggestion}`}`;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw refused(`--port is a number from 0 to 65535, not "${text}".`);
  return port;
}
