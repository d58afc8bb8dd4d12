import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '../../json';
import { normaliseTimestamp } from '../../timestamp';

/** A count in a cursor. Cursors are saved in states, which users may edit. */
export const countSchema = z.int().min(0);

/** A time in a cursor. */
export const timeSchema = z.string().refine((text) => normaliseTimestamp(text) !== undefined);

/** The result of reading one page. */
export interface PageStep<Cursor> {
  cursor: Cursor;
  /** Rows that were not delivered before, in the page's order. */
  fresh: JsonObject[];
  /** Number of rows left out because they were delivered before. */
  repeated: number;
  /** Absent counts are 0. */
  notes?: PageNotes;
}

export interface PageNotes {
  /** Rows that the search announced in its total and did not return. */
  missed?: number;
  /** Timestamps shared by more users than a page can return. */
  ties?: number;
  /** Parts that a block of users was split into. */
  splits?: number;
}

/** The first 64 bits of an id's SHA-256, base64url. It distinguishes the rows of one list and contains no personal data. */
export function computeFingerprint(row: JsonObject, key: string): string {
  return createHash('sha256')
    .update(row[key] as string)
    .digest()
    .subarray(0, 8)
    .toString('base64url');
}

/** Returns the rows whose fingerprint is not in `delivered`, and adds theirs to it. */
export function selectFresh(rows: readonly JsonObject[], key: string, delivered: Set<string>): JsonObject[] {
  return rows.filter((row) => {
    const fingerprint = computeFingerprint(row, key);
    return !delivered.has(fingerprint) && delivered.add(fingerprint);
  });
}
