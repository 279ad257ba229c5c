import type { CliEdge } from "./context.js";
import { refused } from "./exit-codes.js";

/**
 * A PIN comes from a file or the standard input, never from the command line, which every user of the machine and the
 * shell's history can read.
 */
export function pinFrom(edge: CliEdge, file: string): string {
  const pin = edge.readSecretText(file).trim();
  if (!/^[0-9]{1,20}$/.test(pin))
    throw refused(`${file === "-" ? "The standard input" : file} holds no PIN: digits only.`);
  return pin;
}
