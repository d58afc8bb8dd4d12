import { z } from 'zod';
import { join } from 'node:path';
import { createSerialQueue } from '../../async';
import { createFolder, removeTemporaryFiles, writeFileAtomically } from '../../durable-fs';
import type { RunSummary } from '../../protocol';
import type { Staging } from '../../staging/staging';
import { translateDiskErrors } from '../destination';
import { checkSequence } from '../sequence';
import type { Delivery, Sink } from '../sink';
import { buildStreamFolderPath, removeStaleFiles, writeDataFile } from './data-file';
import {
  applyDeliveryToManifest,
  beginManifestRun,
  type DataFile,
  formatDataFileName,
  type ManifestEntry,
} from './manifest';
import { manifestFileName, openManifestFiles, readFileIfPresent, readManifests } from './manifest-file';
import { createStateFileWriter, stateFileName } from './state-store';

export const summaryFileName = 'summary.json';

/** What a summary of ours has whatever the version: enough to tell whose run it is of. */
const storedSummarySchema = z.object({
  run: z.string(),
  status: z.string(),
  verdict: z.string(),
  streams: z.array(z.unknown()),
});

/**
 * Makes the summary the destination's `summary.json`, whole and with all that the caller's object carries, unless the
 * one there is of a later run. What is no summary gives way: nothing depends on it, and each run brings a new one.
 */
export async function writeSummaryFile(directory: string, summary: RunSummary): Promise<void> {
  const path = join(directory, summaryFileName);
  const held = parseSummaryRun(await readFileIfPresent(path));
  if (held !== undefined && held > summary.run) return;
  // One of the same run is written again: its name may not have been made durable before a crash.
  await writeFileAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(summary, undefined, 2)}\n`));
}

/** The run that a summary is of; undefined when the text is no summary. */
function parseSummaryRun(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return storedSummarySchema.safeParse(JSON.parse(text)).data?.run;
  } catch {
    return undefined;
  }
}

export interface FilesSinkOptions {
  /** Made when it is missing. */
  directory: string;
  staging: Staging;
}

/**
 * A sink that writes JSON Lines: a folder for each stream, in it a file for each step that brought records and
 * `manifest.json`, which says what counts; beside the folders `state.json`, and `summary.json` of the newest run that has
 * ended. A step is taken at the instant at which the new manifest is renamed into its place; what a crash leaves before
 * that does not count, and is written again.
 * Opening repairs what a crash has left after it. Of two processes the one with the older run is refused.
 * Errors: DestinationUnavailable, DestinationUnreadable, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 */
export async function createFilesSink({ directory, staging }: FilesSinkOptions): Promise<Sink> {
  const manifests = openManifestFiles(directory);
  const writeState = createStateFileWriter(directory, manifests);
  const takeTurn = createSerialQueue();

  await translateDiskErrors(directory, async () => {
    await createFolder(directory);
    const held = await manifests.readAll();
    await removeTemporaryFiles(directory, [stateFileName, summaryFileName]);
    await writeState();
    for (const manifest of held) await cleanUpStreamFolder(buildStreamFolderPath(directory, manifest.stream), manifest);
  });

  /** Replaces the manifest of the delivery's stream, unless the step has been taken, perhaps by another process. */
  async function change(
    delivery: Delivery,
    entryOf: (held: ManifestEntry | undefined) => ManifestEntry,
  ): Promise<void> {
    const manifest = manifests.open(delivery.stream.name);
    const held = await manifest.read();
    if (checkSequence(delivery, held) === 'next') await manifest.write(entryOf(held));
  }

  async function writeRecords(delivery: Delivery): Promise<DataFile | undefined> {
    const { run, sequence, segments, stream } = delivery;
    if (segments.every(({ records }) => records === 0)) return undefined;
    const manifest = manifests.open(stream.name);
    // A run owns the names of its generation only once the manifest says so: an older one could be at work on the same.
    if ((await manifest.read())?.run !== run) await change(delivery, (held) => beginManifestRun(held, delivery));
    const { generation } = beginManifestRun(await manifest.read(), delivery);
    return writeDataFile(
      buildStreamFolderPath(directory, stream.name),
      formatDataFileName(generation, sequence),
      delivery,
      staging,
    );
  }

  async function take(delivery: Delivery): Promise<void> {
    const { name } = delivery.stream;
    const manifest = manifests.open(name);
    if (checkSequence(delivery, await manifest.read()) === 'next') {
      const file = await writeRecords(delivery);
      await change(delivery, (held) => applyDeliveryToManifest(held, delivery, file));
    }
    await writeState();
    const held = await manifest.read();
    if (held && delivery.status) await cleanUpStreamFolder(buildStreamFolderPath(directory, name), held);
  }

  return {
    async loadState() {
      const held = await readManifests(directory);
      return Object.fromEntries(held.flatMap(({ stream, state }) => (state ? [[stream, state]] : [])));
    },
    deliver: (delivery, signal) => takeTurn(() => translateDiskErrors(directory, () => take(delivery)), signal),
    writeSummary: (summary) =>
      takeTurn(() => translateDiskErrors(directory, () => writeSummaryFile(directory, summary))),
    close: () => takeTurn(() => Promise.resolve()),
  };
}

async function cleanUpStreamFolder(folder: string, entry: ManifestEntry): Promise<void> {
  await removeTemporaryFiles(folder, [manifestFileName]);
  await removeStaleFiles(folder, entry);
}
