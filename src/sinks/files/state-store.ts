import { join } from 'node:path';
import { toStateMessages } from '../../airbyte/stream-state';
import { writeFileAtomically } from '../../durable-fs';
import type { StreamState } from '../../protocol';
import { translateDiskErrors } from '../destination';
import { buildSupersedingRunId, type StateStore } from '../state-store';
import type { Manifest, ManifestEntry } from './manifest';
import { type ManifestFiles, openManifestFiles, readFileIfPresent, readManifests } from './manifest-file';

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

/** Of a stream that nothing was ever copied of. */
const emptyManifestEntry: ManifestEntry = { run: '', sequence: -1, generation: 1, complete: false, files: [] };

/**
 * The states of a files destination: the manifests have them, each changed at the instant of its renaming, and
 * `state.json` follows.
 * Errors: DestinationUnavailable, DestinationUnreadable.
 */
export function createFilesStateStore(directory: string): StateStore {
  async function change(changes: Readonly<Record<string, StreamState | null>>): Promise<void> {
    const manifests = openManifestFiles(directory);
    let changed = false;
    for (const [stream, state] of Object.entries(changes)) {
      const manifest = manifests.open(stream);
      const found = await manifest.read();
      if (!found && !state) continue;
      const { state: _, ...held } = found ?? emptyManifestEntry;
      await manifest.write({ ...held, run: buildSupersedingRunId(held.run), ...(state && { state }) });
      changed = true;
    }
    if (changed) await createStateFileWriter(directory, manifests)();
  }

  return {
    async read() {
      const held = await readManifests(directory);
      return held.map(({ stream, namespace, run, state }) => ({
        stream,
        ...(namespace !== undefined && { namespace }),
        run,
        ...(state && { state }),
      }));
    },
    update: (changes) => translateDiskErrors(directory, () => change(changes)),
    close: () => Promise.resolve(),
  };
}
