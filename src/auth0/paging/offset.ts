import { UnexpectedAnswer } from '../errors';
import type { ListRequest, Page } from '../request';
import { toRouteTemplate } from '../route';
import { computeFingerprint } from './fingerprint';
import type { PageStep } from './progress';

export type OffsetCursor = {
  mode: 'offset';
  page: number;
  /** Rows asked for a page. */
  size: number;
  /** Rows that the pages so far held. */
  read: number;
  /** What the pages so far said there are. */
  total?: number;
  /** Fingerprints of the rows delivered; at most about as many as an offset list can show. */
  seen: string[];
  done: boolean;
};

/** https://auth0.com/docs/api/management/v2: no offset list goes further, whatever it holds. */
const maxOffsetRows = 1000;

export const initialOffsetCursor: OffsetCursor = { mode: 'offset', page: 0, size: 100, read: 0, seen: [], done: false };

export function buildOffsetQuery({ page, size }: OffsetCursor): ListRequest['query'] {
  return { page, per_page: size, include_totals: true };
}

/**
 * Offsets shift when rows come or go between pages, which shows in the total: the list is then read from its beginning
 * again, and what had been delivered is left out. Throws UnexpectedAnswer when the list is longer than offsets reach.
 */
export function advanceOffset(base: ListRequest, cursor: OffsetCursor, page: Page): PageStep<OffsetCursor> {
  const label = `GET ${toRouteTemplate(base.path)}`;
  const seen = new Set(cursor.seen);
  const fresh = page.rows.filter((row) => {
    const print = computeFingerprint(row, base.key);
    return !seen.has(print) && seen.add(print);
  });
  const repeated = page.rows.length - fresh.length;
  const total = page.total === undefined ? {} : { total: page.total };
  const kept = { ...cursor, seen: [...seen] };

  if (cursor.page > 0 && page.total !== cursor.total) {
    return { cursor: { ...initialOffsetCursor, size: cursor.size, seen: kept.seen }, fresh, repeated };
  }
  if (page.start !== undefined && page.start > cursor.read) {
    throw new UnexpectedAnswer(label, `rows from ${page.start} on, where those from ${cursor.read} on come next`);
  }
  const read = cursor.read + page.rows.length;
  if (page.rows.length === 0 && read < (page.total ?? 0)) {
    throw new UnexpectedAnswer(label, 'an empty page before the end that its total tells');
  }
  if (page.rows.length === 0 || (page.total !== undefined && read >= page.total)) {
    return { cursor: { ...kept, ...total, read, done: true }, fresh, repeated };
  }
  // A server may hold itself to a smaller page than it was asked for; pages are counted in its size then.
  const told = cursor.page === 0 ? (page.limit ?? 0) : 0;
  const size = told > 0 ? Math.min(cursor.size, told) : cursor.size;
  if ((cursor.page + 2) * size > maxOffsetRows) {
    throw new UnexpectedAnswer(
      label,
      `more than the ${maxOffsetRows} rows that this list can show`,
      'The list cannot be read completely from this tenant: it does not offer checkpoint paging here.',
    );
  }
  return { cursor: { ...kept, ...total, page: cursor.page + 1, size, read }, fresh, repeated };
}
