import { isFlat, measureMemory, mostMemory } from '../../../bench/memory-cost';

jest.setTimeout(180_000);

it('100,000 users are copied in less than 300 MB, and the last ones take no more than the first', async () => {
  const cost = await measureMemory('large', 'files');
  expect(cost.rows).toBe(100_000);
  expect(cost.peak).toBeLessThan(mostMemory);
  expect({ ...cost, isFlat: isFlat(cost) }).toMatchObject({ isFlat: true });
});

it('memory that grows with what is read is not flat', () => {
  const cost = { rows: 0, seconds: 0, requests: 0, peak: 0, serverPeak: 0 };
  expect(isFlat({ ...cost, tenths: [100, 120, 140, 160, 180, 200, 220, 240, 260, 280] })).toBe(false);
  expect(isFlat({ ...cost, tenths: [60, 100, 100, 110, 100, 105, 100, 110, 100, 100] })).toBe(true);
});
