import { join } from 'node:path';

/** Folder of a project's own Temporal server, its workflows and its log. */
export function getStateDir(projectFolder: string): string {
  return join(projectFolder, '.rollcall');
}

/** Where fetched pages wait for their delivery, unless the environment names another folder. */
export function resolveStagingDir(projectFolder: string, configured: string | undefined): string {
  return configured ?? join(getStateDir(projectFolder), 'staging');
}
