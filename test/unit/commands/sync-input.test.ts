import { defaultLimits, readLimits, selectStreams } from '../../../src/app/sync-input';
import { parseConnection } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';

it('takes the bounds of a slice that the environment sets for every kind of slice, and leaves the others', () => {
  expect(readLimits({ fetchBudget: { pages: 3 }, heartbeatSeconds: 2 })).toEqual({
    ...defaultLimits,
    slice: { ...defaultLimits.fetchBudget, pages: 3 },
    memberSlice: { ...defaultLimits.childFetchBudget, pages: 3 },
    heartbeatSeconds: 2,
  });
});

it.each([
  [{ files: 'data' }, 'append', 'overwrite'],
  [{ postgres: { url: 'env:DATABASE_URL' } }, 'append_dedup', 'overwrite_dedup'],
])(
  'into %j, adds by %s what is read incrementally, and replaces the rest, or all, by %s',
  (destination, add, replace) => {
    const settings = { domain: 'a.example.com', credentials: {}, destination, streams: ['users', 'clients'] };
    const connection = parseConnection('acme', settings, streams, '.');
    const modes = (full: boolean) => selectStreams(connection, full).map((each) => each.destinationSyncMode);
    expect(modes(false)).toEqual([add, replace]);
    expect(modes(true)).toEqual([replace, replace]);
  },
);
