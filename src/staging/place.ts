import type { Segment } from './segment';

/** Where in a run the content of a segment belongs. */
export interface SegmentKey {
  run: string;
  fetchId: string;
  attempt: number;
  /** Name of the stream or of the index. */
  stream: string;
}

/** Makes any name one part of a path that is no other name's; dots separate parts and lead out of folders. */
export function encodePathPart(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

/** Path of a segment's file, relative to the root: `<run>/<slice>.<attempt>.<stream>.jsonl`. */
export function buildSegmentPath({ run, fetchId, attempt, stream }: SegmentKey): string {
  return `${encodePathPart(run)}/${encodePathPart(fetchId)}.${attempt}.${encodePathPart(stream)}.jsonl`;
}

const segmentNamePattern = /^[^./\\]+\.\d+\.[^./\\]+\.jsonl$/;
const segmentPathPattern = /^[^./\\]+\/[^./\\]+\.\d+\.[^./\\]+\.jsonl$/;

/** True for the name of a file that only staging makes. */
export function isSegmentName(name: string): boolean {
  return segmentNamePattern.test(name);
}

/** True when the segment's path is of the form that `fileOf` gives, and so stays inside the root. */
export function hasSegmentPath(segment: Segment): boolean {
  return segmentPathPattern.test(segment.file);
}
