import { join } from 'node:path';

/** Folder of a project's local Temporal server: its database and its log. */
export function getStateDir(projectFolder: string): string {
  return join(projectFolder, '.rollcall');
}

/** Folder of fetched records before delivery. */
export function resolveStagingDir(projectFolder: string, configured: string | undefined): string {
  return configured ?? join(getStateDir(projectFolder), 'staging');
}
