import { Secret } from "#src/lib/secret";

type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

/**
 * The entries of one section of a file that may be wrong elsewhere: what is no mapping is passed over, because the
 * schema reports it. So every check can run at once, whatever the others find.
 */
export function entriesOf(data: unknown, section: string): readonly (readonly [string, Mapping])[] {
  const found = sectionOf(data, section);
  return Object.entries(found).flatMap(([key, value]) => (isMapping(value) ? [[key, value] as const] : []));
}

export function sectionOf(data: unknown, section: string): Mapping {
  const found = isMapping(data) ? data[section] : undefined;
  return isMapping(found) ? found : {};
}

export function textOrUndefined(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOrUndefined(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
