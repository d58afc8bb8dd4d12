import { createHash } from 'node:crypto';
import type { JsonObject } from '../../json';

/** What one page did to a cursor. */
export interface PageStep<Cursor> {
  cursor: Cursor;
  /** Rows that had not been delivered before, in the page's order. */
  fresh: JsonObject[];
  /** Rows left out because they had been. */
  repeated: number;
  /** What else there is to say of the page; absent counts are 0. */
  notes?: PageNotes;
}

export interface PageNotes {
  /** Rows that a search announced in its total and then did not show. */
  missed?: number;
  /** Timestamps found to be shared by more users than a page holds. */
  ties?: number;
  /** Parts that a block of users was split into. */
  splits?: number;
}

/** 64 bits of an id's SHA-256, base64url: enough to tell the rows of one list apart, and nobody's data. */
export function computeFingerprint(row: JsonObject, key: string): string {
  return createHash('sha256')
    .update(row[key] as string)
    .digest()
    .subarray(0, 8)
    .toString('base64url');
}
