import { join } from 'node:path';
import { writeAtomically } from './atomic-file';
import type { Manifest } from './manifest';
import { readIfPresent } from './manifest-file';

export const stateName = 'state.json';

/** The states that the manifest holds, as the array of state messages that `read --state` takes. */
function stateTextOf({ streams }: Manifest): string {
  const messages = Object.entries(streams).flatMap(([name, { namespace, state }]) =>
    state
      ? [
          {
            type: 'STREAM',
            stream: {
              stream_descriptor: { name, ...(namespace !== undefined && { namespace }) },
              stream_state: state,
            },
          },
        ]
      : [],
  );
  return `${JSON.stringify(messages, undefined, 2)}\n`;
}

/**
 * Keeps `state.json` equal to the manifest, from which it can be made again at any time. The function that it answers
 * does nothing when the file is as it should be.
 */
export async function openStateFile(directory: string): Promise<(manifest: Manifest) => Promise<void>> {
  const path = join(directory, stateName);
  let written = await readIfPresent(path);
  return async (manifest) => {
    const text = stateTextOf(manifest);
    if (text === written) return;
    await writeAtomically(path, (handle) => handle.writeFile(text));
    written = text;
  };
}
