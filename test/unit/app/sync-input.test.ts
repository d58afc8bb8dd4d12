import { defaultLimits, readLimits, selectStreams } from '../../../src/app/sync-input';
import { parseConnection } from '../../../src/config/project';
import { streams } from '../../../src/streams/registry';

it('applies the fetch budget of the environment to every kind of fetch', () => {
  expect(readLimits({ fetchBudget: { pages: 3 }, heartbeatSeconds: 2 })).toEqual({
    ...defaultLimits,
    fetchBudget: { ...defaultLimits.fetchBudget, pages: 3 },
    childFetchBudget: { ...defaultLimits.childFetchBudget, pages: 3 },
    heartbeatSeconds: 2,
  });
});

it.each([
  [{ files: 'data' }, 'append', 'overwrite'],
  [{ postgres: { url: 'env:DATABASE_URL' } }, 'append_dedup', 'overwrite_dedup'],
])(
  'writes into %j with %s for incremental streams, and with %s for others or in a full sync',
  (destination, add, replace) => {
    const settings = { domain: 'a.example.com', credentials: {}, destination, streams: ['users', 'clients'] };
    const connection = parseConnection('acme', settings, streams, '.');
    const modes = (full: boolean) => selectStreams(connection, full).map((each) => each.destinationSyncMode);
    expect(modes(false)).toEqual([add, replace]);
    expect(modes(true)).toEqual([replace, replace]);
  },
);
