import type { Json } from '../../../src/json';
import type { StreamState } from '../../../src/protocol';
import { createParentReadState } from '../../../src/workflows/parent-reader';
import { StreamRun } from '../../../src/workflows/stream-delivery';

const names = ['organizations', 'organization_members'];
const runOf = (name: string): StreamRun =>
  new StreamRun(
    {
      name,
      syncMode: 'full_refresh',
      destinationSyncMode: 'append',
      schema: {},
      primaryKey: [],
      reader: 'members',
      syncId: 7,
    },
    'run',
    async () => undefined,
  );
const cursorAt = (from: string): Json => ({ mode: 'checkpoint', from, pages: 1, done: false });
const stateAt = (from: string, slices: number, syncId = 7): StreamState => ({
  rollcall: {
    version: 1,
    sync_id: syncId,
    records: 5,
    finished: false,
    cursor: { cursor: cursorAt(from), fetches: slices },
  },
});
const place = (from: string | null, slices: number) => ({
  list: { cursor: from === null ? null : cursorAt(from), fetches: slices, done: false },
  batches: [],
  fetches: 0,
  audit: { organizations: 0, memberLists: 0, members: 0 },
});
const beginning = place(null, 0);

it.each<[string, Record<string, StreamState>, object]>([
  ['at the beginning without states', {}, beginning],
  ['at the beginning when one stream has no state', { organizations: stateAt('b', 2) }, beginning],
  ['at the beginning when the first stream has none', { organization_members: stateAt('b', 2) }, beginning],
  ['where all have been', { organizations: stateAt('c', 3), organization_members: stateAt('b', 2) }, place('b', 2)],
  [
    'in whatever order they come',
    { organizations: stateAt('a', 1), organization_members: stateAt('b', 2) },
    place('a', 1),
  ],
  [
    'at the beginning when one state is of another job',
    { organizations: stateAt('b', 2), organization_members: stateAt('b', 2, 8) },
    beginning,
  ],
])('a family goes on %s', (_where, states, expected) => {
  expect(createParentReadState(names.map(runOf), states)).toEqual(expected);
});

it('a stream that has failed holds the others back no longer', () => {
  const [organizations, members] = names.map(runOf);
  members!.fail({ type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'It lacks a scope.' });
  expect(createParentReadState([organizations!, members!], { organizations: stateAt('b', 2) })).toEqual(place('b', 2));
});
