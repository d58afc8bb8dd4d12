import { dirname, join } from 'node:path';
import { type FileHandle, open } from 'node:fs/promises';
import { createFolder, ifPresent, syncFolder, translateErrors } from '../durable-fs';
import { RollcallError } from '../errors';
import type { Json } from '../json';
import type { Segment, StagedRecord } from './segment';

/** A segment that a fetch made durable is missing or incomplete. */
export class StagingLost extends RollcallError {
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

/** The staging folder cannot be read or written at the moment. */
export class StagingUnavailable extends RollcallError {
  readonly failureType = 'transient_error';
  constructor(root: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`the staging folder ${root} cannot be used: ${what}.`, nextStep, options);
  }
}

/** Runs work on the staging folder. Errors of the file system become StagingUnavailable. */
export function translateStagingErrors<Result>(root: string, work: () => Promise<Result>): Promise<Result> {
  return translateErrors(root, StagingUnavailable, work);
}

/** Identifies a segment within all that is staged. */
export interface SegmentKey {
  run: string;
  fetchId: string;
  attempt: number;
  /** Name of the stream or of the index. */
  stream: string;
}

/** Encodes a name as one part of a path, without dots: they separate parts, and `..` leads out of a folder. */
export function encodePathPart(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

/** Path of a segment's file, relative to the root: `<run>/<fetch>.<attempt>.<stream>.jsonl`. */
function buildSegmentPath({ run, fetchId, attempt, stream }: SegmentKey): string {
  return `${encodePathPart(run)}/${encodePathPart(fetchId)}.${attempt}.${encodePathPart(stream)}.jsonl`;
}

/** Names of segments' files. */
export const segmentNamePattern = /^[^./\\]+\.\d+\.[^./\\]+\.jsonl$/;
const runPattern = /^[^./\\]+$/;

/** Whether the segment's path has the form that `buildSegmentPath` returns, and so is inside the root. */
export function hasSegmentPath({ file }: Segment): boolean {
  const [run = '', name = '', ...rest] = file.split('/');
  return runPattern.test(run) && segmentNamePattern.test(name) && rest.length === 0;
}

const readChunkBytes = 256 * 1024;
const lineEnd = 10;

/**
 * Reads the lines of a segment in batches, with at most a chunk and a line in memory. Checks the length of the file before
 * the first batch. Errors: StagingLost, StagingUnavailable.
 */
export async function* readLines(root: string, segment: Segment): AsyncGenerator<string[], void> {
  const handle = await openForReading(root, segment);
  try {
    const { size } = await translateStagingErrors(root, () => handle.stat());
    if (size < segment.bytes) throw new StagingLost(segment, `has ${size} of its ${segment.bytes} bytes`);
    const chunk = Buffer.allocUnsafe(Math.min(readChunkBytes, segment.bytes));
    let partialLine: Buffer[] = [];
    let records = 0;
    for (let position = 0; position < segment.bytes;) {
      const length = Math.min(chunk.length, segment.bytes - position);
      const { bytesRead } = await translateStagingErrors(root, () => handle.read(chunk, 0, length, position));
      if (bytesRead === 0) throw new StagingLost(segment, 'was truncated while it was read');
      position += bytesRead;
      const read = chunk.subarray(0, bytesRead);
      const end = read.lastIndexOf(lineEnd);
      if (end >= 0) {
        const lines = Buffer.concat([...partialLine, read.subarray(0, end)])
          .toString()
          .split('\n');
        records += lines.length;
        partialLine = [];
        yield lines;
      }
      if (end + 1 < bytesRead) partialLine.push(Buffer.from(read.subarray(end + 1)));
    }
    if (partialLine.length > 0 || records !== segment.records) {
      throw new StagingLost(segment, `does not contain the ${segment.records} lines written to it`);
    }
  } finally {
    await handle.close();
  }
}

async function openForReading(root: string, segment: Segment): Promise<FileHandle> {
  if (!hasSegmentPath(segment)) throw new StagingLost(segment, 'has a path outside the staging layout');
  const handle = await translateStagingErrors(root, () => ifPresent(open(join(root, segment.file), 'r')));
  if (!handle) throw new StagingLost(segment, 'is missing');
  return handle;
}

/** Writes the segment of one attempt. Calls must not overlap. */
export interface SegmentWriter {
  /** Approximate bytes of all lines: counts characters for lines that are not written yet. */
  readonly size: number;
  /** Appends records, or values of an index. They become durable with the next commit. */
  append(lines: readonly (StagedRecord | Json)[]): Promise<void>;
  /** Makes all lines durable and returns the segment. Without new lines it only returns the segment. */
  commit(): Promise<Segment>;
  /** Closes the file. Lines that were not committed are not part of the segment. */
  close(): Promise<void>;
}

/** Characters collected before a write. */
const writeBatchLength = 256 * 1024;

/** Creates the file of an attempt, or empties it. Errors: StagingUnavailable. */
export function openSegment(root: string, key: SegmentKey): Promise<SegmentWriter> {
  return translateStagingErrors(root, async () => {
    const file = buildSegmentPath(key);
    const path = join(root, file);
    await createFolder(dirname(path));
    const handle = await open(path, 'w');
    let pending = '';
    let records = 0;
    let bytes = 0;
    let durableBytes = 0;

    /** Writes after the last complete write: a repeated write overwrites the failed one and leaves no partial line. */
    async function write(): Promise<void> {
      const batch = Buffer.from(pending);
      for (let written = 0; written < batch.length;) {
        written += (await handle.write(batch, written, batch.length - written, bytes + written)).bytesWritten;
      }
      bytes += batch.length;
      pending = '';
    }

    async function append(lines: readonly (StagedRecord | Json)[]): Promise<void> {
      for (const line of lines) {
        pending += `${JSON.stringify(line)}\n`;
        records += 1;
        if (pending.length >= writeBatchLength) await write();
      }
    }

    async function commit(): Promise<Segment> {
      if (pending !== '') await write();
      if (bytes > durableBytes) {
        await handle.datasync();
        if (durableBytes === 0) await syncFolder(dirname(path));
        durableBytes = bytes;
      }
      return { stream: key.stream, file, bytes, records };
    }

    return {
      get size() {
        return bytes + pending.length;
      },
      append: (lines) => translateStagingErrors(root, () => append(lines)),
      commit: () => translateStagingErrors(root, commit),
      close: () => translateStagingErrors(root, () => handle.close()),
    };
  });
}
