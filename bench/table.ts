import Table from 'cli-table3';

/** Prints rows under a title, numbers at the right. */
export function printTable(title: string, rows: readonly Record<string, string | number>[]): void {
  const [first] = rows;
  if (!first) return;
  const table = new Table({
    head: Object.keys(first),
    colAligns: Object.values(first).map((value) => (typeof value === 'number' ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    table.push(Object.values(row).map((value) => (typeof value === 'number' ? value.toLocaleString('en') : value)));
  }
  process.stdout.write(`${title}\n${table.toString()}\n\n`);
}

/** Ends the command with code 1 and says why, when there is a reason to. */
export function conclude(failures: readonly string[]): void {
  if (failures.length > 0) process.exitCode = 1;
  process.stdout.write(failures.length > 0 ? `FAILED: ${failures.join('; ')}\n` : 'All as claimed.\n');
}
