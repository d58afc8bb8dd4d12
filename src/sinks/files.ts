import { createFolder } from '../staging/folder';
import type { Staging } from '../staging/staging';
import { removeTemporaryFiles } from './atomic-file';
import { buildStreamFolderPath, removeStaleFiles, writeDataFile } from './data-file';
import { translateDiskErrors } from './destination';
import { checkSequence } from './fence';
import { beginManifestRun, formatDataFileName, applyDeliveryToManifest, type DataFile, type ManifestEntry } from './manifest';
import { manifestFileName, openManifestFiles, readManifests } from './manifest-file';
import type { Delivery, Sink } from './sink';
import { createStateFileWriter, stateFileName } from './state-file';
import { summaryFileName, writeSummaryFile } from './summary-file';
import { createSerialQueue } from './turns';

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
 * Errors: DestinationUnavailable, DestinationUnreadable, StagingLost, StagingUnavailable, StaleDelivery, StepsMissing.
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
  async function change(delivery: Delivery, entryOf: (held: ManifestEntry | undefined) => ManifestEntry): Promise<void> {
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
    return writeDataFile(buildStreamFolderPath(directory, stream.name), formatDataFileName(generation, sequence), delivery, staging);
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
    writeSummary: (summary) => takeTurn(() => translateDiskErrors(directory, () => writeSummaryFile(directory, summary))),
    close: () => takeTurn(() => Promise.resolve()),
  };
}

async function cleanUpStreamFolder(folder: string, entry: ManifestEntry): Promise<void> {
  await removeTemporaryFiles(folder, [manifestFileName]);
  await removeStaleFiles(folder, entry);
}
