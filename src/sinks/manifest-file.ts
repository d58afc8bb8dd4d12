import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../staging/disk-trouble';
import { writeAtomically } from './atomic-file';
import { atDestination, DestinationUnreadable } from './destination';
import { manifestSchema, type Manifest } from './manifest';

export const manifestName = 'manifest.json';

/** Reads the manifest of a files destination; an empty one when there is none. Errors: DestinationUnreadable, DestinationUnavailable. */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, manifestName);
  const text = await atDestination(directory, () => readIfPresent(path));
  return text === undefined ? { version: 1, streams: {} } : parseManifest(path, text);
}

/** The text of a file; undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function parseManifest(path: string, text: string): Manifest {
  const advice = 'Restore the file from a copy, or name an empty folder as the destination and sync again.';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DestinationUnreadable(path, 'is not JSON', advice, { cause });
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > 1) {
    const upgrade = 'Use that version of Rollcall, or name another folder as the destination.';
    throw new DestinationUnreadable(path, `is of version ${version}, which a newer Rollcall wrote`, upgrade);
  }
  const { data, error } = manifestSchema.safeParse(json);
  if (data) return data;
  const place = error.issues[0]?.path.join('.') ?? '';
  throw new DestinationUnreadable(path, `is not a manifest of Rollcall's (see ${place || 'its top'})`, advice);
}

/** The manifest as one process sees it. */
export interface ManifestFile {
  /** The manifest on disk; read again only when another process has replaced it. */
  read(): Promise<Manifest>;
  write(manifest: Manifest): Promise<void>;
}

export function openManifest(directory: string): ManifestFile {
  const path = join(directory, manifestName);
  let known: { manifest: Manifest; mark: string } | undefined;
  return {
    async read() {
      const mark = await currentMark(path);
      if (known?.mark !== mark) known = { mark, manifest: await readManifest(directory) };
      return known.manifest;
    },
    async write(manifest) {
      const stats = await writeAtomically(path, (handle) => handle.writeFile(`${JSON.stringify(manifest)}\n`));
      known = { manifest, mark: markOf(stats) };
    },
  };
}

async function currentMark(path: string): Promise<string> {
  try {
    return markOf(await stat(path, { bigint: true }));
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
}

/** Differs between any two manifests that took each other's place: each is a new file. */
function markOf({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`;
}
