import type { JsonObject } from "#src/lib/json";
import { missing } from "../fault.js";
import type { Page, Paging } from "../model.js";

interface Row {
  readonly id: string;
  readonly createdAt: number;
}

/** Rows were asked for with one more than fits: that one says that there is a next page. */
export function pageOf<T extends Row>(
  rows: readonly T[],
  { limit }: Paging,
  render: (row: T) => JsonObject,
): Page {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { items: shown.map(render), next: hasMore ? { createdAt: last.createdAt, id: last.id } : null };
}

/** A page of what lies in memory as a whole. */
export function pageOfAll<T extends Row>(
  items: readonly T[],
  { limit, after }: Paging,
  render: (item: T) => JsonObject,
): Page {
  const rest = [...items]
    .sort(byAge)
    .filter((item) => after === undefined || byAge(item, after) > 0)
    .slice(0, limit + 1);
  return pageOf(rest, { limit }, render);
}

function byAge(a: Row, b: Row): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** Throws `SeamError` 404. */
export function foundIn<T extends { readonly id: string }>(
  items: readonly T[],
  resource: string,
  id: string,
): T {
  const item = items.find((candidate) => candidate.id === id);
  if (item === undefined) throw missing(resource, id);
  return item;
}

/** Case-insensitive, in id and name. */
export function matching<T extends { readonly id: string; readonly name: string }>(
  items: readonly T[],
  search = "",
): readonly T[] {
  const wanted = search.toLowerCase();
  return items.filter(({ id, name }) => id.includes(wanted) || name.toLowerCase().includes(wanted));
}
