import { measureLoop, measureSync, type LimitCost } from './limit-cost';
import { LIMIT_SCENARIOS, UNBOUND, UNLIMITED, type LimitScenario } from './limit-scenarios';
import { conclude, printTable } from './table';

const runs = 3;
/** Of two that are compared. */
const turns = 5;
/** Latencies may change the ratio by so much. */
const mostSpread = 0.05;

/** Without arguments all scenarios; else those whose names hold the text. */
async function main(wanted = ''): Promise<void> {
  const failures: string[] = [];
  const isWanted = ({ name }: LimitScenario): boolean => name.includes(wanted);
  const spread: number[] = [];
  for (const scenario of LIMIT_SCENARIOS.filter(isWanted)) {
    const cost = await medianOf(scenario.runs ?? runs, () => measureSync(scenario));
    const rows = [rowOf('rollcall', cost)];
    for (const parallel of scenario.besideLoops ? [1, 20] : []) {
      rows.push(rowOf(`SDK, ${parallel} at a time`, await measureLoop(scenario, 'sdk', parallel)));
    }
    printTable(scenario.name, rows);
    failures.push(...failuresOf(scenario, cost));
    if (scenario.spread) spread.push(cost.seconds / cost.bound);
  }
  if (Math.max(...spread) - Math.min(...spread) > mostSpread) failures.push('latency changes the ratio');
  if (isWanted(UNLIMITED)) failures.push(...(await compareSeconds()));
  if (isWanted(UNBOUND)) failures.push(...(await compareProcessorTime()));
  conclude(failures);
}

/** Of an odd number of runs, the one whose time is in the middle; what was refused is that of the worst. */
async function medianOf(count: number, measure: () => Promise<LimitCost>): Promise<LimitCost> {
  const costs: LimitCost[] = [];
  for (let nth = 0; nth < count; nth += 1) costs.push(await measure());
  return median(costs);
}

function median(costs: LimitCost[]): LimitCost {
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

function failuresOf({ name, ratio, refused }: LimitScenario, cost: LimitCost): string[] {
  const failures: string[] = [];
  if (cost.failure !== undefined) failures.push(cost.failure);
  if (ratio !== undefined && cost.seconds > ratio * cost.bound) failures.push(`more than ${ratio} of the least time`);
  if (cost.refused > refused * cost.requests) failures.push(`${cost.refused} requests met a 429`);
  if (cost.othersRefused > 0) failures.push(`${cost.othersRefused} requests of the other client met a 429`);
  return failures.map((failure) => `${name}: ${failure}`);
}

/** Without a limit, against a loop that asks for pages one after the other, side by side where lists are. */
async function compareSeconds(): Promise<string[]> {
  const warm = { ...UNLIMITED, warm: true };
  // In turns: a machine that others use is not as fast at one time as at another.
  const costs: Record<'cold' | 'own' | 'loop', LimitCost[]> = { cold: [], own: [], loop: [] };
  for (let nth = 0; nth < turns; nth += 1) {
    costs.cold.push(await measureSync(UNLIMITED));
    costs.own.push(await measureSync(warm));
    costs.loop.push(await measureLoop(warm, 'axios', 20));
  }
  const [cold, own, loop] = [median(costs.cold), median(costs.own), median(costs.loop)];
  printTable(UNLIMITED.name, [
    rowOf('rollcall, just started', cold),
    rowOf('rollcall', own),
    rowOf('axios, 20 at a time', loop),
  ]);
  return [
    ...failuresOf(UNLIMITED, own),
    ...(own.seconds > 1.5 * loop.seconds ? [`${UNLIMITED.name}: more than 1.5 of the loop's time`] : []),
  ];
}

async function compareProcessorTime(): Promise<string[]> {
  const own = await medianOf(runs, () => measureSync(UNBOUND));
  const loop = await medianOf(runs, () => measureLoop(UNBOUND, 'axios', 1));
  printTable(UNBOUND.name, [rowOf('rollcall', own), rowOf('axios, 1 at a time', loop)]);
  return [
    ...failuresOf(UNBOUND, own),
    ...(own.cpuSeconds > 2 * loop.cpuSeconds ? [`${UNBOUND.name}: more than twice the loop's processor time`] : []),
  ];
}

function rowOf(by: string, cost: LimitCost): Record<string, string | number> {
  const { seconds, bound, requests, refused, cpuSeconds, serverCpuSeconds, peak, failure } = cost;
  const places = (value: number): number => Math.round(value * 100) / 100;
  return {
    by,
    seconds: places(seconds),
    least: bound > 0 ? places(bound) : '-',
    ratio: bound > 0 ? (seconds / bound).toFixed(3) : '-',
    requests,
    '429s': refused,
    'CPU s': places(cpuSeconds),
    "server's": places(serverCpuSeconds),
    MB: Math.round(peak / 1e6),
    ended: failure === undefined ? 'complete' : failure.slice(0, 40),
  };
}

void main(process.argv[2]);
