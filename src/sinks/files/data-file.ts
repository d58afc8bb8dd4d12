import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRecordFormatter } from '../../airbyte/messages';
import { createFolder, isMissing, writeFileAtomically } from '../../durable-fs';
import { encodePathPart } from '../../staging/segment-io';
import type { Staging } from '../../staging/staging';
import type { Delivery } from '../sink';
import { type DataFile, listDataFiles, type ManifestEntry } from './manifest';

/** The folder of a stream's files. */
export function buildStreamFolderPath(directory: string, stream: string): string {
  return join(directory, encodePathPart(stream));
}

/** Writes the records of a step as RECORD messages, one a line; durable when it answers. */
export async function writeDataFile(
  folder: string,
  name: string,
  { stream, segments }: Delivery,
  staging: Staging,
): Promise<DataFile> {
  await createFolder(folder);
  const envelop = createRecordFormatter(stream);
  let records = 0;
  const { size } = await writeFileAtomically(join(folder, name), async (handle) => {
    for (const segment of segments) {
      for await (const lines of staging.readLines(segment)) {
        await handle.writeFile(lines.map(envelop).join(''));
        records += lines.length;
      }
    }
  });
  return { name, records, bytes: Number(size) };
}

const dataFilePattern = /^\.?(\d+)-(\d+)\.jsonl(?:\.[\w-]+\.tmp)?$/;

/**
 * Deletes files of a stream that don't count: of runs and steps that are past. Files of the step to come stay, since
 * another process may be about to commit it; a repeated step replaces them.
 */
export async function removeStaleFiles(folder: string, entry: ManifestEntry): Promise<void> {
  const counted = new Set(listDataFiles(entry).map(({ name }) => name));
  for (const name of await listFolder(folder)) {
    const [, generation, sequence] = dataFilePattern.exec(name) ?? [];
    if (generation === undefined || counted.has(name)) continue;
    const behind = Number(generation) - entry.generation || Number(sequence) - entry.sequence;
    if (behind <= 0) await rm(join(folder, name), { force: true });
  }
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
