import type { Connection } from '../config/project';
import { resolveDestination } from '../config/references';
import { atDestination } from '../sinks/destination';
import { readManifests } from '../sinks/manifest-file';
import { examineDatabase } from '../sinks/postgres/examination';
import { atStaging } from '../staging/errors';
import { examineFolder } from '../staging/folder';
import { ok, warning, wrongOf, type Finding } from './finding';

/** Pages of a slice, of many streams: with less, a large tenant soon fills the disk. */
const littleBytes = 1024 ** 3;

/** Looks whether staging can be written, and has room. */
export async function stagingFinding(folder: string): Promise<Finding> {
  try {
    const { exists, freeBytes } = await atStaging(folder, () => examineFolder(folder));
    const told = `${folder} ${exists ? 'can be written' : 'can be made'}, ${sizeOf(freeBytes)} are free.`;
    return freeBytes < littleBytes
      ? warning('staging', told, 'Free space there, or name another folder in ROLLCALL_STAGING.')
      : ok('staging', told);
  } catch (error) {
    return wrongOf('staging', error);
  }
}

/** Looks whether a connection's destination can be reached and written, as far as can be told without changing it. */
export async function destinationFinding(connection: Connection): Promise<Finding> {
  try {
    const destination = await resolveDestination(connection);
    if (destination.kind === 'postgres') return ok('destination', await examineDatabase(destination));
    const { folder } = destination;
    const { exists, freeBytes } = await atDestination(folder, () => examineFolder(folder));
    const held = (await readManifests(folder)).length;
    const told = exists ? `can be written, and holds ${held} streams` : 'can be made';
    return ok('destination', `${folder} ${told}; ${sizeOf(freeBytes)} are free.`);
  } catch (error) {
    return wrongOf('destination', error);
  }
}

function sizeOf(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return gigabytes >= 1 ? `${Math.floor(gigabytes)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
}
