import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, isMissing, writeFileAtomically } from '../../durable-fs';
import { DestinationUnreadable, translateDiskErrors } from '../destination';
import { buildStreamFolderPath } from './data-file';
import { type Manifest, type ManifestEntry, manifestSchema } from './manifest';

export const manifestFileName = 'manifest.json';

/** The manifest of one stream as one process sees it. */
export interface ManifestFile {
  /** The manifest on disk, undefined when there is none; read again only when another process has replaced it. */
  read(): Promise<Manifest | undefined>;
  write(entry: ManifestEntry): Promise<void>;
}

/** @param folder the stream's; made when it is missing */
function openManifestFile(folder: string, stream: string): ManifestFile {
  const path = join(folder, manifestFileName);
  let known: { manifest: Manifest | undefined; mark: string } | undefined;
  return {
    async read() {
      const mark = await readFileVersion(path);
      if (known?.mark !== mark) {
        const text = mark === missingFileVersion ? undefined : await readFileIfPresent(path);
        known = { mark, manifest: text === undefined ? undefined : parseManifest(path, text) };
      }
      return known.manifest;
    },
    async write(entry) {
      await createFolder(folder);
      const manifest: Manifest = { ...entry, version: 1, stream };
      const stats = await writeFileAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(manifest)}\n`));
      known = { manifest, mark: formatFileVersion(stats) };
    },
  };
}

/** The manifests of a files destination. */
export interface ManifestFiles {
  open(stream: string): ManifestFile;
  /** Those of all streams, in the order of their folders' names. Errors: DestinationUnreadable. */
  readAll(): Promise<Manifest[]>;
}

/**
 * Each stream has a manifest of its own, because each has a chain of deliveries of its own: workers that deliver
 * different streams at once have no file in common that one could overwrite for the other.
 */
export function openManifestFiles(directory: string): ManifestFiles {
  const files = new Map<string, ManifestFile>();
  const at = (folder: string, stream: string): ManifestFile => {
    const file = files.get(folder) ?? openManifestFile(folder, stream);
    files.set(folder, file);
    return file;
  };
  return {
    open: (stream) => at(buildStreamFolderPath(directory, stream), stream),
    async readAll() {
      const manifests = await Promise.all(
        (await listFolders(directory)).map((name) => at(join(directory, name), name).read()),
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
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** The text of a file; undefined when there is none. */
export async function readFileIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
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
  const place = error.issues[0]?.path.join('.') ?? '';
  throw new DestinationUnreadable(path, `is not a manifest of Rollcall's (see ${place || 'its top'})`, advice);
}

const missingFileVersion = 'missing';

async function readFileVersion(path: string): Promise<string> {
  try {
    return formatFileVersion(await stat(path, { bigint: true }));
  } catch (error) {
    if (isMissing(error)) return missingFileVersion;
    throw error;
  }
}

/** Differs between any two manifests that took each other's place: each is a new file. */
function formatFileVersion({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`;
}
