import type { z } from "zod";
import type { acsCredential } from "#src/api/schemas/objects";

/** How facts are said to a person. */

/** `2026-11-25 11:00` in this machine's time zone; a text that is no instant stays as it is. */
export function timeOf(instant: string | null | undefined): string {
  if (instant == null) return "";
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  return date.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });
}

/** `3 h 20 min`, of milliseconds. */
export function durationOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1_000)} s`;
  const [days, hours, rest] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24, minutes % 60];
  const parts = [days > 0 ? `${days} d` : "", hours > 0 ? `${hours} h` : "", rest > 0 ? `${rest} min` : ""];
  return parts
    .filter((part) => part !== "")
    .slice(0, 2)
    .join(" ");
}

export function validityOf({ starts_at, ends_at }: { starts_at?: unknown; ends_at?: unknown }): string {
  const from = typeof starts_at === "string" ? `from ${timeOf(starts_at)}` : "";
  const until = typeof ends_at === "string" ? `until ${timeOf(ends_at)}` : "";
  return [from, until].filter((part) => part !== "").join(" ") || "without end";
}

/** The state in Seam's terms: its first warning, or whether it is issued. */
export function stateOf(credential: z.infer<typeof acsCredential>): string {
  const warning = credential.warnings[0]?.warning_code;
  if (warning !== undefined) return warning.replaceAll("_", " ");
  if (credential.is_issued === true) return "issued";
  return credential.is_latest_desired_state_synced_with_provider ? "set" : "not issued";
}

export function alternatives(words: readonly string[]): string {
  return words.map((word) => `  ${word}`).join("\n");
}
