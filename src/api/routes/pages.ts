import type { JsonObject } from "#src/lib/json";
import { encodeCursor, type CursorPosition } from "../cursor.js";
import type { Page, Paging, SeamModel } from "../model.js";

/** Where a list begins and how long it gets. */
export function pagingOf(input: {
  readonly limit: number;
  readonly page_cursor: CursorPosition | undefined;
}): Paging {
  return { limit: input.limit, after: input.page_cursor };
}

export function pageAnswer(key: string, page: Page): JsonObject {
  return {
    [key]: [...page.items],
    pagination: {
      has_next_page: page.next !== null,
      next_page_cursor: page.next === null ? null : encodeCursor(page.next),
      next_page_url: null,
    },
  };
}

export const EMPTY_PAGE: Page = { items: [], next: null };

/** A site has one connected account: a list narrowed to another one is empty. */
export function isOtherAccount(model: SeamModel, connectedAccountId: string | undefined): boolean {
  return (
    connectedAccountId !== undefined &&
    !model.systems.list({}).some((system) => system["connected_account_id"] === connectedAccountId)
  );
}
