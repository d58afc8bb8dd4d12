import type { Json } from '../json';
import { atStaging } from './errors';
import { removeRun, removeSegments, sweepRuns } from './leftovers';
import type { SegmentPlace } from './place';
import type { Segment } from './segment';
import { readLines } from './segment-reader';
import { openSegment, type SegmentWriter } from './segment-writer';

export type { SegmentPlace, SegmentWriter };

/**
 * Where records wait between fetch and delivery: a folder that every worker of a task queue shares. Each attempt at a
 * slice has files of its own, so one that lost its lease disturbs nobody.
 * Every method may throw StagingUnavailable (another attempt may help); reading also StagingLost (none will).
 */
export interface Staging {
  /** Opens the segment of an attempt; what the same attempt wrote before is dropped. */
  open(place: SegmentPlace): Promise<SegmentWriter>;
  /** The lines of a segment, without their line ends, in batches. */
  lines(segment: Segment): AsyncIterable<string[]>;
  /** The parsed lines of a segment, all at once: for an index, which is small. */
  values(segment: Segment): Promise<Json[]>;
  /** Deletes segments that are delivered. */
  remove(segments: readonly Segment[]): Promise<void>;
  /** Deletes all that a run has staged. */
  removeRun(run: string): Promise<void>;
  /** Deletes runs untouched for `olderThanMs` milliseconds at `now` (epoch ms); answers their folders' names. */
  sweep(olderThanMs: number, now: number): Promise<string[]>;
}

/** @param root a folder; made when the first segment is */
export function createStaging(root: string): Staging {
  return {
    open: (place) => openSegment(root, place),
    lines: (segment) => readLines(root, segment),
    async values(segment) {
      const values: Json[] = [];
      for await (const lines of readLines(root, segment)) {
        for (const line of lines) values.push(JSON.parse(line) as Json);
      }
      return values;
    },
    remove: (segments) => atStaging(root, () => removeSegments(root, segments)),
    removeRun: (run) => atStaging(root, () => removeRun(root, run)),
    sweep: (olderThanMs, now) => atStaging(root, () => sweepRuns(root, olderThanMs, now)),
  };
}
