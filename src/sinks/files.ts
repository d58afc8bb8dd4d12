import { makeFolder } from '../staging/folder';
import type { Staging } from '../staging/staging';
import { removeTemporaries } from './atomic-file';
import { folderOf, removeLeftovers, writeDataFile } from './data-file';
import { atDestination } from './destination';
import { placeStep } from './fence';
import { beginRun, fileNameOf, takeStep, type CountedFile, type StreamEntry } from './manifest';
import { manifestName, openManifests, readManifests } from './manifest-file';
import type { Delivery, Sink } from './sink';
import { openStateFile, stateName } from './state-file';
import { summaryName, writeSummary } from './summary-file';
import { createTurns } from './turns';

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
  const manifests = openManifests(directory);
  const writeState = openStateFile(directory, manifests);
  const takeTurn = createTurns();

  await atDestination(directory, async () => {
    await makeFolder(directory);
    const held = await manifests.readAll();
    await removeTemporaries(directory, [stateName, summaryName]);
    await writeState();
    for (const manifest of held) await tidy(folderOf(directory, manifest.stream), manifest);
  });

  /** Replaces the manifest of the delivery's stream, unless the step has been taken, perhaps by another process. */
  async function change(delivery: Delivery, entryOf: (held: StreamEntry | undefined) => StreamEntry): Promise<void> {
    const manifest = manifests.of(delivery.stream.name);
    const held = await manifest.read();
    if (placeStep(delivery, held) === 'next') await manifest.write(entryOf(held));
  }

  async function writeRecords(delivery: Delivery): Promise<CountedFile | undefined> {
    const { run, sequence, segments, stream } = delivery;
    if (segments.every(({ records }) => records === 0)) return undefined;
    const manifest = manifests.of(stream.name);
    // A run owns the names of its generation only once the manifest says so: an older one could be at work on the same.
    if ((await manifest.read())?.run !== run) await change(delivery, (held) => beginRun(held, delivery));
    const { generation } = beginRun(await manifest.read(), delivery);
    return writeDataFile(folderOf(directory, stream.name), fileNameOf(generation, sequence), delivery, staging);
  }

  async function take(delivery: Delivery): Promise<void> {
    const { name } = delivery.stream;
    const manifest = manifests.of(name);
    if (placeStep(delivery, await manifest.read()) === 'next') {
      const file = await writeRecords(delivery);
      await change(delivery, (held) => takeStep(held, delivery, file));
    }
    await writeState();
    const held = await manifest.read();
    if (held && delivery.status) await tidy(folderOf(directory, name), held);
  }

  return {
    async loadState() {
      const held = await readManifests(directory);
      return Object.fromEntries(held.flatMap(({ stream, state }) => (state ? [[stream, state]] : [])));
    },
    deliver: (delivery, signal) => takeTurn(() => atDestination(directory, () => take(delivery)), signal),
    conclude: (summary) => takeTurn(() => atDestination(directory, () => writeSummary(directory, summary))),
    close: () => takeTurn(() => Promise.resolve()),
  };
}

async function tidy(folder: string, entry: StreamEntry): Promise<void> {
  await removeTemporaries(folder, [manifestName]);
  await removeLeftovers(folder, entry);
}
