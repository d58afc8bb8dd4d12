import type { JsonObject } from '../../json';

/** What one page did to a cursor. */
export interface Progress<Cursor> {
  cursor: Cursor;
  /** Rows that had not been delivered before, in the page's order. */
  fresh: JsonObject[];
  /** Rows left out because they had been. */
  repeated: number;
}
