/**
 * Lets a plain `node` run our TypeScript, for tests that need a process of their own to kill or to starve:
 * `node --conditions=source --import <this file> <script>.ts`. What was compiled is cached by its content, so only
 * the first child pays for the compiler.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

const CACHE = new URL("../../node_modules/.cache/typescript-hooks/", import.meta.url);

export function initialize() {
  mkdirSync(CACHE, { recursive: true });
}

/** Inside a folder our imports say `.js`, as Node will find them in the build. */
export function resolve(specifier, context, next) {
  if (!/^\.\.?\/.*\.js$/.test(specifier) || !context.parentURL?.endsWith(".ts"))
    return next(specifier, context);
  return next(specifier.replace(/\.js$/, ".ts"), context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  return {
    format: "module",
    shortCircuit: true,
    source: await compiled(readFileSync(fileURLToPath(url), "utf8")),
  };
}

async function compiled(text) {
  const kept = new URL(`${createHash("sha256").update(text).digest("hex")}.mjs`, CACHE);
  if (existsSync(kept)) return readFileSync(kept, "utf8");
  const { default: ts } = await import("typescript");
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  const draft = new URL(`${kept.href}.${process.pid}`);
  writeFileSync(draft, outputText);
  renameSync(draft, kept);
  return outputText;
}

// Node loads this file once more on the thread that runs the hooks.
if (isMainThread) register(import.meta.url);
