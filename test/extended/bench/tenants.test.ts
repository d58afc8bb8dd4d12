import { measureTenants, mostTenantMemory, spreadOf } from '../../../bench/tenants-cost';

jest.setTimeout(300_000);

it('a worker copies twelve tenants side by side: a slow one holds back none, and each gets its limit and no more', async () => {
  const { usual, slow, peak, replayed } = await measureTenants(12, 0.3);
  expect([...usual, slow].map(({ name, verdict }) => ({ name, verdict }))).toEqual(
    [...usual, slow].map(({ name }) => ({ name, verdict: 'complete' })),
  );
  const { median, last } = spreadOf(usual);
  expect({ median, last, usual, isFair: last < 2 }).toMatchObject({ isFair: true });
  expect(slow.seconds).toBeGreaterThan(last * median);
  expect(usual.filter(({ refused }) => refused > 0)).toEqual([]);
  const requests = usual.map((each) => each.requests);
  expect(Math.max(...requests) - Math.min(...requests)).toBeLessThanOrEqual(3);
  expect(peak).toBeLessThan(mostTenantMemory);
  // Workflows that are under way stay in memory.
  expect(replayed).toBe(0);
});

it('tells how far the last and the first are from the middle one', () => {
  const usual = [8, 10, 30].map((seconds) => ({ name: '', seconds, requests: 1, refused: 0, verdict: 'complete' }));
  expect(spreadOf(usual)).toEqual({ median: 10, last: 3, first: 0.8 });
});
