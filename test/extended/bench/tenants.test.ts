import { measureTenants, maxWorkerMemory, measureSpread } from '../../../bench/tenants';

jest.setTimeout(300_000);

it('a worker syncs twelve tenants at their rate limits, and a slow one does not delay the others', async () => {
  const { usual, slow, peak, replayed } = await measureTenants(12, 0.3);
  expect([...usual, slow].map(({ name, verdict }) => ({ name, verdict }))).toEqual(
    [...usual, slow].map(({ name }) => ({ name, verdict: 'complete' })),
  );
  const { median, last } = measureSpread(usual);
  expect({ median, last, usual, isFair: last < 2 }).toMatchObject({ isFair: true });
  expect(slow.seconds).toBeGreaterThan(last * median);
  expect(usual.filter(({ refused }) => refused > 0)).toEqual([]);
  const requests = usual.map((each) => each.requests);
  expect(Math.max(...requests) - Math.min(...requests)).toBeLessThanOrEqual(3);
  expect(peak).toBeLessThan(maxWorkerMemory);
  // Running workflows stay in memory.
  expect(replayed).toBe(0);
});
