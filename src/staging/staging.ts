import type { Json } from '../json';
import { removeRun, removeSegments, removeStaleRuns } from './cleanup';
import type { Segment } from './segment';
import { openSegment, readLines, type SegmentKey, type SegmentWriter, translateStagingErrors } from './segment-io';

export type { SegmentKey as SegmentPlace, SegmentWriter };

/**
 * Where records wait between fetch and delivery: a folder that every worker of a task queue shares. Each attempt at a
 * slice has files of its own, so one that lost its lease disturbs nobody.
 * Every method may throw StagingUnavailable (another attempt may help); reading also StagingLost (none will).
 */
export interface Staging {
  /** Opens the segment of an attempt; what the same attempt wrote before is dropped. */
  open(place: SegmentKey): Promise<SegmentWriter>;
  /** The lines of a segment, without their line ends, in batches. */
  readLines(segment: Segment): AsyncIterable<string[]>;
  /** The parsed lines of a segment, all at once: for an index, which is small. */
  readValues(segment: Segment): Promise<Json[]>;
  /** Deletes segments that are delivered. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Deletes all that a run has staged. */
  removeRun(run: string): Promise<void>;
  /** Deletes runs untouched for `olderThanMs` milliseconds at `now` (epoch ms); answers their folders' names. */
  removeStaleRuns(olderThanMs: number, now: number): Promise<string[]>;
}

/** @param root a folder; made when the first segment is */
export function createStaging(root: string): Staging {
  return {
    open: (place) => openSegment(root, place),
    readLines: (segment) => readLines(root, segment),
    async readValues(segment) {
      const values: Json[] = [];
      for await (const lines of readLines(root, segment)) {
        for (const line of lines) values.push(JSON.parse(line) as Json);
      }
      return values;
    },
    remove: (segments) => translateStagingErrors(root, () => removeSegments(root, segments)),
    removeRun: (run) => translateStagingErrors(root, () => removeRun(root, run)),
    removeStaleRuns: (olderThanMs, now) => translateStagingErrors(root, () => removeStaleRuns(root, olderThanMs, now)),
  };
}
