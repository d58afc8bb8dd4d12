import { join } from 'node:path';

/** Folder of a project's own Temporal server, its workflows and its log. */
export function stateDirOf(projectFolder: string): string {
  return join(projectFolder, '.rollcall');
}

/** Where fetched pages wait for their delivery, unless the environment names another folder. */
export function stagingDirOf(projectFolder: string, named: string | undefined): string {
  return named ?? join(stateDirOf(projectFolder), 'staging');
}
