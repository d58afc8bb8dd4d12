import { measureMerge, usersIn } from '../../../bench/postgres-cost';

it('30,000 rows are merged so that each user stands there once, in the newest version', async () => {
  const { held, newest } = await measureMerge(30_000);
  expect({ held, newest }).toEqual({ held: usersIn(30_000), newest: true });
});
