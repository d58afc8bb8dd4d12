import type { JsonObject } from '../json';

/** A field of a record that differs from the tenant's value; the names are Airbyte's (RECORD `meta.changes`). */
export interface FieldChange {
  field: string;
  change: 'NULLED' | 'TRUNCATED';
  reason: 'SOURCE_RETRIEVAL_ERROR' | 'SOURCE_FIELD_SIZE_LIMITATION' | 'SOURCE_SERIALIZATION_ERROR';
}

/**
 * One line of a segment: the body of an Airbyte record without the name of its stream. A sink inserts the text into a
 * message without parsing it, so the order of the keys is fixed.
 */
export interface StagedRecord {
  /** When the page was received, epoch ms. */
  emitted_at: number;
  data: JsonObject;
  meta?: { changes: FieldChange[] };
}

/**
 * Records in staging. The file may be longer than `bytes`, because an attempt that lost its lease can still append to its
 * own file. Readers stop at `bytes`.
 */
export interface Segment {
  /** The stream of the records, or the name of an index, which is never delivered. */
  stream: string;
  /** Relative to the staging root: `<run>/<fetch>.<attempt>.<stream>.jsonl`. */
  file: string;
  /** Length in bytes; the end of a line. */
  bytes: number;
  /** Lines in those bytes. */
  records: number;
}

/** The number of records in all segments. */
export function countRecords(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.records, 0);
}
