import { existsSync, mkdirSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { SignalName, Signals } from './signals';

/** The kind of a file, by its name. */
const kinds: readonly [RegExp, SignalName][] = [
  [/\.\d+\.[^.]+\.jsonl$/, 'segment'],
  [/^\d+-\d+\.jsonl$/, 'records'],
  [/^manifest\.json$/, 'manifest'],
  [/^state\.json$/, 'state'],
];

/** Signals every change of a file in the folders and their subfolders. Returns a function that stops it. */
export function watchFolders(folders: readonly string[], signals: Signals): () => void {
  const watchers = new Map<string, FSWatcher>();

  function watchFolder(folder: string, deep: boolean): void {
    if (watchers.has(folder) || !existsSync(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null) return;
        if (deep && !name.includes('.')) watchFolder(join(folder, name), false);
        const kind = kinds.find(([pattern]) => pattern.test(name))?.[1];
        if (kind) void signals.emit(kind);
      });
      // The watcher of a removed folder ends.
      watcher.on('error', () => watchers.delete(folder));
      watchers.set(folder, watcher);
      if (!deep) return;
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) watchFolder(join(folder, entry.name), false);
      }
    } catch {
      watchers.delete(folder);
    }
  }

  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    watchFolder(folder, true);
  }
  return () => {
    for (const watcher of watchers.values()) watcher.close();
  };
}
