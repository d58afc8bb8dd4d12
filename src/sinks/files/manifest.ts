import { z } from 'zod';
import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, ifPresent, writeFileAtomically } from '../../durable-fs';
import { RollcallError } from '../../errors';
import { defined, isObject } from '../../json';
import type { StreamState } from '../../protocol';
import { encodePathPart } from '../../staging/segment-io';
import { translateDiskErrors } from '../sink';
import type { Ledger } from '../stream-ledger';

const dataFileSchema = z.object({
  /** `<run number>-<sequence>.jsonl`, in the stream's folder. */
  name: z.string().regex(/^\d{6,}-\d{6,}\.jsonl$/),
  records: z.int().min(1),
  bytes: z.int().min(1),
});

const contentSchema = z.object({
  files: z.array(dataFileSchema),
  state: z.custom<StreamState>(isObject).exactOptional(),
});

/**
 * Version 1 of a stream's `manifest.json`: the stream's ledger. A file that the manifest does not list is not part of the
 * destination. Files under `pending` become part of it when their run is complete.
 */
export const manifestSchema = z.object({
  version: z.literal(1),
  stream: z.string().min(1),
  namespace: z.string().exactOptional(),
  run: z.string(),
  sequence: z.int().min(-1),
  runNumber: z.int().min(0),
  generation: z.int().min(0),
  complete: z.boolean(),
  current: contentSchema,
  pending: contentSchema.exactOptional(),
});

export type DataFile = z.infer<typeof dataFileSchema>;
export type FilesContent = z.infer<typeof contentSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** This version cannot read a file of the destination. Nothing was changed. */
export class DestinationUnreadable extends RollcallError {
  readonly failureType = 'config_error';
  constructor(path: string, what: string, nextStep: string, options?: ErrorOptions) {
    super(`${path} ${what}; nothing was changed.`, nextStep, options);
  }
}

/** The name of the file for a delivery's records. A repeated delivery has the same name. */
export function formatDataFileName(runNumber: number, sequence: number): string {
  const [run, delivery] = [runNumber, sequence].map((number) => String(number).padStart(6, '0'));
  return `${run}-${delivery}.jsonl`;
}

/** The files of the current and of the pending records. */
export function listDataFiles({ current, pending }: Pick<Manifest, 'current' | 'pending'>): DataFile[] {
  return [...current.files, ...(pending?.files ?? [])];
}

/** The folder of a stream's files. */
export function buildStreamFolderPath(directory: string, stream: string): string {
  return join(directory, encodePathPart(stream));
}

export const manifestFileName = 'manifest.json';

/** The manifest of one stream, in a folder that `write` creates when it is missing. */
class ManifestFile {
  private cached: { manifest?: Manifest | undefined; version?: string | undefined } = {};

  constructor(
    private readonly folder: string,
    private readonly stream: string,
  ) {}

  /** The stored manifest, undefined when there is none. Reads the file only when another process has replaced it. */
  async read(): Promise<Manifest | undefined> {
    const path = join(this.folder, manifestFileName);
    const stats = await ifPresent(stat(path, { bigint: true }));
    const version = stats && formatFileVersion(stats);
    if (this.cached.version !== version) {
      const text = await ifPresent(readFile(path, 'utf8'));
      this.cached = { version, manifest: text === undefined ? undefined : parseManifest(path, text) };
    }
    return this.cached.manifest;
  }

  async write(ledger: Ledger<FilesContent>, namespace: string | undefined): Promise<void> {
    await createFolder(this.folder);
    const manifest: Manifest = { version: 1, stream: this.stream, ...ledger, ...defined({ namespace }) };
    const text = `${JSON.stringify(manifest)}\n`;
    const stats = await writeFileAtomically(join(this.folder, manifestFileName), (handle) => handle.writeFile(text));
    this.cached = { manifest, version: formatFileVersion(stats) };
  }
}

/** Differs between any two manifests of a stream, because each write creates a new file. */
function formatFileVersion({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`;
}

/**
 * The manifests of a files destination. Each stream has one of its own, because its deliveries are independent of other
 * streams: workers that deliver different streams at the same time share no file that one could overwrite for the other.
 */
export class ManifestFiles {
  private readonly files = new Map<string, ManifestFile>();

  constructor(private readonly directory: string) {}

  open(stream: string): ManifestFile {
    return this.openFolder(buildStreamFolderPath(this.directory, stream), stream);
  }

  /** The manifests of all streams, sorted by the names of their folders. Errors: DestinationUnreadable. */
  async readAll(): Promise<Manifest[]> {
    const entries = (await ifPresent(readdir(this.directory, { withFileTypes: true }))) ?? [];
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const files = folders.sort().map((name) => this.openFolder(join(this.directory, name), name));
    return (await Promise.all(files.map((file) => file.read()))).filter((manifest) => manifest !== undefined);
  }

  private openFolder(folder: string, stream: string): ManifestFile {
    const file = this.files.get(folder) ?? new ManifestFile(folder, stream);
    this.files.set(folder, file);
    return file;
  }
}

/** Reads all manifests of a files destination. Errors: DestinationUnreadable, DestinationUnavailable. */
export function readManifests(directory: string): Promise<Manifest[]> {
  return translateDiskErrors(directory, () => new ManifestFiles(directory).readAll());
}

function parseManifest(path: string, text: string): Manifest {
  const advice = 'Restore the file from a backup, or use an empty folder as the destination and sync again.';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DestinationUnreadable(path, 'is not JSON', advice, { cause });
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > 1) {
    const upgrade = 'Upgrade Rollcall, or use another folder as the destination.';
    throw new DestinationUnreadable(path, `has version ${version}, written by a newer version of Rollcall`, upgrade);
  }
  const { data, error } = manifestSchema.safeParse(json);
  if (data) return data;
  const where = error.issues[0]?.path.join('.') ?? '';
  throw new DestinationUnreadable(path, `is not a manifest of Rollcall's (see ${where || 'its top level'})`, advice);
}
