import { z } from 'zod';
import { defined } from '../../json';
import { UnexpectedAnswer } from '../errors';
import { describeRequest, type ListRequest, type Page } from '../request';
import { computeFingerprint, countSchema, type PageStep, selectFresh } from './page-step';

const offsetCursorSchema = z.object({
  mode: z.literal('offset'),
  page: countSchema,
  /** Rows requested per page. */
  size: countSchema.min(1),
  /** Rows read so far. */
  read: countSchema,
  /** The list's total, as reported so far. */
  total: countSchema.exactOptional(),
  /** Fingerprints of the rows delivered; at most about as many as an offset list can return. */
  seen: z.array(z.string()),
  done: z.boolean(),
});
type OffsetCursor = z.infer<typeof offsetCursorSchema>;

const checkpointCursorSchema = z.object({
  mode: z.literal('checkpoint'),
  /** Token of the next page. */
  from: z.string().exactOptional(),
  pages: countSchema,
  done: z.boolean(),
  /** Consecutive empty pages. */
  emptyPages: countSchema.exactOptional(),
  /** Set when the list was restarted after some of its rows were delivered. */
  restarted: z.literal(true).exactOptional(),
});
type CheckpointCursor = z.infer<typeof checkpointCursorSchema>;

/** Position in a list. */
export const listCursorSchema = z.discriminatedUnion('mode', [checkpointCursorSchema, offsetCursorSchema]);
export type ListCursor = z.infer<typeof listCursorSchema>;

/** Reads one list to its end. */
export interface ListPaging {
  start(): ListCursor;
  next(cursor: ListCursor): ListRequest | undefined;
  /**
   * Reads the response to `next(cursor)`. Throws UnexpectedAnswer when it contradicts the request.
   * @param isDelivered whether the row with this fingerprint (`ListPageStep.fingerprints`) was delivered before a restart
   */
  advance(cursor: ListCursor, page: Page, isDelivered: (fingerprint: string) => boolean): ListPageStep;
  /** The cursor to continue from when the server rejects the checkpoint token, which expires after 24 h. */
  restart(): ListCursor;
}

interface ListPageStep extends PageStep<ListCursor> {
  /** Fingerprints of the fresh rows, which a restart needs. Empty on the last page. */
  fingerprints: string[];
}

/** Limit of every offset list, whatever its length: https://auth0.com/docs/api/management/v2 */
const maxOffsetRows = 1000;

/** Requested of every list; a server may send smaller pages. */
const listPageSize = 100;

/** A list with this many consecutive empty pages is malformed. */
const maxEmptyPages = 3;

const initialCheckpointCursor: CheckpointCursor = { mode: 'checkpoint', pages: 0, done: false };
const initialOffsetCursor: OffsetCursor = {
  mode: 'offset',
  page: 0,
  size: listPageSize,
  read: 0,
  seen: [],
  done: false,
};

/**
 * @param base the list's request, without paging parameters
 * @param firstMode `checkpoint` where the API documents it: a server that does not support it for this list answers in
 *   another format, and the list is then read by offset. `offset` where it does not (`/roles`).
 */
export function createListPaging(base: ListRequest, firstMode: 'checkpoint' | 'offset'): ListPaging {
  return {
    start: () => (firstMode === 'offset' ? initialOffsetCursor : initialCheckpointCursor),
    next(cursor) {
      if (cursor.done) return undefined;
      const paging: ListRequest['query'] =
        cursor.mode === 'offset'
          ? { page: cursor.page, per_page: cursor.size, include_totals: true }
          : { take: listPageSize, ...defined({ from: cursor.from }) };
      return { ...base, query: { ...base.query, ...paging } };
    },
    advance: (cursor, page, isDelivered) =>
      cursor.mode === 'offset'
        ? { ...advanceOffset(base, cursor, page), fingerprints: [] }
        : advanceCheckpoint(base, cursor, page, isDelivered),
    restart: () => ({ ...initialCheckpointCursor, restarted: true }),
  };
}

/**
 * Offsets shift when rows are created or deleted between pages. That shows in the total: the list is then read again from
 * its beginning, without the rows already delivered. Throws UnexpectedAnswer when the list is longer than offsets reach.
 */
function advanceOffset(base: ListRequest, cursor: OffsetCursor, page: Page): PageStep<OffsetCursor> {
  const label = describeRequest(base.path);
  const seen = new Set(cursor.seen);
  const fresh = selectFresh(page.rows, base.key, seen);
  const rows = { fresh, repeated: page.rows.length - fresh.length };

  if (cursor.page > 0 && page.total !== cursor.total) {
    return { cursor: { ...initialOffsetCursor, size: cursor.size, seen: [...seen] }, ...rows };
  }
  if (page.start !== undefined && page.start > cursor.read) {
    throw new UnexpectedAnswer(label, `rows starting at ${page.start}, expected ${cursor.read}`);
  }
  const read = cursor.read + page.rows.length;
  if (page.rows.length === 0 && read < (page.total ?? 0)) {
    throw new UnexpectedAnswer(label, 'an empty page before the reported total was reached');
  }
  const current = { ...cursor, ...defined({ total: page.total }), read, seen: [...seen] };
  if (page.rows.length === 0 || (page.total !== undefined && read >= page.total)) {
    return { cursor: { ...current, done: true }, ...rows };
  }
  // A server that limits pages to a smaller size counts page numbers in that size.
  const reportedSize = cursor.page === 0 ? (page.limit ?? 0) : 0;
  const size = reportedSize > 0 ? Math.min(cursor.size, reportedSize) : cursor.size;
  if ((cursor.page + 2) * size > maxOffsetRows) {
    throw new UnexpectedAnswer(
      label,
      `more than the ${maxOffsetRows} rows that this list can show`,
      'The list cannot be read completely: this tenant does not support checkpoint paging for it.',
    );
  }
  return { cursor: { ...current, page: cursor.page + 1, size }, ...rows };
}

function advanceCheckpoint(
  base: ListRequest,
  cursor: CheckpointCursor,
  page: Page,
  isDelivered: (fingerprint: string) => boolean,
): ListPageStep {
  const { rows, next, isBareArray, total } = page;
  const label = describeRequest(base.path);
  if (isBareArray || (next === undefined && total !== undefined && total > rows.length)) {
    if (cursor.pages === 0) return { cursor: initialOffsetCursor, fresh: [], repeated: 0, fingerprints: [] };
    throw new UnexpectedAnswer(label, 'a page without a checkpoint in the middle of the list');
  }
  if (next !== undefined && next === cursor.from) {
    throw new UnexpectedAnswer(label, 'a page whose checkpoint points to itself');
  }
  // Only the absence of `next` ends a list: a short page of members can point to an empty last page.
  const emptyPages = rows.length > 0 ? 0 : (cursor.emptyPages ?? 0) + 1;
  if (next !== undefined && emptyPages >= maxEmptyPages) {
    throw new UnexpectedAnswer(label, `${emptyPages} consecutive empty pages with a next checkpoint`);
  }
  const entries = rows
    .map((row) => ({ row, fingerprint: computeFingerprint(row, base.key) }))
    .filter(({ fingerprint }) => !cursor.restarted || !isDelivered(fingerprint));
  return {
    cursor: {
      mode: 'checkpoint',
      pages: cursor.pages + 1,
      ...(emptyPages > 0 && { emptyPages }),
      ...defined({ restarted: cursor.restarted, from: next }),
      done: next === undefined,
    },
    fresh: entries.map(({ row }) => row),
    repeated: rows.length - entries.length,
    fingerprints: next === undefined ? [] : entries.map(({ fingerprint }) => fingerprint),
  };
}
