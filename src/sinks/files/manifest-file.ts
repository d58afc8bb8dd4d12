import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, isMissing, writeFileAtomically } from '../../durable-fs';
import { DestinationUnreadable, translateDiskErrors } from '../destination';
import type { Ledger } from '../stream-ledger';
import { buildStreamFolderPath } from './data-file';
import { type FilesContent, type Manifest, manifestSchema } from './manifest';

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
  let cached: { manifest: Manifest | undefined; version: string } | undefined;
  return {
    async read() {
      const version = await readFileVersion(path);
      if (cached?.version !== version) {
        const text = version === missingFileVersion ? undefined : await readFileIfPresent(path);
        cached = { version, manifest: text === undefined ? undefined : parseManifest(path, text) };
      }
      return cached.manifest;
    },
    async write({ run, sequence, runNumber, generation, complete, current, pending }, namespace) {
      await createFolder(folder);
      const manifest: Manifest = {
        version: 1,
        stream,
        ...(namespace !== undefined && { namespace }),
        run,
        sequence,
        runNumber,
        generation,
        complete,
        current,
        ...(pending && { pending }),
      };
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

/** The text of a file; undefined when the file does not exist. */
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
  const where = error.issues[0]?.path.join('.') ?? '';
  throw new DestinationUnreadable(path, `is not a manifest of Rollcall's (see ${where || 'its top level'})`, advice);
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

/** Differs between any two manifests of a stream, because each write creates a new file. */
function formatFileVersion({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`;
}
