import { join } from 'node:path';
import { stateMessages } from '../airbyte/state';
import { writeAtomically } from './atomic-file';
import type { Manifest } from './manifest';
import { readIfPresent, type Manifests } from './manifest-file';

export const stateName = 'state.json';

/** The states that the manifests hold, as the array of state messages that `read --state` takes. */
function stateTextOf(manifests: readonly Manifest[]): string {
  return `${JSON.stringify(stateMessages(manifests), undefined, 2)}\n`;
}

/**
 * Keeps `state.json` equal to the manifests, from which it can be made again at any time. Of several processes that do
 * so at once the last one looks once more after it has written, so that none leaves behind what another has outdated.
 */
export function openStateFile(directory: string, manifests: Manifests): () => Promise<void> {
  const path = join(directory, stateName);
  return async () => {
    for (;;) {
      const text = stateTextOf(await manifests.readAll());
      if (text === (await readIfPresent(path))) return;
      await writeAtomically(path, (handle) => handle.writeFile(text));
    }
  };
}
