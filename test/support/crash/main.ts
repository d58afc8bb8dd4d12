import { parseArgs } from 'node:util';
import { printTable } from '../../../bench/support/report';
import { startPostgres } from '../postgres/server';
import { victims, type Victim } from './plan';
import { runOnce, type Report } from './run';
import { tallyByVictim, totalsOf } from './tally';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    seed: { type: 'string' },
    only: { type: 'string' },
    lanes: { type: 'string', default: '1' },
  },
});

async function main(): Promise<void> {
  const only = victims.find((each) => each === values.only);
  if (values.only !== undefined && !only) throw new Error(`--only takes one of ${victims.join(', ')}`);
  const first = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const seeds = Array.from({ length: Number(values.runs) }, (_, run) => first + run).values();
  const reports: Report[] = [];
  // A lane has a Postgres of its own, since that is restarted as well.
  async function runLane(): Promise<void> {
    const postgres = await startPostgres();
    try {
      for (const seed of seeds) {
        const report = await runOnce(seed, only, postgres);
        reports.push(report);
        process.stdout.write(`${lineOf(report, only)}\n`);
      }
    } finally {
      await postgres.stop();
    }
  }
  await Promise.all(Array.from({ length: Number(values.lanes) }, runLane));
  printTable('By victim', tallyByVictim(reports));
  printTable('Altogether', [totalsOf(reports)]);
  const failed = reports.filter(({ faults }) => faults.length > 0);
  if (failed.length > 0) process.exitCode = 1;
  for (const { plan, faults } of failed) {
    process.stdout.write(`FAILED ${commandFor(plan.seed, only)}\n${faults.map((fault) => `  ${fault}\n`).join('')}`);
  }
}

function commandFor(seed: number, only: Victim | undefined): string {
  return `npm run test:crash -- --runs 1 --seed ${seed}${only === undefined ? '' : ` --only ${only}`}`;
}

function lineOf(
  { plan, blows, faults, notes, seconds, rereads, recoveries }: Report,
  only: Victim | undefined,
): string {
  const facts = [
    `--seed ${plan.seed}${only === undefined ? '' : ` --only ${only}`}`,
    faults.length === 0 ? 'ok' : 'FAILED',
    plan.destination,
    plan.workers === 0 ? 'hosts itself' : `${plan.workers} workers`,
    `${seconds.toFixed(1)} s`,
    blows.join(', ') || 'no blow fell',
    ...(rereads ? [`${rereads.pages} pages read again of ${rereads.bound} at most`] : []),
    ...recoveries.map((ms) => `went on after ${(ms / 1_000).toFixed(1)} s`),
  ];
  return [facts.join(' · '), ...faults.map((each) => `    FAULT ${each}`), ...notes.map((each) => `    ${each}`)].join(
    '\n',
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
