import { measureMemory } from '../../../bench/memory';
import { isFlat, maxMemory } from '../../../bench/support/resident-memory';

jest.setTimeout(180_000);

it('a sync of 100,000 users takes less than 300 MB, and its memory does not grow', async () => {
  const cost = await measureMemory('large', 'files');
  expect(cost.rows).toBe(100_000);
  expect(cost.peak).toBeLessThan(maxMemory);
  expect({ ...cost, isFlat: isFlat(cost) }).toMatchObject({ isFlat: true });
});
