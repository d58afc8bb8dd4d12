import { parseArgs } from 'node:util';
import { printTable, sum } from '../../../bench/support/report';
import { startPostgres } from '../postgres/server';
import { targets, type Target } from './plan';
import { runOnce, type Report } from './run';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string' },
    only: { type: 'string' },
    concurrency: { type: 'string', default: '1' },
  },
});

async function main(): Promise<void> {
  const only = targets.find((each) => each === values.only);
  if (values.only !== undefined && !only) throw new Error(`--only must be one of ${targets.join(', ')}`);
  const first = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const seeds = Array.from({ length: Number(values.runs) }, (_, run) => first + run).values();
  const reports: Report[] = [];
  // Concurrent runs do not share a Postgres server: a fault can restart it.
  async function runInTurn(): Promise<void> {
    const postgres = await startPostgres();
    try {
      for (const seed of seeds) {
        const report = await runOnce(seed, only, { postgres });
        reports.push(report);
        process.stdout.write(`${formatReport(report, only)}\n`);
      }
    } finally {
      await postgres.stop();
    }
  }
  await Promise.all(Array.from({ length: Number(values.concurrency) }, runInTurn));
  printTable('By target', countByTarget(reports));
  printTable('Total', [countTotal(reports)]);
  const failed = reports.filter(({ failures }) => failures.length > 0);
  if (failed.length > 0) process.exitCode = 1;
  for (const { plan, failures } of failed) {
    const command = `npm run test:crash -- --runs 1 ${formatSeed(plan.seed, only)}`;
    process.stdout.write(`FAILED ${command}\n${failures.map((failure) => `  ${failure}\n`).join('')}`);
  }
}

function formatSeed(seed: number, only: Target | undefined): string {
  return `--seed ${seed}${only === undefined ? '' : ` --only ${only}`}`;
}

function formatReport(
  { plan, injected, failures, notes, seconds, rereads, recoveries }: Report,
  only: Target | undefined,
): string {
  const facts = [
    formatSeed(plan.seed, only),
    failures.length === 0 ? 'ok' : 'FAILED',
    plan.destination,
    plan.workers === 0 ? 'own server and worker' : `${plan.workers} workers`,
    `${seconds.toFixed(1)} s`,
    injected.join(', ') || 'no fault',
    ...(rereads ? [`${rereads.pages} pages read again, ${rereads.bound} allowed`] : []),
    ...recoveries.map((ms) => `continued after ${(ms / 1_000).toFixed(1)} s`),
  ];
  const details = [...failures.map((each) => `    FAILURE ${each}`), ...notes.map((each) => `    ${each}`)];
  return [facts.join(' · '), ...details].join('\n');
}

type Row = Record<string, string | number>;

function countByTarget(reports: readonly Report[]): Row[] {
  return targets.flatMap((target) => {
    const own = reports.filter(({ plan }) => plan.target === target);
    return own.length === 0 ? [] : [{ target, ...countRuns(own) }];
  });
}

function countTotal(reports: readonly Report[]): Row {
  const rereads = reports.flatMap((report) => report.rereads ?? []);
  const recoveries = reports.flatMap((report) => report.recoveries);
  return {
    ...countRuns(reports),
    'pages read again': sum(rereads.map(({ pages }) => pages)),
    allowed: sum(rereads.map(({ bound }) => bound)),
    'longest recovery, seconds': recoveries.length === 0 ? '' : (Math.max(...recoveries) / 1_000).toFixed(1),
  };
}

function countRuns(reports: readonly Report[]): Row {
  return {
    runs: reports.length,
    faults: sum(reports.map(({ injected }) => injected.length)),
    'failed runs': reports.filter(({ failures }) => failures.length > 0).length,
    'longest run, seconds': Math.max(...reports.map(({ seconds }) => seconds)).toFixed(0),
  };
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
