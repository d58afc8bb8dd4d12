import type { Segment } from './segment';

/** Where in a run the content of a segment belongs. */
export interface SegmentPlace {
  run: string;
  slice: string;
  attempt: number;
  /** Name of the stream or of the index. */
  stream: string;
}

/** Makes any name one part of a path that is no other name's; dots separate parts and lead out of folders. */
export function pathPartOf(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

/** Path of a segment's file, relative to the root: `<run>/<slice>.<attempt>.<stream>.jsonl`. */
export function fileOf({ run, slice, attempt, stream }: SegmentPlace): string {
  return `${pathPartOf(run)}/${pathPartOf(slice)}.${attempt}.${pathPartOf(stream)}.jsonl`;
}

const segmentName = /^[^./\\]+\.\d+\.[^./\\]+\.jsonl$/;
const segmentPath = /^[^./\\]+\/[^./\\]+\.\d+\.[^./\\]+\.jsonl$/;

/** True for the name of a file that only staging makes. */
export function isSegmentName(name: string): boolean {
  return segmentName.test(name);
}

/** True when the segment's path is of the form that `fileOf` gives, and so stays inside the root. */
export function isPlaced(segment: Segment): boolean {
  return segmentPath.test(segment.file);
}
