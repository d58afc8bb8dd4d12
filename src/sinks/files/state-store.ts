import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toStateMessages } from '../../airbyte/stream-state';
import { ifPresent, writeFileAtomically } from '../../durable-fs';
import { defined } from '../../json';
import type { StreamState } from '../../protocol';
import { type StateStore, type StoredState, translateDiskErrors } from '../sink';
import { createLedger, replaceState } from '../stream-ledger';
import { type FilesContent, type Manifest, ManifestFiles, readManifests } from './manifest';

export const stateFileName = 'state.json';

function toStoredState({ stream, namespace, run, current: { state } }: Manifest): StoredState {
  return defined({ stream, namespace, run, state });
}

/**
 * Returns a function that writes `state.json`: the states of all manifests, as the array of state messages that
 * `read --state` takes. The file contains nothing that the manifests do not. Of several processes that write it at once,
 * the last one compares it with the manifests again, so no process leaves an outdated file behind.
 */
export function createStateFileWriter(directory: string, manifests: ManifestFiles): () => Promise<void> {
  const path = join(directory, stateFileName);
  return async () => {
    for (;;) {
      const messages = toStateMessages((await manifests.readAll()).map(toStoredState));
      const text = `${JSON.stringify(messages, undefined, 2)}\n`;
      if (text === (await ifPresent(readFile(path, 'utf8')))) return;
      await writeFileAtomically(path, (handle) => handle.writeFile(text));
    }
  };
}

/**
 * The states of a files destination. Each is changed at the moment its manifest is renamed; `state.json` follows.
 * Errors: DestinationUnavailable, DestinationUnreadable.
 */
export function createFilesStateStore(directory: string): StateStore {
  async function updateStates(changes: Readonly<Record<string, StreamState | null>>): Promise<void> {
    const manifests = new ManifestFiles(directory);
    let changed = false;
    for (const [stream, state] of Object.entries(changes)) {
      const manifest = manifests.open(stream);
      const stored = await manifest.read();
      if (!stored && !state) continue;
      await manifest.write(replaceState(stored ?? createLedger<FilesContent>({ files: [] }), state), stored?.namespace);
      changed = true;
    }
    if (changed) await createStateFileWriter(directory, manifests)();
  }

  return {
    read: async () => (await readManifests(directory)).map(toStoredState),
    update: (changes) => translateDiskErrors(directory, () => updateStates(changes)),
    close: () => Promise.resolve(),
  };
}
