import { measureTenants, mostTenantMemory, spreadOf, type TenantCost } from './tenants-cost';
import { conclude, printTable } from './table';

/** Most seconds of a usual tenant to the middle one's. */
const latest = 1.5;
/** Most requests of one to those of another: a page is read again where a starved worker was taken for dead. */
const mostRequests = 1.1;

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 50);
  const { usual, slow, peak, cpuSeconds, replayed } = await measureTenants(count);
  const { median, first, last } = spreadOf(usual);
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
  const [one] = usual as [TenantCost];
  printTable(`${count} tenants by one worker`, [
    {
      tenant: `${usual.length} usual ones`,
      'seconds, median': round(median),
      'first : median': round(first),
      'last : median': round(last),
      requests: one.requests,
      '429s': sum(usual.map(({ refused }) => refused)),
    },
    {
      tenant: 'the slow one',
      'seconds, median': round(slow.seconds),
      'first : median': '',
      'last : median': '',
      requests: slow.requests,
      '429s': slow.refused,
    },
  ]);
  printTable('the worker', [
    {
      'peak MB': megabytes(peak),
      'CPU seconds': Math.round(cpuSeconds),
      'workflows replayed': replayed,
    },
  ]);
  conclude([
    ...[...usual, slow]
      .filter(({ verdict }) => verdict !== 'complete')
      .map(({ name, verdict }) => `${name}: ${verdict}`),
    ...(peak < mostTenantMemory ? [] : ['more than 500 MB']),
    ...(last <= latest ? [] : ['a tenant was held back by the others']),
    ...(slow.seconds > last * median ? [] : ['the slow tenant was not slow']),
    ...(usual.every(({ requests }) => requests <= mostRequests * one.requests)
      ? []
      : ['requests differ from tenant to tenant']),
    ...(usual.some(({ refused }) => refused > 0) ? ['a tenant was asked for more than its limit'] : []),
  ]);
}

const round = (value: number): number => Math.round(value * 100) / 100;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

void main();
