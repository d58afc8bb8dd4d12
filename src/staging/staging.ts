import type { Json } from '../json';
import { removeRun, removeSegments, removeStaleRuns } from './cleanup';
import type { Segment } from './segment';
import { openSegment, readLines, type SegmentKey, type SegmentWriter, translateStagingErrors } from './segment-io';

/**
 * The folder where records wait between fetch and delivery. All workers of a task queue share it. Each attempt at a fetch
 * has its own files, so one that lost its lease cannot change the files of another.
 * Every method may throw StagingUnavailable (another attempt may succeed); reading may also throw StagingLost.
 */
export interface Staging {
  /** Opens the segment of an attempt. Drops what the same attempt wrote before. */
  open(key: SegmentKey): Promise<SegmentWriter>;
  /** Reads the lines of a segment in batches, without line ends. */
  readLines(segment: Segment): AsyncIterable<string[]>;
  /** Reads and parses all lines of a segment at once; for an index, which is small. */
  readValues(segment: Segment): Promise<Json[]>;
  /** Deletes segments after their delivery. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Deletes all segments of a run. */
  removeRun(run: string): Promise<void>;
  /** Deletes runs not written to for `olderThanMs` before `now` (epoch ms). Returns the names of their folders. */
  removeStaleRuns(olderThanMs: number, now: number): Promise<string[]>;
}

/** @param root a folder, created with the first segment */
export function createStaging(root: string): Staging {
  return {
    open: (key) => openSegment(root, key),
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
