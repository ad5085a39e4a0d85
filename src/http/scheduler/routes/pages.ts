/** Pages of ordered lists. The cursor is the last key seen, so that a list that changes between pages skips nothing else. */
import { PAGE_LIMIT } from "../../schemas/requests.js";

interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** `all` in the order of `keyOf`, which is that of JavaScript strings. */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  query: PageQuery,
  wanted: (item: T) => boolean,
): Page<T> {
  const after = query.cursor === undefined ? "" : Buffer.from(query.cursor, "base64url").toString("utf8");
  const limit = query.limit ?? PAGE_LIMIT;
  const items: T[] = [];
  for (const item of all) {
    if (keyOf(item) <= after || !wanted(item)) continue;
    const last = items.at(-1);
    if (last !== undefined && items.length === limit)
      return { items, next: Buffer.from(keyOf(last), "utf8").toString("base64url") };
    items.push(item);
  }
  return { items, next: null };
}
