import { scenarios } from 'auth0-emulator';
import { isFlat, measureMemory, mostMemory, type MemoryCost } from './memory-cost';
import { conclude, printTable } from './table';

const { count } = scenarios.million.users;

async function main(): Promise<void> {
  const failures: string[] = [];
  for (const into of ['files', 'stdout'] as const) {
    const cost = await measureMemory('million', into);
    printTable(`${count.toLocaleString('en')} users into ${into}`, [rowOf(cost)]);
    failures.push(...failuresOf(cost).map((failure) => `${into}: ${failure}`));
  }
  conclude(failures);
}

/** Memory in MB. */
function rowOf({ rows, seconds, requests, peak, serverPeak, tenths }: MemoryCost): Record<string, number> {
  const megabytes = (bytes = 0): number => Math.round(bytes / 1e6);
  return {
    rows,
    seconds: Math.round(seconds),
    requests,
    'MB at 10 %': megabytes(tenths[0]),
    'MB at 50 %': megabytes(tenths[4]),
    'MB at 100 %': megabytes(tenths[9]),
    'peak MB': megabytes(peak),
    'peak MB of the server': megabytes(serverPeak),
  };
}

function failuresOf(cost: MemoryCost): string[] {
  return [
    ...(cost.rows === count ? [] : [`${cost.rows} rows instead of ${count}`]),
    ...(cost.peak > mostMemory ? ['more than 300 MB'] : []),
    ...(isFlat(cost) ? [] : ['memory grows with the rows']),
  ];
}

void main();
