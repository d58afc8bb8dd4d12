import Table from 'cli-table3';

/** Prints rows under a title, with numbers at the right. */
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

/** Prints the claims that do not hold. If there are any, the process exits with 1. */
export function conclude(failures: readonly string[]): void {
  if (failures.length > 0) process.exitCode = 1;
  process.stdout.write(failures.length > 0 ? `FAILED: ${failures.join('; ')}\n` : 'All claims hold.\n');
}

/** Runs a benchmark when its file is the program of the process. Tests import its functions only. */
export function runBenchmark(file: NodeJS.Module, main: () => Promise<void>): void {
  if (require.main !== file) return;
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  });
}

/** Bytes as whole megabytes. */
export function toMegabytes(bytes = 0): number {
  return Math.round(bytes / 1e6);
}

/** Rounds to two digits after the point, or to `digits`. */
export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
