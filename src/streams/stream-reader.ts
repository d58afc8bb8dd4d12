import type { PageNotes } from '../auth0/paging/page-step';
import type { ListRequest, Page } from '../auth0/request';
import type { JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import type { Lookup, LookupResults, ReadOptions } from './fetch-task';
import type { RemainingRange } from './partition';

/** A record for staging. `stream` is the name of a stream, or of an index that only later fetches read. */
export interface ReaderOutput {
  stream: string;
  data: JsonObject;
  changes?: FieldChange[];
}

/** The result of reading one page. */
export interface ReaderStep<Cursor> {
  cursor: Cursor;
  outputs: ReaderOutput[];
  /** Rows of the page that were not delivered before. */
  rows: number;
  /** Rows of the page that were left out because they were delivered before. */
  repeated: number;
  notes?: PageNotes & { undescribed?: number };
}

/** What an activity provides to a reader, in addition to the page. */
export interface ReaderContext {
  /** Fingerprints (see `deliveredIndexName`) of the rows delivered before the list was restarted. */
  delivered: ReadonlySet<string>;
  lookupResults: LookupResults;
}

/**
 * Reads one task with pure functions over a JSON cursor: no clock, no randomness, no I/O. A retry in another process needs
 * only the cursor, which contains no personal data (ids are hashed).
 */
export interface Reader<Cursor> {
  /** The cursor at the beginning. */
  start(): Cursor;
  /** The next request, or undefined at the end. */
  next(cursor: Cursor): ListRequest | undefined;
  /** Reads the response to `next(cursor)`. Throws UnexpectedAnswer when the page contradicts the request. */
  advance(cursor: Cursor, page: Page, context: ReaderContext): ReaderStep<Cursor>;
  /** Lookups that `advance(cursor, page)` needs. Absent: none. */
  listLookups?(cursor: Cursor, page: Page): Lookup[];
  /** The cursor after a 404 to `next(cursor)`, because the object was deleted after it was listed. Absent: a 404 is an error. */
  skipVanished?(cursor: Cursor): Cursor;
  /** The cursor after the server rejects the checkpoint token in `next(cursor)` (older than 24 h). Absent: an error. */
  restart?(cursor: Cursor): Cursor;
  /** Whether the list was restarted, so `advance` needs `ReaderContext.delivered`. */
  isRestarted?(cursor: Cursor): boolean;
  /** Value of the stream's cursor field up to which all rows are delivered; undefined while there is none. */
  readFrontier?(cursor: Cursor): string | undefined;
  /** The tenant's time at the first response, ISO 8601, rounded up; undefined before it. */
  readStartedAt?(cursor: Cursor): string | undefined;
  /** The greatest key of a search, for a SearchEndTask. */
  readEndKey?(cursor: Cursor): string | undefined;
  /** The remaining range of a search; undefined when unknown. */
  readRemainingRange?(cursor: Cursor): RemainingRange | undefined;
}

/** Options for reading the child lists of some parents. */
export interface ChildReaderOptions {
  /** Child streams to fill. */
  streams: readonly string[];
  /** Ids of the parents. */
  parents: readonly string[];
  /** Rows of the side index; undefined when it is not needed or cannot be read. */
  sideIndex: readonly JsonObject[] | undefined;
  readOptions: ReadOptions;
}
