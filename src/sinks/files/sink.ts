import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRecordFormatter } from '../../airbyte/messages';
import { createSerialQueue } from '../../async';
import { createFolder, ifPresent, removeTemporaryFiles, writeFileAtomically } from '../../durable-fs';
import type { RunSummary, StreamState } from '../../protocol';
import { countRecords } from '../../staging/segment';
import type { Staging } from '../../staging/staging';
import { beginRun, checkSequence, createLedger, type Ledger, takeDelivery } from '../stream-ledger';
import { type Delivery, type Sink, translateDiskErrors } from '../sink';
import {
  buildStreamFolderPath,
  type DataFile,
  type FilesContent,
  formatDataFileName,
  listDataFiles,
  type Manifest,
  manifestFileName,
  ManifestFiles,
  readManifests,
} from './manifest';
import { createStateFileWriter, stateFileName } from './state-store';

const summaryFileName = 'summary.json';

/**
 * Writes `summary.json`, with all properties of the object, unless the stored summary is of a later run. A file that is
 * not a summary is replaced: nothing depends on it, and each run writes a new one.
 */
async function writeSummaryFile(directory: string, summary: RunSummary): Promise<void> {
  const path = join(directory, summaryFileName);
  const storedRun = parseSummaryRun(await ifPresent(readFile(path, 'utf8')));
  if (storedRun !== undefined && storedRun > summary.run) return;
  // A repeated summary is written again, because a crash may have happened before the name was durable.
  await writeFileAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(summary, undefined, 2)}\n`));
}

/** The run of a stored summary; undefined when the text is not a summary. */
function parseSummaryRun(text: string | undefined): string | undefined {
  try {
    const { run, status, streams } = JSON.parse(text ?? '') as Partial<Record<string, unknown>>;
    return typeof run === 'string' && typeof status === 'string' && Array.isArray(streams) ? run : undefined;
  } catch {
    return undefined;
  }
}

const dataFilePattern = /^\.?(\d+)-(\d+)\.jsonl(?:\.[\w-]+\.tmp)?$/;

/**
 * Deletes unlisted files of past runs and deliveries. Files of the next delivery stay, because another process may be
 * about to commit them; a repeated delivery replaces them.
 */
async function removeStaleFiles(folder: string, manifest: Manifest): Promise<void> {
  const listed = new Set(listDataFiles(manifest).map(({ name }) => name));
  for (const name of (await ifPresent(readdir(folder))) ?? []) {
    const [, runNumber, sequence] = dataFilePattern.exec(name) ?? [];
    if (runNumber === undefined || listed.has(name)) continue;
    const distance = Number(runNumber) - manifest.runNumber || Number(sequence) - manifest.sequence;
    if (distance <= 0) await rm(join(folder, name), { force: true });
  }
}

/**
 * A sink that writes JSON Lines. Each stream has a folder with `manifest.json` and one file for each delivery with
 * records. Beside the folders are `state.json`, and `summary.json` of the newest finished run.
 * A delivery takes effect at the moment its manifest is renamed. Files that a crash leaves before that are not listed in
 * the manifest, and are written again. Opening a sink repairs what a crash leaves after it. Of two processes, the one
 * with the older run is refused.
 * Errors: DestinationUnavailable, DestinationUnreadable, StagingLost, StagingUnavailable, StaleDelivery, SequenceGap.
 * @param options `directory` is created when it is missing
 */
export async function createFilesSink(options: { directory: string; staging: Staging }): Promise<Sink> {
  const sink = new FilesSink(options.directory, options.staging);
  await translateDiskErrors(options.directory, () => sink.repair());
  return sink;
}

class FilesSink implements Sink {
  private readonly manifests: ManifestFiles;
  private readonly writeStateFile: () => Promise<void>;
  private readonly runExclusive = createSerialQueue();

  constructor(
    private readonly directory: string,
    private readonly staging: Staging,
  ) {
    this.manifests = new ManifestFiles(directory);
    this.writeStateFile = createStateFileWriter(directory, this.manifests);
  }

  async repair(): Promise<void> {
    await createFolder(this.directory);
    const stored = await this.manifests.readAll();
    await removeTemporaryFiles(this.directory, [stateFileName, summaryFileName]);
    await this.writeStateFile();
    for (const { stream } of stored) await this.removeLeftFiles(stream);
  }

  async loadState(): Promise<Record<string, StreamState>> {
    const stored = await readManifests(this.directory);
    return Object.fromEntries(stored.flatMap(({ stream, current: { state } }) => (state ? [[stream, state]] : [])));
  }

  deliver(delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const write = (): Promise<void> => this.writeDelivery(delivery);
    return this.runExclusive(() => translateDiskErrors(this.directory, write), signal);
  }

  writeSummary(summary: RunSummary): Promise<void> {
    const write = (): Promise<void> => writeSummaryFile(this.directory, summary);
    return this.runExclusive(() => translateDiskErrors(this.directory, write));
  }

  close(): Promise<void> {
    return this.runExclusive(() => Promise.resolve());
  }

  private async writeDelivery(delivery: Delivery): Promise<void> {
    const { name } = delivery.stream;
    if (checkSequence(delivery, await this.manifests.open(name).read()) === 'next') {
      const file = await this.writeRecords(delivery);
      await this.updateManifest(delivery, (ledger) =>
        takeDelivery(ledger, delivery, (content) => (file ? { ...content, files: [...content.files, file] } : content)),
      );
    }
    await this.writeStateFile();
    if (delivery.status) await this.removeLeftFiles(name);
  }

  /** Writes the records as RECORD messages, one a line, to a file that is then durable. */
  private async writeRecords(delivery: Delivery): Promise<DataFile | undefined> {
    const { run, sequence, segments, stream } = delivery;
    if (countRecords(segments) === 0) return undefined;
    const manifest = this.manifests.open(stream.name);
    // The manifest must name the run first: until then, a process of an older run may write files of the same names.
    if ((await manifest.read())?.run !== run) await this.updateManifest(delivery, (ledger) => ledger);
    const { runNumber } = await this.readLedger(delivery);
    const folder = buildStreamFolderPath(this.directory, stream.name);
    const name = formatDataFileName(runNumber, sequence);
    const formatRecord = createRecordFormatter(stream);
    await createFolder(folder);
    const { size } = await writeFileAtomically(join(folder, name), async (handle) => {
      for (const segment of segments) {
        for await (const lines of this.staging.readLines(segment)) {
          await handle.writeFile(lines.map(formatRecord).join(''));
        }
      }
    });
    return { name, records: countRecords(segments), bytes: Number(size) };
  }

  /** Writes the changed manifest, unless another process has taken the delivery meanwhile. */
  private async updateManifest(
    delivery: Delivery,
    change: (ledger: Ledger<FilesContent>) => Ledger<FilesContent>,
  ): Promise<void> {
    const { name, namespace } = delivery.stream;
    const manifest = this.manifests.open(name);
    if (checkSequence(delivery, await manifest.read()) === 'duplicate') return;
    await manifest.write(change(await this.readLedger(delivery)), namespace);
  }

  /** The ledger of the delivery's stream, once its run has started. */
  private async readLedger(delivery: Delivery): Promise<Ledger<FilesContent>> {
    const stored = await this.manifests.open(delivery.stream.name).read();
    const empty: FilesContent = { files: [] };
    return beginRun(stored ?? createLedger(empty), delivery, empty);
  }

  private async removeLeftFiles(stream: string): Promise<void> {
    const manifest = await this.manifests.open(stream).read();
    if (!manifest) return;
    const folder = buildStreamFolderPath(this.directory, stream);
    await removeTemporaryFiles(folder, [manifestFileName]);
    await removeStaleFiles(folder, manifest);
  }
}
