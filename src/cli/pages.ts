/** What a list route takes and gives besides its rows. */
export interface Paging {
  readonly limit: number;
  readonly page_cursor?: string;
}
interface Paged {
  readonly pagination: { readonly next_page_cursor: string | null };
}

const PAGE = 500;

/** The rows of a list, page by page: all of them, or the first `wanted`. */
export async function rowsOf<Page extends Paged, Row>(
  ask: (paging: Paging) => Promise<Page>,
  rows: (page: Page) => readonly Row[],
  wanted = Infinity,
): Promise<{ readonly items: readonly Row[]; readonly hasMore: boolean }> {
  const items: Row[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await ask({
      limit: Math.min(PAGE, wanted - items.length),
      ...(cursor === null ? {} : { page_cursor: cursor }),
    });
    items.push(...rows(page));
    cursor = page.pagination.next_page_cursor;
  } while (cursor !== null && items.length < wanted);
  return { items, hasMore: cursor !== null };
}
