import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import * as z from "zod";
import * as driverApi from "#driver-api";
import type { Driver } from "#driver-api";
import * as deadline from "#src/lib/deadline";
import * as hex from "#src/lib/hex";
import * as secret from "#src/lib/secret";

/** One change to the text of one file. */
export interface Patch {
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly put: string;
}

const ROOT = join(import.meta.dirname, "../../..");

/** What the copy shares with everybody else, so that its errors are the errors that the cases know. */
const SHARED: Readonly<Record<string, unknown>> = {
  zod: z,
  "#driver-api": driverApi,
  "#src/lib/deadline": deadline,
  "#src/lib/hex": hex,
  "#src/lib/secret": secret,
};

/** What several drivers are built on. */
const FAMILIES = "#src/magstripe/";

type Module = Record<string, unknown>;

/**
 * The driver `id` with the patches, evaluated anew: it shares no state with any other copy. What drivers of a family
 * share is copied too; a patch names its files by their whole path, and those of the driver by their name alone.
 */
export function copyOf(id: string, patches: readonly Patch[]): Driver {
  const folder = `drivers/${id}`;
  const placed = patches.map((patch) =>
    patch.file.includes("/") ? patch : { ...patch, file: `${folder}/${patch.file}` },
  );
  const modules = new Map<string, Module>();
  const load = (file: string): Module => {
    const known = modules.get(file);
    if (known !== undefined) return known;
    const module: Module = {};
    modules.set(file, module);
    const require = (wanted: string) => {
      if (wanted.startsWith(".")) return load(normalize(join(dirname(file), wanted)).replace(/\.js$/, ".ts"));
      return wanted.startsWith(FAMILIES) ? load(`${wanted.slice(1)}.ts`) : shared(wanted);
    };
    // The text is our own driver's; evaluating it is what this function is for.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const evaluate = new Function("exports", "require", compiled(file, placed)) as (
      exports: Module,
      require: (wanted: string) => unknown,
    ) => void;
    evaluate(module, require);
    return module;
  };
  return load(`${folder}/index.ts`)["default"] as Driver;
}

function shared(wanted: string): unknown {
  if (!(wanted in SHARED)) throw new Error(`the copy may not import ${wanted}: add it to what it shares`);
  return SHARED[wanted];
}

const unchanged = new Map<string, string>();

function compiled(file: string, patches: readonly Patch[]): string {
  const own = patches.filter((patch) => patch.file === file);
  const known = own.length === 0 ? unchanged.get(file) : undefined;
  if (known !== undefined) return known;
  const code = ts.transpile(own.reduce(patched, readFileSync(join(ROOT, file), "utf8")), {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2022,
  });
  if (own.length === 0) unchanged.set(file, code);
  return code;
}

function patched(text: string, { file, find, put }: Patch): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`${file} holds this text not once: ${find}`);
  return before + put + after;
}
