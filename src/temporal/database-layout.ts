import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** What SQLite keeps beside a database. */
const databaseFileSuffixes = ['', '-journal', '-wal', '-shm'];

/**
 * A server lays out a new database before it listens. One that is killed meanwhile leaves a file that no server can use
 * (`no such table`), and that holds nothing yet: a mark beside it tells, and it is made anew. The caller holds the lease.
 */
export function markLayoutStarted(database: string): { finish(): void } {
  const mark = `${database}.unfinished`;
  if (existsSync(mark)) for (const each of databaseFileSuffixes) rmSync(`${database}${each}`, { force: true });
  if (!existsSync(database)) writeFileSync(mark, '');
  return { finish: () => rmSync(mark, { force: true }) };
}
