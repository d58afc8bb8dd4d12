import type { Json } from '../../../src/json';
import type { StreamState } from '../../../src/protocol';
import { toSavedState } from '../../../src/streams/resume-point';
import { createParentReadState } from '../../../src/workflows/parent-read-state';
import { StreamRun } from '../../../src/workflows/stream-delivery';
import type { PlannedStream, ReadInput } from '../../../src/workflows/contract';

const common: Omit<PlannedStream, 'name' | 'reader'> = {
  syncMode: 'full_refresh',
  destinationSyncMode: 'append',
  syncId: 7,
};
const planned: PlannedStream[] = [
  { ...common, name: 'organizations', reader: 'parent' },
  { ...common, name: 'organization_members', reader: 'children', parent: 'organizations', reading: 'members' },
];
const createStreams = (): StreamRun[] => planned.map((stream) => new StreamRun(stream, 'run', async () => undefined));
const cursorAt = (from: string): Json => ({ mode: 'checkpoint', from, pages: 1, done: false });
const stateAt = (from: string, fetches: number, syncId = 7): StreamState => ({
  rollcall: {
    version: 1,
    sync_id: syncId,
    records: 5,
    finished: false,
    cursor: { kind: 'parents', cursor: cursorAt(from), fetches },
  },
});
const start = { cursor: null, fetches: 0 };

function findStart(states: Record<string, StreamState>, streams = createStreams()): object {
  const saved = Object.fromEntries(Object.entries(states).map(([name, state]) => [name, toSavedState(state)]));
  const input = { streams: planned, states: saved } as Partial<ReadInput> as ReadInput;
  return createParentReadState({ streams, input }).list;
}

it.each<[string, Record<string, StreamState>, object]>([
  ['at the beginning without states', {}, start],
  ['at the beginning when a child stream has no state', { organizations: stateAt('b', 2) }, start],
  ['at the beginning when the parent stream has no state', { organization_members: stateAt('b', 2) }, start],
  [
    'where the child stream was when it is behind',
    { organizations: stateAt('c', 3), organization_members: stateAt('b', 2) },
    { cursor: cursorAt('b'), fetches: 2 },
  ],
  [
    'where the parent stream was when it is behind',
    { organizations: stateAt('a', 1), organization_members: stateAt('b', 2) },
    { cursor: cursorAt('a'), fetches: 1 },
  ],
  [
    'at the beginning when one state belongs to another job',
    { organizations: stateAt('b', 2), organization_members: stateAt('b', 2, 8) },
    start,
  ],
])('a parent list resumes %s', (_where, states, expected) => {
  expect(findStart(states)).toEqual({ ...expected, done: false });
});

it('ignores the state of a stream that has failed', () => {
  const streams = createStreams();
  streams[1]!.fail({ type: 'MissingScope', failureType: 'config_error', exitCode: 4, message: 'It lacks a scope.' });
  expect(findStart({ organizations: stateAt('b', 2) }, streams)).toMatchObject({ cursor: cursorAt('b'), fetches: 2 });
});
