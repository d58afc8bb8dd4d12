import type { Json, JsonObject } from '../json';

/** A field of a record that is not what the tenant holds; the names are Airbyte's (RECORD `meta.changes`). */
export interface FieldChange {
  field: string;
  change: 'NULLED' | 'TRUNCATED';
  reason: 'SOURCE_RETRIEVAL_ERROR' | 'SOURCE_FIELD_SIZE_LIMITATION' | 'SOURCE_SERIALIZATION_ERROR';
}

/**
 * One line of a segment: an Airbyte record's body without its stream's name, in this key order, so that a sink can
 * splice it into an envelope without parsing it.
 */
export interface StagedRecord {
  /** When the page was received, epoch ms. */
  emitted_at: number;
  data: JsonObject;
  meta?: { changes: FieldChange[] };
}

/**
 * A run of records in staging. The file may be longer than `bytes`: an attempt that lost its lease can still append to
 * its own file; nothing past `bytes` counts.
 */
export interface Segment {
  /** Stream whose records these are, or the name of an index that is never delivered. */
  stream: string;
  /** Relative to the staging root: `<run>/<slice>.<attempt>.<stream>.jsonl`. Follows from the content's place only. */
  file: string;
  /** Length that counts, in bytes; always ends at a line's end. */
  bytes: number;
  /** Lines in those bytes. */
  records: number;
}

/** Value of an index line: what later slices look up (organization ids, role descriptions). */
export type IndexLine = Json;

/** Records in all of the segments. */
export function countRecords(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.records, 0);
}
