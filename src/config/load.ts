import { readFileSync } from "node:fs";
import { type Config, configOf } from "./config.js";
import { crossCheck } from "./cross-checks.js";
import { type KnownDrivers, readDevices } from "./device-settings.js";
import { parseConfigText } from "./document.js";
import { explainIssues } from "./explain.js";
import { type Finding, type Problem, textOf } from "./problem.js";
import { type Environment, reasonOf, resolveReferences } from "./references.js";
import { configSchema } from "./schema.js";

export interface LoadOptions {
  /** For `$CREDENTIALS_DIRECTORY`. */
  readonly env: Environment;
  readonly drivers: KnownDrivers;
  /**
   * Only check: credentials that nobody but the service can read are noted, and no problem. The configuration is then
   * not to be used.
   */
  readonly isCheck?: boolean;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly notes: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a configuration file and finds everything that is wrong with it at once, in the order of the file. */
export async function loadConfig(path: string, options: LoadOptions): Promise<LoadedConfig> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const message = `cannot read the configuration: ${reasonOf(error)}`;
    return { ok: false, problems: [{ path: "", line: 1, column: 1, message }] };
  }
  return parseConfig(text, options);
}

/** As `loadConfig`, from a text. */
export async function parseConfig(text: string, options: LoadOptions): Promise<LoadedConfig> {
  const parsed = parseConfigText(text);
  if (!parsed.ok) return parsed;
  const { document } = parsed;
  const {
    data,
    findings: badReferences,
    unread,
  } = resolveReferences(document.data ?? undefined, options.env);

  const file = configSchema.safeParse(data);
  const { devices, findings: badDevices } = await readDevices(data, options.drivers);
  const findings = [
    ...badReferences,
    ...(options.isCheck === true ? [] : unread),
    ...(file.success ? [] : explainIssues(file.error.issues, { schema: configSchema, data })),
    ...badDevices,
    ...crossCheck(data),
  ];
  if (file.success && findings.length === 0) {
    return { ok: true, config: configOf(file.data, devices), notes: unread.map(document.locate) };
  }
  return { ok: false, problems: inOrder(firstAtEachPlace(findings).map(document.locate)) };
}

/** Two checks may trip over the same value; the first of them says it best. */
function firstAtEachPlace(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const place = textOf(path);
    const isFirst = !seen.has(place);
    seen.add(place);
    return isFirst;
  });
}

function inOrder(problems: Problem[]): Problem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}
