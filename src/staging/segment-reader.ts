import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './disk-trouble';
import { translateStagingErrors, StagingLost } from './errors';
import { hasSegmentPath } from './place';
import type { Segment } from './segment';

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
      if (bytesRead === 0) throw new StagingLost(segment, 'was cut while it was read');
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
      throw new StagingLost(segment, `does not hold the ${segment.records} lines that were written to it`);
    }
  } finally {
    await handle.close();
  }
}

async function openForReading(root: string, segment: Segment): Promise<FileHandle> {
  if (!hasSegmentPath(segment)) throw new StagingLost(segment, 'has a path that staging never gives');
  return translateStagingErrors(root, async () => {
    try {
      return await open(join(root, segment.file), 'r');
    } catch (error) {
      throw isMissing(error) ? new StagingLost(segment, 'is missing') : error;
    }
  });
}
