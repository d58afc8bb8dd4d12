import { translateDiskErrors } from './destination';
import type { ManifestEntry } from './manifest';
import { openManifestFiles, readManifests } from './manifest-file';
import type { StreamState } from './sink';
import { createStateFileWriter } from './state-file';
import { buildSupersedingRunId, type StateStore } from './state-keeper';

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
