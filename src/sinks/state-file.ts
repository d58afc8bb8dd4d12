import { join } from 'node:path';
import { toStateMessages } from '../airbyte/state';
import { writeFileAtomically } from './atomic-file';
import type { Manifest } from './manifest';
import { readFileIfPresent, type ManifestFiles } from './manifest-file';

export const stateFileName = 'state.json';

/** The states that the manifests hold, as the array of state messages that `read --state` takes. */
function formatStates(manifests: readonly Manifest[]): string {
  return `${JSON.stringify(toStateMessages(manifests), undefined, 2)}\n`;
}

/**
 * Keeps `state.json` equal to the manifests, from which it can be made again at any time. Of several processes that do
 * so at once the last one looks once more after it has written, so that none leaves behind what another has outdated.
 */
export function createStateFileWriter(directory: string, manifests: ManifestFiles): () => Promise<void> {
  const path = join(directory, stateFileName);
  return async () => {
    for (;;) {
      const text = formatStates(await manifests.readAll());
      if (text === (await readFileIfPresent(path))) return;
      await writeFileAtomically(path, (handle) => handle.writeFile(text));
    }
  };
}
