import { countUsers, measureMerge } from '../../../bench/postgres';

it('30,000 merged rows leave each user once, in the newest version', async () => {
  const { rowsInTable, newest } = await measureMerge(30_000);
  expect({ rowsInTable, newest }).toEqual({ rowsInTable: countUsers(30_000), newest: true });
});
