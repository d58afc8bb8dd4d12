import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../src/durable-fs';
import type { StagedRecord } from '../../src/staging/segment';
import {
  buildStreamFolderPath,
  type DataFile,
  DestinationUnreadable,
  readManifests,
} from '../../src/sinks/files/manifest';
import { translateDiskErrors } from '../../src/sinks/sink';

/** Body of a RECORD message. */
export interface AirbyteRecord extends StagedRecord {
  stream: string;
  namespace?: string;
}

/**
 * Reads the records of a files destination that count, stream by stream, in the order of their delivery.
 * Errors: DestinationUnavailable; DestinationUnreadable, also for a file that the manifest lists and that is not whole.
 */
export async function* readFilesDestination(directory: string): AsyncGenerator<AirbyteRecord, void> {
  for (const {
    stream: name,
    current: { files },
  } of await readManifests(directory)) {
    for (const file of files) {
      const handle = await openCompleteFile(directory, join(buildStreamFolderPath(directory, name), file.name), file);
      try {
        const lines = handle.readLines({ autoClose: false });
        for await (const line of lines) yield (JSON.parse(line) as { record: AirbyteRecord }).record;
      } finally {
        await handle.close();
      }
    }
  }
}

function openCompleteFile(directory: string, path: string, file: DataFile): Promise<FileHandle> {
  const advice = 'Restore it from a backup, or use an empty folder as the destination and sync again.';
  return translateDiskErrors(directory, async () => {
    try {
      const handle = await open(path, 'r');
      const { size } = await handle.stat();
      if (size === file.bytes) return handle;
      await handle.close();
      throw new DestinationUnreadable(path, `has ${size} bytes, but the manifest lists ${file.bytes}`, advice);
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new DestinationUnreadable(path, 'is missing, but the manifest lists it', advice);
    }
  });
}
