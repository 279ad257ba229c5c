import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { bareEdge } from "#test/support/typed";
import { EXIT, EXIT_MEANINGS } from "./exit-codes.js";
import { buildProgram } from "./program.js";

const INTRODUCTION = `# The command line

\`lockbridge\` is one program: the daemon (\`run\`), the demo, and the commands that a person at the desk or a script
uses. All but \`run\`, \`demo\` and \`check-config\` talk to the running daemon over its unix socket, so they need no key;
who may use the socket is a matter of the group \`lockbridge\`. Where the socket lies is told by \`--socket\`, else by the
environment variable \`LOCKBRIDGE_SOCKET\`, else it is \`/run/lockbridge/lockbridge.sock\`.

With \`--json\` every command prints one JSON object a line and nothing else on its standard output; a failure is
\`{"error": {"type", "message"}, "exit_code"}\`. Without it, results are for people: results on the standard output,
what went wrong on the standard error.

Ctrl-C during \`encode\`, \`scan\` or \`erase\` cancels the job at the encoder and says what state the card is in; during
\`locks include\` or \`exclude\` the stick stops listening. A second Ctrl-C only stops watching.

<!-- Made from the code by src/cli/manual.test.ts; UPDATE_DOCS=1 renews it. -->
`;

const program = buildProgram(
  bareEdge({
    socketPath: "/run/lockbridge/lockbridge.sock",
    configPath: "/etc/lockbridge/lockbridge.yaml",
  }),
  () => undefined,
);

function manual(): string {
  const codes = (Object.keys(EXIT) as (keyof typeof EXIT)[]).map(
    (name) => `| ${EXIT[name]} | ${EXIT_MEANINGS[name]} |`,
  );
  return [
    INTRODUCTION,
    "## Exit codes\n",
    ["| code | meaning |", "| --- | --- |", ...codes, ""].join("\n"),
    "## Commands\n",
    ...leaves(program, "lockbridge").map(({ path, command }) => section(path, command)),
  ].join("\n");
}

function leaves(command: Command, path: string): { readonly path: string; readonly command: Command }[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`));
}

function section(path: string, command: Command): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  const table = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description]),
    ...command.options.map((option) => [
      option.flags,
      `${option.description}${typeof option.defaultValue === "string" ? ` (${option.defaultValue})` : ""}`,
    ]),
  ].map(([name = "", description = ""]) => `| \`${name}\` | ${description} |`);
  const heading = `### \`${[path, ...words].join(" ")}\`\n`;
  const description = command.description();
  const text = `${description.slice(0, 1).toUpperCase()}${description.slice(1)}.\n`;
  return [heading, text, ...(table.length === 0 ? [] : ["| | |", "| --- | --- |", ...table, ""])].join("\n");
}

/** Renew it with UPDATE_DOCS=1. */
test("the manual tells of every command and every exit code", () => {
  const path = join(import.meta.dirname, "../../docs/cli.md");
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, manual());
  expect(readFileSync(path, "utf8")).toBe(manual());
});

test("every command and option has a description", () => {
  const silent = leaves(program, "lockbridge").filter(
    ({ command }) =>
      command.description() === "" || command.options.some(({ description }) => description === ""),
  );
  expect(silent.map(({ path }) => path)).toEqual([]);
});
