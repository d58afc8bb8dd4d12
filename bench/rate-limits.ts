import { measureLoop, measureSync, type RateLimitCost } from './support/rate-limit-cost';
import {
  noLatencyScenario,
  noLimitScenario,
  rateLimitScenarios,
  type RateLimitScenario,
} from './support/rate-limit-scenarios';
import { conclude, printTable, round, runBenchmark } from './support/report';

const defaultRuns = 3;
/** Measurements of two programs that are compared. */
const comparedRuns = 5;
/** Largest difference of the ratios between latencies. */
const maxDifference = 0.05;

/** @param text runs the scenarios whose names contain it; default: all */
async function main(text = ''): Promise<void> {
  const failures: string[] = [];
  const isSelected = ({ name }: RateLimitScenario): boolean => name.includes(text);
  const ratios: number[] = [];
  for (const scenario of rateLimitScenarios.filter(isSelected)) {
    const cost = await measureMedian(scenario.runs ?? defaultRuns, () => measureSync(scenario));
    const rows = [toRow('rollcall', cost)];
    for (const parallel of scenario.comparesLoops ? [1, 20] : []) {
      rows.push(toRow(`SDK loop, ${parallel} at a time`, await measureLoop(scenario, 'sdk', parallel)));
    }
    printTable(scenario.name, rows);
    failures.push(...findFailures(scenario, cost));
    if (scenario.comparesRatios) ratios.push(cost.seconds / cost.minimumSeconds);
  }
  if (Math.max(...ratios) - Math.min(...ratios) > maxDifference) failures.push('latency changes the ratio');
  if (isSelected(noLimitScenario)) failures.push(...(await compareSeconds()));
  if (isSelected(noLatencyScenario)) failures.push(...(await compareProcessorTime()));
  conclude(failures);
}

/** Measures an odd number of times. Returns the one with the median time, and the largest numbers of 429s. */
async function measureMedian(count: number, measure: () => Promise<RateLimitCost>): Promise<RateLimitCost> {
  const costs: RateLimitCost[] = [];
  for (let nth = 0; nth < count; nth += 1) costs.push(await measure());
  return findMedian(costs);
}

function findMedian(costs: RateLimitCost[]): RateLimitCost {
  costs.sort((one, other) => one.seconds - other.seconds);
  const middle = costs[Math.floor(costs.length / 2)];
  if (!middle) throw new RangeError('nothing was measured');
  const worst = (name: 'refused' | 'othersRefused'): number => Math.max(...costs.map((each) => each[name]));
  const failure = costs.find((each) => each.failure !== undefined)?.failure;
  return {
    ...middle,
    refused: worst('refused'),
    othersRefused: worst('othersRefused'),
    ...(failure !== undefined && { failure }),
  };
}

function findFailures({ name, ratio, refused }: RateLimitScenario, cost: RateLimitCost): string[] {
  const failures: string[] = [];
  if (cost.failure !== undefined) failures.push(cost.failure);
  if (ratio !== undefined && cost.seconds > ratio * cost.minimumSeconds)
    failures.push(`more than ${ratio} times the minimum`);
  if (cost.refused > refused * cost.requests) failures.push(`${cost.refused} requests got a 429`);
  if (cost.othersRefused > 0) failures.push(`${cost.othersRefused} requests of the other client got a 429`);
  return failures.map((failure) => `${name}: ${failure}`);
}

/** Compares the time without a rate limit with a loop without Temporal. */
async function compareSeconds(): Promise<string[]> {
  const warm = { ...noLimitScenario, warm: true };
  // In turns, because the speed of a shared machine varies.
  const costs: Record<'cold' | 'own' | 'loop', RateLimitCost[]> = { cold: [], own: [], loop: [] };
  for (let nth = 0; nth < comparedRuns; nth += 1) {
    costs.cold.push(await measureSync(noLimitScenario));
    costs.own.push(await measureSync(warm));
    costs.loop.push(await measureLoop(warm, 'axios', 20));
  }
  const [cold, own, loop] = [findMedian(costs.cold), findMedian(costs.own), findMedian(costs.loop)];
  printTable(noLimitScenario.name, [
    toRow('rollcall, just started', cold),
    toRow('rollcall', own),
    toRow('axios, 20 at a time', loop),
  ]);
  return [
    ...findFailures(noLimitScenario, own),
    ...(own.seconds > 1.5 * loop.seconds ? [`${noLimitScenario.name}: more than 1.5 times the loop's time`] : []),
  ];
}

/** Compares the processor time without a rate limit and latency with a loop without Temporal. */
async function compareProcessorTime(): Promise<string[]> {
  const own = await measureMedian(defaultRuns, () => measureSync(noLatencyScenario));
  const loop = await measureMedian(defaultRuns, () => measureLoop(noLatencyScenario, 'axios', 1));
  printTable(noLatencyScenario.name, [toRow('rollcall', own), toRow('axios, 1 at a time', loop)]);
  return [
    ...findFailures(noLatencyScenario, own),
    ...(own.cpuSeconds > 2 * loop.cpuSeconds
      ? [`${noLatencyScenario.name}: more than twice the loop's processor time`]
      : []),
  ];
}

function toRow(by: string, cost: RateLimitCost): Record<string, string | number> {
  const { seconds, minimumSeconds, requests, refused, cpuSeconds, serverCpuSeconds, peak, failure } = cost;
  return {
    by,
    seconds: round(seconds),
    minimum: minimumSeconds > 0 ? round(minimumSeconds) : '-',
    ratio: minimumSeconds > 0 ? (seconds / minimumSeconds).toFixed(3) : '-',
    requests,
    '429s': refused,
    'CPU seconds': round(cpuSeconds),
    'of the server': round(serverCpuSeconds),
    MB: Math.round(peak / 1e6),
    ended: failure === undefined ? 'complete' : failure.slice(0, 40),
  };
}

runBenchmark(module, () => main(process.argv[2]));
