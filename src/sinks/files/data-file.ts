import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRecordFormatter } from '../../airbyte/messages';
import { createFolder, ifPresent, writeFileAtomically } from '../../durable-fs';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import { type DataFile, listDataFiles, type Manifest } from './manifest';

/** Writes the records of a delivery as RECORD messages, one a line. The file is durable when the promise resolves. */
export async function writeDataFile(
  folder: string,
  name: string,
  { stream, segments }: Delivery,
  staging: Staging,
): Promise<DataFile> {
  await createFolder(folder);
  const formatRecord = createRecordFormatter(stream);
  let records = 0;
  const { size } = await writeFileAtomically(join(folder, name), async (handle) => {
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        await handle.writeFile(lines.map(formatRecord).join(''));
        records += lines.length;
      }
    }
  });
  return { name, records, bytes: Number(size) };
}

const dataFilePattern = /^\.?(\d+)-(\d+)\.jsonl(?:\.[\w-]+\.tmp)?$/;

/**
 * Deletes unlisted files of past runs and deliveries. Files of the next delivery stay, because another process may be
 * about to commit them; a repeated delivery replaces them.
 */
export async function removeStaleFiles(folder: string, manifest: Manifest): Promise<void> {
  const listed = new Set(listDataFiles(manifest).map(({ name }) => name));
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const [, runNumber, sequence] = dataFilePattern.exec(name) ?? [];
    if (runNumber === undefined || listed.has(name)) continue;
    const distance = Number(runNumber) - manifest.runNumber || Number(sequence) - manifest.sequence;
    if (distance <= 0) await rm(join(folder, name), { force: true });
  }
}
