import {
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import disk from 'node:fs/promises';
import { dirname } from 'node:path';

const actual = { ...disk };

/** What a crash loses. */
export type Loss = 'nothing' | 'unsynced writes';

/**
 * A layer over `node:fs/promises` that fails the operation with number `failAt` and every later one that would change the
 * disk. A crash may lose what was not synced: bytes of files, and names in folders.
 */
export class CrashingDisk {
  /** Operations so far that change or sync the disk. */
  operations = 0;
  /** Size of each opened or renamed file after a crash. */
  private readonly durable = new Map<string, number>();
  /** Undoes the changes to the names in a folder since it was last synced. */
  private names: { folder: string; undo: () => void }[] = [];

  constructor(private readonly failAt = Infinity) {
    jest.spyOn(disk, 'open').mockImplementation(async (path, flags) => this.open(String(path), String(flags)));
    jest.spyOn(disk, 'rename').mockImplementation(async (from, to) => this.rename(String(from), String(to)));
    jest.spyOn(disk, 'rm').mockImplementation(async (path) => this.rm(String(path)));
    jest.spyOn(disk, 'mkdir').mockImplementation(async (path) => this.mkdir(String(path)));
  }

  /** Restores the real disk, in the state that a crash leaves. */
  crash(loss: Loss): void {
    jest.restoreAllMocks();
    if (loss === 'nothing') return;
    for (const { undo } of this.names.reverse()) undo();
    for (const [path, size] of this.durable) if (existsSync(path)) truncateSync(path, size);
  }

  private countOperation(): void {
    this.operations += 1;
    if (this.operations >= this.failAt) throw new Error('the disk has failed');
  }

  private changeName(path: string, undo: () => void): void {
    this.names.push({ folder: dirname(path), undo });
  }

  private async open(path: string, flags: string): Promise<disk.FileHandle> {
    const fresh = flags.startsWith('w');
    if (fresh) {
      this.countOperation();
      if (!existsSync(path)) this.changeName(path, () => unlinkSync(path));
      this.durable.set(path, 0);
    }
    const handle = await actual.open(path, flags);
    const sync = (): Promise<void> => {
      this.countOperation();
      if (fresh) this.durable.set(path, statSync(path).size);
      else this.names = this.names.filter(({ folder }) => folder !== path);
      return Promise.resolve();
    };
    const counted = (method: 'write' | 'writeFile') => {
      const write = handle[method].bind(handle) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        this.countOperation();
        return write(...args);
      };
    };
    return Object.assign(handle, {
      sync,
      datasync: sync,
      write: counted('write'),
      writeFile: counted('writeFile'),
    });
  }

  private async rename(from: string, to: string): Promise<void> {
    this.countOperation();
    const replaced = existsSync(to) ? readFileSync(to) : undefined;
    this.changeName(to, () => {
      renameSync(to, from);
      if (replaced) writeFileSync(to, replaced);
      this.durable.delete(to);
    });
    await actual.rename(from, to);
    const size = this.durable.get(from);
    this.durable.delete(from);
    if (size !== undefined) this.durable.set(to, size);
  }

  private async rm(path: string): Promise<void> {
    this.countOperation();
    const content = existsSync(path) ? readFileSync(path) : undefined;
    if (content) this.changeName(path, () => writeFileSync(path, content));
    this.durable.delete(path);
    await actual.rm(path, { force: true });
  }

  private async mkdir(path: string): Promise<string | undefined> {
    this.countOperation();
    const made = await actual.mkdir(path, { recursive: true });
    for (let folder = path; made !== undefined && folder.length >= made.length; folder = dirname(folder)) {
      this.changeName(folder, () => rmSync(folder, { recursive: true }));
    }
    return made;
  }
}
