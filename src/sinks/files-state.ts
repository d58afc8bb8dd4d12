import { atDestination } from './destination';
import type { StreamEntry } from './manifest';
import { openManifests, readManifests } from './manifest-file';
import type { StreamState } from './sink';
import { openStateFile } from './state-file';
import { runAfter, type StateKeeper } from './state-keeper';

/** Of a stream that nothing was ever copied of. */
const nothing: StreamEntry = { run: '', sequence: -1, generation: 1, complete: false, files: [] };

/**
 * The states of a files destination: the manifests have them, each changed at the instant of its renaming, and
 * `state.json` follows.
 * Errors: DestinationUnavailable, DestinationUnreadable.
 */
export function createFilesStateKeeper(directory: string): StateKeeper {
  async function change(changes: Readonly<Record<string, StreamState | null>>): Promise<void> {
    const manifests = openManifests(directory);
    let changed = false;
    for (const [stream, state] of Object.entries(changes)) {
      const manifest = manifests.of(stream);
      const found = await manifest.read();
      if (!found && !state) continue;
      const { state: _, ...held } = found ?? nothing;
      await manifest.write({ ...held, run: runAfter(held.run), ...(state && { state }) });
      changed = true;
    }
    if (changed) await openStateFile(directory, manifests)();
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
    change: (changes) => atDestination(directory, () => change(changes)),
    close: () => Promise.resolve(),
  };
}
