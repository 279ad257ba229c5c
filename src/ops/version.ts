import { readFileSync } from "node:fs";

/** Of package.json: two folders up from here in `src`, three from `dist/src`. */
export const VERSION: string = readVersion();

function readVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as Record<
        string,
        unknown
      >;
      if (name === "lockbridge" && typeof version === "string") return version;
    } catch {
      // Not there: the other one is.
    }
  }
  return "unknown";
}
