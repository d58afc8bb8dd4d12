import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { translateStagingErrors } from './errors';
import { createFolder, syncFolder } from './folder';
import { buildSegmentPath, type SegmentKey } from './place';
import type { IndexLine, Segment, StagedRecord } from './segment';

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
