import { ApplicationFailure } from '@temporalio/common';
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { FetchInput } from '../../../src/activities/fetch-contract';
import type { JsonObject } from '../../../src/json';
import { DestinationUnreadable } from '../../../src/sinks/files/manifest';
import { compare, exact } from '../../support/compare-copy';
import { readWorkflowHistories } from '../../support/histories';
import { expectOrderedDeliveries, expectCompleteCopy, listDeliveries } from '../../support/expect-copy';
import { full, incremental, startTestEnvironment, type TestEnvironment } from '../../support/test-environment';

const onePage = { fetchBudget: { pages: 1, seconds: 60, bytes: 1e9 } };
const undated = 3;
jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 650, ties: [{ size: 120 }], missingUpdatedAt: undated, missingCreatedAt: 2 },
      clients: { count: 550 },
      organizations: { count: 0 },
      roles: { count: 0 },
    },
  });
  environment = await startTestEnvironment();
}, 60_000);
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

/** Fails for good at the nth slice, as an error does that nobody can mend. */
const failAt =
  (nth: number) =>
  async <Result>({ fetchId }: FetchInput, real: () => Promise<Result>): Promise<Result> => {
    if (fetchId.endsWith(`-${nth}`)) throw ApplicationFailure.nonRetryable('It broke. Mend it.', 'RequestRejected');
    return real();
  };

it('loses and repeats no record when it continues as new', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits: { ...onePage, fetchesPerRun: 4 },
  });
  expectCompleteCopy(outcome, tenant, ['users']);
  expectOrderedDeliveries(outcome);
  expect(outcome.fetches.map(({ fetchId }) => fetchId)).toEqual(outcome.fetches.map((_, nth) => `users-${nth}`));
  expect(outcome.result.streams[0]?.counts.pages).toBe(outcome.fetches.length);
  const runs = await readWorkflowHistories(environment.temporal.client, outcome.workflowId);
  expect(runs.filter(({ workflow }) => workflow === 'streamWorkflow')).toHaveLength(
    Math.ceil(outcome.fetches.length / 4),
  );
});

it('runs one fetch ahead of the delivery, and no more', async () => {
  let most = 0;
  let fetched = 0;
  const outcome = await environment.runSync({
    tenant,
    streams: full('clients'),
    limits: onePage,
    fetchPages: (_input, real) => real().finally(() => (fetched += 1)),
    async deliver({ segments }) {
      const before = fetched;
      await new Promise((resolve) => setTimeout(resolve, segments.length > 0 ? 150 : 0));
      most = Math.max(most, fetched - before);
    },
  });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2);
  expectCompleteCopy(outcome, tenant, ['clients']);
  expectOrderedDeliveries(outcome);
});

it('retries a transient error at the page that failed', async () => {
  tenant.setFaults([{ kind: '503', match: '/clients', nth: 3 }]);
  tenant.resetStatistics();
  const limits = { fetchBudget: { pages: 100, seconds: 60, bytes: 1e9 }, maxStalledAttempts: 2 };
  const outcome = await environment.runSync({ tenant, streams: full('clients'), limits });
  tenant.setFaults([]);
  expectCompleteCopy(outcome, tenant, ['clients']);
  expect(outcome.fetches.map(({ fetchId }) => fetchId)).toEqual(['clients-0', 'clients-0']);
  expect(tenant.readStatistics().requests).toBe(6 + 1);
});

it('fails after maxStalledAttempts attempts without a page', async () => {
  tenant.setFaults([{ kind: '503', match: '/clients' }]);
  const outcome = await environment.runSync({ tenant, streams: full('clients'), limits: { maxStalledAttempts: 2 } });
  tenant.setFaults([]);
  expect(outcome.result.streams).toMatchObject([{ status: 'incomplete', failure: { type: 'Transient' } }]);
  expect(outcome.fetches).toHaveLength(2);
});

describe('a resumable full refresh', () => {
  const streams = (syncId: number) => full('clients', 'users').map((stream) => ({ ...stream, syncId }));

  it('resumes where an earlier attempt of the same job ended, and completes it', async () => {
    const first = await environment.runSync({ tenant, streams: streams(7), limits: onePage, fetchPages: failAt(3) });
    expect(first.result.status).toBe('failed');
    tenant.resetStatistics();
    const second = await environment.runSync({ tenant, streams: streams(7), limits: onePage, states: first.states });
    expect(second.result.status).toBe('complete');
    expect(second.result.streams.map(({ counts }) => counts.pages).reduce((a, b) => a + b)).toBe(
      tenant.readStatistics().requests,
    );
    for (const stream of ['clients', 'users'] as const) {
      const rows = [...(first.rows[stream] ?? []), ...(second.rows[stream] ?? [])];
      expect(compare(stream, rows, tenant.readTruth()[stream])).toEqual(exact);
      expect(second.rows[stream]!.length).toBeLessThan(tenant.readTruth()[stream].size - 180);
    }
    for (const outcome of [first, second]) expectOrderedDeliveries(outcome);

    tenant.resetStatistics();
    const third = await environment.runSync({ tenant, streams: streams(7), states: second.states });
    expect(third.result.streams.map(({ status, records }) => ({ status, records }))).toEqual(
      streams(7).map(() => ({ status: 'complete', records: 0 })),
    );
    expect(tenant.readStatistics().requests).toBe(0);
  });

  it('starts over for another job', async () => {
    const first = await environment.runSync({ tenant, streams: streams(7), limits: onePage, fetchPages: failAt(2) });
    const second = await environment.runSync({ tenant, streams: streams(8), states: first.states });
    expectCompleteCopy(second, tenant, ['clients', 'users']);
  });

  it('starts over when everything is requested', async () => {
    const first = await environment.runSync({ tenant, streams: streams(7), limits: onePage, fetchPages: failAt(2) });
    const second = await environment.runSync({ tenant, streams: streams(7), states: first.states, full: true });
    expectCompleteCopy(second, tenant, ['clients', 'users']);
  });
});

describe('an incremental stream', () => {
  const readCursor = (state: JsonObject | undefined): string => state?.['updated_at'] as string;

  it('reads everything first, then only changes, with a cursor that never decreases', async () => {
    const first = await environment.runSync({ tenant, streams: incremental('users'), limits: onePage });
    expectCompleteCopy(first, tenant, ['users']);
    expectOrderedDeliveries(first);
    const cursors = listDeliveries(first, 'users').flatMap(({ state }) => (state ? [readCursor(state)] : []));
    expect(cursors.length).toBeGreaterThan(5);
    expect(cursors.findIndex((cursor) => cursor !== undefined)).toBe(cursors.length - 1);

    const { user_id: changed } = tenant.tenant.users.read(40)!;
    tenant.tenant.apply({ type: 'updateUser', user_id: changed as string, patch: { nickname: 'changed' } });
    const { user_id: created } = tenant.tenant.apply({ type: 'createUser' });
    // What changes in the second of the first answer may come in this run or in the next, never in none.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const second = await environment.runSync({ tenant, streams: incremental('users'), states: first.states });
    const ids = second.rows['users']!.map((row) => row['user_id']);
    expect(ids.slice(0, -undated).sort()).toEqual([changed, created].sort());
    expect(second.rows['users']!.slice(-undated).every((row) => !('updated_at' in row))).toBe(true);
    expect(readCursor(second.states['users']) > readCursor(first.states['users'])).toBe(true);
    expectOrderedDeliveries(second);
  });

  it('keeps a saved cursor in the future', async () => {
    const saved = { updated_at: '2099-01-01T00:00:00.000Z' };
    const outcome = await environment.runSync({ tenant, streams: incremental('users'), states: { users: saved } });
    expect(outcome.result.streams).toMatchObject([{ status: 'complete', records: 0 }]);
    expect(outcome.states['users']).toMatchObject(saved);
  });

  it('resumes where its first read was interrupted', async () => {
    const first = await environment.runSync({
      tenant,
      streams: incremental('users'),
      limits: onePage,
      fetchPages: failAt(3),
    });
    const read = first.rows['users']!;
    expect(first.result.streams).toMatchObject([{ status: 'incomplete', records: read.length }]);
    const last = listDeliveries(first, 'users').at(-1);
    expect(last).toMatchObject({ status: 'INCOMPLETE', failure: { type: 'RequestRejected' } });
    expect(readCursor(first.states['users'])).toBeUndefined();

    const { cursor } = first.states['users']?.['rollcall'] as { cursor: { startedAt: string } };
    const second = await environment.runSync({ tenant, streams: incremental('users'), states: first.states });
    expect(compare('users', [...read, ...second.rows['users']!], tenant.readTruth().users)).toEqual(exact);
    expect(readCursor(second.states['users'])).toBe(cursor.startedAt);
  });

  it('delivers and saves what a failed later run has read, with a cursor that covers no more', async () => {
    const saved = { updated_at: '2022-06-01T00:00:00.000Z' };
    const scenario = { tenant, streams: incremental('users'), limits: onePage };
    const first = await environment.runSync({ ...scenario, states: { users: saved }, fetchPages: failAt(3) });
    const cursors = listDeliveries(first, 'users').flatMap(({ state }) => (state ? [readCursor(state)] : []));
    expect(cursors).toEqual([...cursors].sort());
    expect(new Set(cursors).size).toBeGreaterThan(1);
    const second = await environment.runSync({ ...scenario, states: first.states });
    const rows = [...first.rows['users']!, ...second.rows['users']!];
    const ids = new Set(rows.map((row) => row['user_id']));
    const wanted = [...tenant.tenant.users.iterateUsers()].filter(
      (user) => String(user['updated_at']) >= saved.updated_at,
    );
    expect(wanted.map((user) => user['user_id']).filter((id) => !ids.has(id))).toEqual([]);
    expect(second.rows['users']!.length).toBeLessThan(wanted.length - 200);
  });

  it('ends INCOMPLETE when its saved cursor is invalid, while other streams are read', async () => {
    const states = { users: { updated_at: 'yesterday' } };
    const outcome = await environment.runSync({
      tenant,
      streams: [...incremental('users'), ...full('clients')],
      states,
    });
    expectCompleteCopy(outcome, tenant, ['clients']);
    expect(outcome.result.streams.find(({ stream }) => stream === 'users')).toMatchObject({
      status: 'incomplete',
      failure: { type: 'UnreadableState', failureType: 'config_error' },
    });
    expect(listDeliveries(outcome, 'users').map(({ status, state }) => ({ status, state }))).toEqual([
      { status: 'STARTED', state: undefined },
      { status: 'INCOMPLETE', state: undefined },
    ]);
    expect(outcome.fetches.every(({ task }) => 'stream' in task && task.stream === 'clients')).toBe(true);
  });
});

it('ends with the reason of the destination when it rejects a delivery', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full('clients', 'users'),
    limits: onePage,
    async deliver({ stream, sequence }) {
      if (stream.name === 'clients' && sequence === 2) {
        throw new DestinationUnreadable('users.json', 'is torn', 'Move it away.');
      }
    },
  });
  expectCompleteCopy(outcome, tenant, ['users']);
  expectOrderedDeliveries({ ...outcome, deliveries: listDeliveries(outcome, 'users') });
  expect(outcome.result.streams.find(({ stream }) => stream === 'clients')).toMatchObject({
    status: 'incomplete',
    records: 100,
    failure: {
      type: 'DestinationUnreadable',
      failureType: 'config_error',
      message: 'users.json is torn; nothing was changed. Move it away.',
    },
  });
  expect(listDeliveries(outcome, 'clients').map(({ sequence }) => sequence)).toEqual([0, 1]);
});

it('reads from the configured start date', async () => {
  const startDate = '2024-06-01T00:00:00.000Z';
  const outcome = await environment.runSync({ tenant, streams: full('users'), startDate });
  const dated = [...tenant.tenant.users.iterateUsers()].filter((user) => String(user['updated_at'] ?? '') >= startDate);
  expect(dated.length).toBeGreaterThan(50);
  expect(outcome.rows['users']).toHaveLength(dated.length + undated);
});
