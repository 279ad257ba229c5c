import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./staged-root.js";

const text = readFileSync(join(checkout, "systemd/lockbridge.service"), "utf8");

/** Every value given to a setting of the unit, in order. */
export function settings(name: string): string[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

/** Groups of system calls → their members, as this machine's systemd knows them. */
function syscallGroups(): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  let members: string[] = [];
  const listing = execFileSync("systemd-analyze", ["syscall-filter", "--no-pager"], { encoding: "utf8" });
  for (const line of listing.split("\n")) {
    const word = line.trim();
    if (word === "" || word.startsWith("#")) continue;
    if (line.startsWith(" ")) members.push(word);
    else groups.set(word, (members = []));
  }
  return groups;
}

/** The system calls that lines of `SystemCallFilter=` leave, read as systemd.exec(5) says; the first one allows. */
export function allowedCalls(filters: readonly string[]): string[] {
  const groups = syscallGroups();
  const expand = (word: string): string[] => {
    if (!word.startsWith("@")) return [word];
    const members = groups.get(word);
    if (members === undefined) throw new Error(`systemd knows no group ${word}`);
    return members.flatMap(expand);
  };
  const allowed = new Set(expand("@default"));
  for (const filter of filters) {
    const isDenied = filter.startsWith("~");
    for (const call of filter
      .slice(isDenied ? 1 : 0)
      .split(/\s+/)
      .flatMap(expand)) {
      if (isDenied) allowed.delete(call);
      else allowed.add(call);
    }
  }
  return [...allowed].sort();
}
