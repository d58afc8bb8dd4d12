import { makeFolder } from '../staging/folder';
import type { Staging } from '../staging/staging';
import { removeTemporaries } from './atomic-file';
import { folderOf, removeLeftovers, writeDataFile } from './data-file';
import { atDestination } from './destination';
import { placeStep } from './fence';
import { beginRun, fileNameOf, takeStep, type CountedFile, type StreamEntry } from './manifest';
import { manifestName, openManifest } from './manifest-file';
import type { Delivery, Sink } from './sink';
import { openStateFile, stateName } from './state-file';
import { createTurns } from './turns';

export interface FilesSinkOptions {
  /** Made when it is missing. */
  directory: string;
  staging: Staging;
}

/**
 * A sink that writes JSON Lines: a folder for each stream, in it a file for each step that brought records, and beside
 * the folders `manifest.json`, which says what counts, and `state.json`. A step is taken at the instant at which the
 * new manifest is renamed into its place; what a crash leaves before that does not count, and is written again.
 * Opening repairs what a crash has left after it. Of two processes the one with the older run is refused.
 * Errors: DestinationUnavailable, DestinationUnreadable, StagingLost, StagingUnavailable, StaleDelivery, StepsMissing.
 */
export async function createFilesSink({ directory, staging }: FilesSinkOptions): Promise<Sink> {
  const manifestFile = openManifest(directory);
  const takeTurn = createTurns();

  const writeState = await atDestination(directory, async () => {
    await makeFolder(directory);
    const manifest = await manifestFile.read();
    await removeTemporaries(directory, [manifestName, stateName]);
    const write = await openStateFile(directory);
    await write(manifest);
    for (const [name, entry] of Object.entries(manifest.streams)) {
      await removeLeftovers(folderOf(directory, name), entry);
    }
    return write;
  });

  /** Replaces the entry of the delivery's stream, unless the step has been taken, perhaps by another process. */
  async function change(delivery: Delivery, entryOf: (held: StreamEntry | undefined) => StreamEntry): Promise<void> {
    const manifest = await manifestFile.read();
    const { name } = delivery.stream;
    const held = manifest.streams[name];
    if (placeStep(delivery, held) === 'taken') return;
    await manifestFile.write({ ...manifest, streams: { ...manifest.streams, [name]: entryOf(held) } });
  }

  async function writeRecords(delivery: Delivery): Promise<CountedFile | undefined> {
    const { run, sequence, segments, stream } = delivery;
    if (segments.every(({ records }) => records === 0)) return undefined;
    const entryOf = async () => (await manifestFile.read()).streams[stream.name];
    // A run owns the names of its generation only once the manifest says so: an older one could be at work on the same.
    if ((await entryOf())?.run !== run) await change(delivery, (held) => beginRun(held, delivery));
    const { generation } = beginRun(await entryOf(), delivery);
    return writeDataFile(folderOf(directory, stream.name), fileNameOf(generation, sequence), delivery, staging);
  }

  async function take(delivery: Delivery): Promise<void> {
    const { name } = delivery.stream;
    if (placeStep(delivery, (await manifestFile.read()).streams[name]) === 'next') {
      const file = await writeRecords(delivery);
      await change(delivery, (held) => takeStep(held, delivery, file));
    }
    const manifest = await manifestFile.read();
    await writeState(manifest);
    const entry = manifest.streams[name];
    if (entry && delivery.status) await removeLeftovers(folderOf(directory, name), entry);
  }

  return {
    async loadState() {
      const { streams } = await atDestination(directory, () => manifestFile.read());
      return Object.fromEntries(Object.entries(streams).flatMap(([name, { state }]) => (state ? [[name, state]] : [])));
    },
    deliver: (delivery, signal) => takeTurn(() => atDestination(directory, () => take(delivery)), signal),
    close: () => takeTurn(() => Promise.resolve()),
  };
}
