import { dirname, join } from 'node:path';
import { type FileHandle, open } from 'node:fs/promises';
import { createFolder, explainDiskError, isMissing, syncFolder } from '../durable-fs';
import { RollcallError } from '../errors';
import type { IndexLine, Segment, StagedRecord } from './segment';

/** A segment that a slice made durable is not there any more, or not whole. */
export class StagingLost extends RollcallError {
  override readonly name = 'StagingLost';
  readonly failureType = 'system_error';
  /** Another attempt may have made the delivery already: then nothing is in staging, and nothing is needed. */
  override get retryable(): boolean {
    return true;
  }
  constructor(segment: Segment, what: string) {
    super(
      `the staged segment ${segment.file} ${what}. All workers of the task queue must share one staging folder, ` +
        'and nothing else may delete files from it during a sync.',
      'Check the folder, then run the sync again.',
    );
  }
}

/** The staging folder cannot be written or read now. */
export class StagingUnavailable extends RollcallError {
  override readonly name = 'StagingUnavailable';
  readonly failureType = 'transient_error';
  constructor(root: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the staging folder ${root} cannot be used: ${what}.`, nextStep, options);
  }
}

/** Does some disk work; errors of the system become StagingUnavailable. */
export async function translateStagingErrors<Result>(root: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const trouble = explainDiskError(error);
    if (!trouble) throw error;
    throw new StagingUnavailable(root, trouble.what, trouble.nextStep, { cause: error });
  }
}

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

const readChunkBytes = 256 * 1024;
const lineEnd = 10;

/**
 * Reads the lines of a segment, many at a time for speed, and never more of the file than a chunk and a line.
 * Nothing is given out before the file is known to be long enough. Errors: StagingLost, StagingUnavailable.
 */
export async function* readLines(root: string, segment: Segment): AsyncGenerator<string[], void> {
  const handle = await openForReading(root, segment);
  try {
    const { size } = await translateStagingErrors(root, () => handle.stat());
    if (size < segment.bytes) throw new StagingLost(segment, `has ${size} of its ${segment.bytes} bytes`);
    const chunk = Buffer.allocUnsafe(Math.min(readChunkBytes, segment.bytes));
    let unended: Buffer[] = [];
    let records = 0;
    for (let position = 0; position < segment.bytes;) {
      const wanted = Math.min(chunk.length, segment.bytes - position);
      const { bytesRead } = await translateStagingErrors(root, () => handle.read(chunk, 0, wanted, position));
      if (bytesRead === 0) throw new StagingLost(segment, 'was truncated while it was read');
      position += bytesRead;
      const read = chunk.subarray(0, bytesRead);
      const end = read.lastIndexOf(lineEnd);
      if (end >= 0) {
        const lines = Buffer.concat([...unended, read.subarray(0, end)])
          .toString()
          .split('\n');
        records += lines.length;
        unended = [];
        yield lines;
      }
      if (end + 1 < bytesRead) unended.push(Buffer.from(read.subarray(end + 1)));
    }
    if (unended.length > 0 || records !== segment.records) {
      throw new StagingLost(segment, `does not contain the ${segment.records} lines written to it`);
    }
  } finally {
    await handle.close();
  }
}

async function openForReading(root: string, segment: Segment): Promise<FileHandle> {
  if (!hasSegmentPath(segment)) throw new StagingLost(segment, 'has a path outside the staging layout');
  return translateStagingErrors(root, async () => {
    try {
      return await open(join(root, segment.file), 'r');
    } catch (error) {
      throw isMissing(error) ? new StagingLost(segment, 'is missing') : error;
    }
  });
}

/** Writes the segment of one attempt. One call at a time. */
export interface SegmentWriter {
  /** Bytes of all lines so far, about: characters stand for those that are not written yet. */
  readonly size: number;
  /** Takes lines; not durable yet. */
  append(lines: readonly (StagedRecord | IndexLine)[]): Promise<void>;
  /** Makes all lines so far durable, and answers the segment that they form. Does nothing when none came since. */
  commit(): Promise<Segment>;
  /** Lets go of the file; lines that were not committed do not count. */
  close(): Promise<void>;
}

/** Characters gathered before they are written. */
const writeBatchLength = 256 * 1024;

/** Opens the file of an attempt, and empties it when it is there. Errors: StagingUnavailable. */
export function openSegment(root: string, key: SegmentKey): Promise<SegmentWriter> {
  return translateStagingErrors(root, async () => {
    const file = buildSegmentPath(key);
    const path = join(root, file);
    await createFolder(dirname(path));
    const handle = await open(path, 'w');
    let waiting = '';
    let records = 0;
    let bytes = 0;
    let durableBytes = 0;

    /** Writes at the place where the last whole write ended, so that repeating a failed one leaves no torn line. */
    async function write(): Promise<void> {
      const batch = Buffer.from(waiting);
      for (let done = 0; done < batch.length;) {
        done += (await handle.write(batch, done, batch.length - done, bytes + done)).bytesWritten;
      }
      bytes += batch.length;
      waiting = '';
    }

    async function append(lines: readonly (StagedRecord | IndexLine)[]): Promise<void> {
      for (const line of lines) {
        waiting += `${JSON.stringify(line)}\n`;
        records += 1;
        if (waiting.length >= writeBatchLength) await write();
      }
    }

    async function commit(): Promise<Segment> {
      if (waiting !== '') await write();
      if (bytes > durableBytes) {
        await handle.datasync();
        if (durableBytes === 0) await syncFolder(dirname(path));
        durableBytes = bytes;
      }
      return { stream: key.stream, file, bytes, records };
    }

    return {
      get size() {
        return bytes + waiting.length;
      },
      append: (lines) => translateStagingErrors(root, () => append(lines)),
      commit: () => translateStagingErrors(root, commit),
      close: () => translateStagingErrors(root, () => handle.close()),
    };
  });
}
