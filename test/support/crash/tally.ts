import { victims } from './plan';
import type { Report } from './run';

type Row = Record<string, string | number>;

/** What was done to each victim, and how the runs went. */
export function tallyByVictim(reports: readonly Report[]): Row[] {
  return victims.flatMap((victim) => {
    const own = reports.filter(({ plan }) => plan.victim === victim);
    if (own.length === 0) return [];
    return [{ victim, ...countsOf(own) }];
  });
}

export function totalsOf(reports: readonly Report[]): Row {
  const rereads = reports.flatMap((report) => report.rereads ?? []);
  const recoveries = reports.flatMap((report) => report.recoveries);
  return {
    ...countsOf(reports),
    'pages read again': sum(rereads.map(({ pages }) => pages)),
    'at most': sum(rereads.map(({ bound }) => bound)),
    'recovery, most s': recoveries.length === 0 ? '' : (Math.max(...recoveries) / 1_000).toFixed(1),
  };
}

function countsOf(reports: readonly Report[]): Row {
  const seconds = reports.map((report) => report.seconds);
  return {
    runs: reports.length,
    blows: sum(reports.map(({ blows }) => blows.length)),
    failed: reports.filter(({ faults }) => faults.length > 0).length,
    'longest, s': Math.max(...seconds).toFixed(0),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
