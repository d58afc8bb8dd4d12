import type { PageNotes } from '../auth0/paging/page-step';
import type { ListRequest, Page } from '../auth0/request';
import type { JsonObject } from '../json';
import type { FieldChange } from '../staging/segment';
import type { Lookup, LookupResults, ReadOptions } from './fetch-task';
import type { RemainingRange } from './partition';

/** A record on its way to staging. `stream` names the stream, or an index that only later slices read. */
export interface ReaderOutput {
  stream: string;
  data: JsonObject;
  changes?: FieldChange[];
}

/** What one page did: where to go on, what came of it. */
export interface ReaderStep<Cursor> {
  cursor: Cursor;
  outputs: ReaderOutput[];
  /** Rows of the page that had not been delivered before. */
  rows: number;
  /** Rows of the page that had been delivered before and were left out. */
  repeated: number;
  notes?: PageNotes & { undescribed?: number };
}

/** What an activity has found out for a reader, apart from the page. */
export interface ReaderContext {
  /** Prints (see `deliveredIndex`) of what was delivered before the list was begun again. */
  delivered: ReadonlySet<string>;
  lookupResults: LookupResults;
}

/**
 * How one task is read, as pure functions over a JSON cursor: no clock, no randomness, no I/O. The cursor is all that a
 * retry in another process gets, and it holds no person's data (ids are hashed).
 */
export interface Reader<Cursor> {
  /** Where a fresh read begins. */
  start(): Cursor;
  /** The request that comes next, or undefined when all is read. */
  next(cursor: Cursor): ListRequest | undefined;
  /** Takes the answer to `next(cursor)`. Throws UnexpectedAnswer when the page contradicts the request. */
  advance(cursor: Cursor, page: Page, known: ReaderContext): ReaderStep<Cursor>;
  /** What must be known before `advance(cursor, page)`. Absent: nothing. */
  listLookups?(cursor: Cursor, page: Page): Lookup[];
  /** Where to go on when `next(cursor)` was answered 404: the thing vanished between list and read. Absent: a 404 is an error. */
  skipVanished?(cursor: Cursor): Cursor;
  /** Where to go on when the server refuses the checkpoint token in `next(cursor)` (older than 24 h). Absent: an error. */
  restart?(cursor: Cursor): Cursor;
  /** Whether the cursor is in a list that was begun again, so that `Known.delivered` matters. */
  isRestarted?(cursor: Cursor): boolean;
  /** Value of the stream's cursor field up to which everything has been delivered; undefined when nothing has. */
  readFrontier?(cursor: Cursor): string | undefined;
  /** The tenant's time at the first answer, ISO 8601, rounded up; undefined before it. */
  readStartedAt?(cursor: Cursor): string | undefined;
  /** The greatest key of a search, where that was asked for and there is one. */
  readEndKey?(cursor: Cursor): string | undefined;
  /** What is left of a search, as far as it can be told. */
  readRemainingRange?(cursor: Cursor): RemainingRange | undefined;
}

/** What the child lists of some parents are read with. */
export interface ChildReaderOptions {
  /** Child streams to fill. */
  streams: readonly string[];
  /** Ids of the parents. */
  parents: readonly string[];
  /** Rows of the side index; undefined when it is not needed or cannot be read. */
  sideIndex: readonly JsonObject[] | undefined;
  readOptions: ReadOptions;
}
