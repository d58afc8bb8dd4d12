import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { recordEnvelope } from '../airbyte/messages';
import { isMissing } from '../staging/disk-trouble';
import { makeFolder } from '../staging/folder';
import { pathPartOf } from '../staging/place';
import type { Staging } from '../staging/staging';
import { writeAtomically } from './atomic-file';
import { filesOf, type CountedFile, type StreamEntry } from './manifest';
import type { Delivery } from './sink';

/** The folder of a stream's files. */
export function folderOf(directory: string, stream: string): string {
  return join(directory, pathPartOf(stream));
}

/** Writes the records of a step as RECORD messages, one a line; durable when it answers. */
export async function writeDataFile(
  folder: string,
  name: string,
  { stream, segments }: Delivery,
  staging: Staging,
): Promise<CountedFile> {
  await makeFolder(folder);
  const envelop = recordEnvelope(stream);
  let records = 0;
  const { size } = await writeAtomically(join(folder, name), async (handle) => {
    for (const segment of segments) {
      for await (const lines of staging.lines(segment)) {
        await handle.writeFile(lines.map(envelop).join(''));
        records += lines.length;
      }
    }
  });
  return { name, records, bytes: Number(size) };
}

const placePattern = /^\.?(\d+)-(\d+)\.jsonl(?:\.[\w-]+\.tmp)?$/;

/**
 * Deletes files of a stream that don't count: of runs and steps that are past. Files of the step to come stay, since
 * another process may be about to commit it; a repeated step replaces them.
 */
export async function removeLeftovers(folder: string, entry: StreamEntry): Promise<void> {
  const counted = new Set(filesOf(entry).map(({ name }) => name));
  for (const name of await list(folder)) {
    const [, generation, sequence] = placePattern.exec(name) ?? [];
    if (generation === undefined || counted.has(name)) continue;
    const behind = Number(generation) - entry.generation || Number(sequence) - entry.sequence;
    if (behind <= 0) await rm(join(folder, name), { force: true });
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
