import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { translateDiskErrors } from '../sinks/destination';
import { readManifests } from '../sinks/manifest-file';
import { checkDatabase } from '../sinks/postgres/examination';
import { translateStagingErrors } from '../staging/errors';
import { checkFolder } from '../staging/folder';
import { createOkFinding, createWarning, toErrorFinding, type Finding } from './finding';

/** Pages of a slice, of many streams: with less, a large tenant soon fills the disk. */
const lowSpaceBytes = 1024 ** 3;

/** Looks whether staging can be written, and has room. */
export async function inspectStaging(folder: string): Promise<Finding> {
  try {
    const { exists, freeBytes } = await translateStagingErrors(folder, () => checkFolder(folder));
    const told = `${folder} ${exists ? 'can be written' : 'can be made'}, ${formatBytes(freeBytes)} are free.`;
    return freeBytes < lowSpaceBytes
      ? createWarning('staging', told, 'Free space there, or name another folder in ROLLCALL_STAGING.')
      : createOkFinding('staging', told);
  } catch (error) {
    return toErrorFinding('staging', error);
  }
}

/** Looks whether a connection's destination can be reached and written, as far as can be told without changing it. */
export async function inspectDestination(connection: Connection): Promise<Finding> {
  try {
    const destination = await resolveDestination(connection);
    if (destination.kind === 'postgres') return createOkFinding('destination', await checkDatabase(destination));
    const { folder } = destination;
    const { exists, freeBytes } = await translateDiskErrors(folder, () => checkFolder(folder));
    const held = (await readManifests(folder)).length;
    const told = exists ? `can be written, and holds ${held} streams` : 'can be made';
    return createOkFinding('destination', `${folder} ${told}; ${formatBytes(freeBytes)} are free.`);
  } catch (error) {
    return toErrorFinding('destination', error);
  }
}

function formatBytes(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return gigabytes >= 1 ? `${Math.floor(gigabytes)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
