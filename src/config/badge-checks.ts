import { badgeFormatSchema, formatOf } from "#src/cards/badge-format";
import { isIndistinguishable, WIEGAND_FORMATS, type WiegandFormat } from "#src/cards/wiegand";
import { meant, oneOf } from "./explain.js";
import type { Finding } from "./problem.js";
import { entriesOf } from "./tolerant.js";

/** Well-known names are taken, and of formats that nobody can tell apart a system has one. */
export function badgeFormats(data: unknown): Finding[] {
  const wellKnown = new Map(WIEGAND_FORMATS.map((format) => [format.name, format]));
  const found: Finding[] = [];
  /** null: it is wrong by itself, which the schema tells. */
  const formats = new Map<string, WiegandFormat | null>(wellKnown);
  for (const [key, described] of entriesOf(data, "badge_formats")) {
    if (wellKnown.has(key)) {
      const message = `"${key}" is a well-known format, which is not described here`;
      found.push({ path: ["badge_formats", key], at: "key", message });
      continue;
    }
    const parsed = badgeFormatSchema.safeParse(described);
    formats.set(key, parsed.success ? formatOf(key, parsed.data) : null);
  }
  for (const [key, { badge_formats: listed }] of entriesOf(data, "systems")) {
    const names: readonly unknown[] = Array.isArray(listed) ? listed : [];
    names.forEach((name, index) => {
      const message = typeof name === "string" ? faultOf(name, names.slice(0, index), formats) : null;
      if (message !== null) {
        found.push({ path: ["systems", key, "badge_formats", index], at: "value", ...message });
      }
    });
  }
  return found;
}

function faultOf(
  name: string,
  before: readonly unknown[],
  formats: ReadonlyMap<string, WiegandFormat | null>,
): Pick<Finding, "message" | "suggestion"> | null {
  const known = [...formats.keys()];
  const format = formats.get(name);
  if (format === undefined) {
    const suggestion = meant(name, known) ?? oneOf(known);
    return { message: `there is no badge format "${name}"`, suggestion };
  }
  const alike = before.map(String).find((earlier) => {
    const other = formats.get(earlier);
    return format !== null && other != null && isIndistinguishable(format, other);
  });
  if (alike === undefined) return null;
  const message =
    alike === name
      ? `"${name}" stands here twice`
      : `badges of "${name}" and "${alike}" cannot be told apart: leave one of them out`;
  return { message };
}
