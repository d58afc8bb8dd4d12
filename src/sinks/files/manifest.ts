import { z } from 'zod';
import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, ifPresent, writeFileAtomically } from '../../durable-fs';
import { isObject } from '../../json';
import type { StreamState } from '../../protocol';
import { encodePathPart } from '../../staging/segment-io';
import { DestinationUnreadable, translateDiskErrors } from '../destination';
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

/** The name of the file for a delivery's records. A repeated delivery has the same name. */
export function formatDataFileName(runNumber: number, sequence: number): string {
  return `${padNumber(runNumber)}-${padNumber(sequence)}.jsonl`;
}

function padNumber(number: number): string {
  return String(number).padStart(6, '0');
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

/** The manifest of one stream. */
interface ManifestFile {
  /** The stored manifest, undefined when there is none. Reads the file only when another process has replaced it. */
  read(): Promise<Manifest | undefined>;
  write(ledger: Ledger<FilesContent>, namespace: string | undefined): Promise<void>;
}

/** @param folder of the stream; created when it is missing */
function openManifestFile(folder: string, stream: string): ManifestFile {
  const path = join(folder, manifestFileName);
  let cached: { manifest: Manifest | undefined; version: string | undefined } = {
    manifest: undefined,
    version: undefined,
  };
  return {
    async read() {
      const version = await readFileVersion(path);
      if (cached.version !== version) {
        const text = await ifPresent(readFile(path, 'utf8'));
        cached = { version, manifest: text === undefined ? undefined : parseManifest(path, text) };
      }
      return cached.manifest;
    },
    async write(ledger, namespace) {
      await createFolder(folder);
      const manifest: Manifest = { version: 1, stream, ...ledger, ...(namespace !== undefined && { namespace }) };
      const stats = await writeFileAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(manifest)}\n`));
      cached = { manifest, version: formatFileVersion(stats) };
    },
  };
}

/** The manifests of a files destination. */
export interface ManifestFiles {
  open(stream: string): ManifestFile;
  /** The manifests of all streams, sorted by the names of their folders. Errors: DestinationUnreadable. */
  readAll(): Promise<Manifest[]>;
}

/**
 * Each stream has a manifest of its own, because its deliveries are independent of other streams: workers that deliver
 * different streams at the same time share no file that one could overwrite for the other.
 */
export function openManifestFiles(directory: string): ManifestFiles {
  const files = new Map<string, ManifestFile>();
  const open = (folder: string, stream: string): ManifestFile => {
    const file = files.get(folder) ?? openManifestFile(folder, stream);
    files.set(folder, file);
    return file;
  };
  return {
    open: (stream) => open(buildStreamFolderPath(directory, stream), stream),
    async readAll() {
      const manifests = await Promise.all(
        (await listFolders(directory)).map((name) => open(join(directory, name), name).read()),
      );
      return manifests.filter((manifest) => manifest !== undefined);
    },
  };
}

/** Reads all manifests of a files destination. Errors: DestinationUnreadable, DestinationUnavailable. */
export function readManifests(directory: string): Promise<Manifest[]> {
  return translateDiskErrors(directory, () => openManifestFiles(directory).readAll());
}

async function listFolders(directory: string): Promise<string[]> {
  const entries = (await ifPresent(readdir(directory, { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
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

/** Differs between any two manifests of a stream, because each write creates a new file. Undefined without a manifest. */
async function readFileVersion(path: string): Promise<string | undefined> {
  const stats = await ifPresent(stat(path, { bigint: true }));
  return stats && formatFileVersion(stats);
}

function formatFileVersion({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`;
}
