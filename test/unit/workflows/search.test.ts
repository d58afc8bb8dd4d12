import type { PlannedStream } from '../../../src/workflows/contract';
import { planSearch } from '../../../src/workflows/stream';

const users: PlannedStream = {
  name: 'users',
  syncMode: 'incremental',
  destinationSyncMode: 'append',
  reader: 'search',
  cursorField: 'updated_at',
  orderBy: { cursor: 'updated_at', immutable: 'created_at' },
};
const startDate = '2025-01-01T00:00:00.000Z';
const options = { lookbackSeconds: 180, lagSeconds: 30 };
const search = { kind: 'search', stream: 'users' };

it('orders a full refresh by the immutable key, from the beginning, with an open end', () => {
  const plan = planSearch({ ...users, syncMode: 'full_refresh' }, { updated_at: '2026-01-01T00:00:00Z' }, options);
  expect(plan).toEqual({ task: { ...search, key: 'created_at', missing: true } });
});

it('orders a full refresh with a start date by the cursor', () => {
  const plan = planSearch({ ...users, syncMode: 'full_refresh', startDate }, null, options);
  expect(plan).toEqual({ task: { ...search, key: 'updated_at', from: startDate, missing: true } });
});

it.each([[null], [{}]])('reads everything in the first run, with the state %j', (state) => {
  for (const stream of [users, { ...users, startDate }]) {
    expect(planSearch(stream, state, options)).toEqual(
      planSearch({ ...stream, syncMode: 'full_refresh' }, null, options),
    );
  }
});

it('reads later runs from the look-back before the saved cursor, with a fixed end, regardless of the start date', () => {
  const plan = planSearch({ ...users, startDate }, { updated_at: '2026-01-01T00:00:00+01:00' }, options);
  expect(plan).toEqual({
    task: { ...search, key: 'updated_at', from: '2025-12-31T22:57:00.000Z', to: { lagSeconds: 30 }, missing: true },
    savedCursor: '2025-12-31T23:00:00.000Z',
  });
});

it('starts at least one second before the cursor, because the clock of the server has no fractions of a second', () => {
  const plan = planSearch(users, { updated_at: '2026-01-01T00:00:00.999Z' }, { lookbackSeconds: 0, lagSeconds: 0 });
  expect(plan).toMatchObject({ task: { from: '2025-12-31T23:59:59.999Z' } });
});

it('names the invalid state and the next step', () => {
  const plan = planSearch(users, { updated_at: 'yesterday' }, options);
  expect(plan).toEqual({ problem: expect.stringMatching(/^the saved state of users .*updated_at is not.*reset it/) });
});

it('rejects a searchable stream without timestamps to order by', () => {
  const { orderBy: _, ...stream } = users;
  expect(() => planSearch(stream, null, options)).toThrow('declares no timestamps to order by');
});
