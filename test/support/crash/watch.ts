import { existsSync, mkdirSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { SignalName, Signals } from './signals';

/** What a file that has changed is, by its name. */
const sorts: readonly [RegExp, SignalName][] = [
  [/\.\d+\.[^.]+\.jsonl$/, 'segment'],
  [/^\d+-\d+\.jsonl$/, 'records'],
  [/^manifest\.json$/, 'manifest'],
  [/^state\.json$/, 'state'],
];

/** Tells of every change to the files in some folders and in the folders in these. Answers how to stop. */
export function watchFolders(folders: readonly string[], signals: Signals): () => void {
  const watchers = new Map<string, FSWatcher>();

  function look(folder: string, deep: boolean): void {
    if (watchers.has(folder) || !existsSync(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null) return;
        if (deep && !name.includes('.')) look(join(folder, name), false);
        const sort = sorts.find(([pattern]) => pattern.test(name))?.[1];
        if (sort) void signals.emit(sort);
      });
      // A folder that is taken away takes its watcher along.
      watcher.on('error', () => watchers.delete(folder));
      watchers.set(folder, watcher);
      if (!deep) return;
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) look(join(folder, entry.name), false);
      }
    } catch {
      watchers.delete(folder);
    }
  }

  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    look(folder, true);
  }
  return () => {
    for (const watcher of watchers.values()) watcher.close();
  };
}
