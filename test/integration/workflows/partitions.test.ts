import { ApplicationFailure } from '@temporalio/common';
import { type Emulator, startEmulator } from 'auth0-emulator';
import type { FetchInput } from '../../../src/activities/fetch-contract';
import { countRecords } from '../../../src/staging/segment';
import type { SearchTask } from '../../../src/streams/fetch-task';
import { compare, exact } from '../../support/compare-copy';
import { readWorkflowHistories } from '../../support/histories';
import { expectOrderedDeliveries, expectCompleteCopy } from '../../support/expect-copy';
import {
  full,
  incremental,
  startTestEnvironment,
  type SyncOutcome,
  type TestEnvironment,
} from '../../support/test-environment';

const limits = {
  fetchBudget: { pages: 3, seconds: 60, bytes: 1e9 },
  concurrency: { min: 3, max: 3 },
  rowsPerPartition: { preferred: 300, min: 300 },
};
jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 4_000, ties: [{ size: 150 }], missingUpdatedAt: 3, missingCreatedAt: 2 },
      clients: { count: 0 },
      organizations: { count: 0 },
      roles: { count: 0 },
    },
  });
  environment = await startTestEnvironment();
}, 60_000);
afterEach(() => {
  tenant.setFaults([]);
  tenant.resetStatistics();
});
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

const listSearches = ({ fetches }: SyncOutcome): SearchTask[] =>
  fetches.flatMap(({ task }) => (task.kind === 'search' ? [task] : []));

it('splits a long search into concurrent partitions, and splits further while there is capacity', async () => {
  let finished = 0;
  tenant.updateSettings({ latencyMs: 10 });
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits,
    // The last range gets no further than its first slice before the others are done.
    async fetchPages({ task, cursor }, real) {
      if (task.kind !== 'search') return real();
      for (let tries = 0; task.from && !task.to && cursor && finished < 2 && tries < 500; tries += 1) {
        await new Promise((go) => setTimeout(go, 10));
      }
      const slice = await real();
      if (slice.done) finished += 1;
      return slice;
    },
  });
  tenant.updateSettings({ latencyMs: 0 });
  expectCompleteCopy(outcome, tenant, ['users']);
  expectOrderedDeliveries(outcome);
  expect(tenant.readStatistics().maxInFlight).toBeGreaterThan(1);
  const [{ audit, counts, verdict }] = outcome.result.streams as [SyncOutcome['result']['streams'][0]];
  expect(audit.length).toBeGreaterThan(3);
  expect(audit.reduce((sum, { rows }) => sum + rows, 0)).toBe(4_000);
  expect(verdict).toBe('complete');
  expect(counts).toMatchObject({
    requests: tenant.readStatistics().requests,
    rows: 4_000,
    missed: 0,
    ties: 1,
    splits: 0,
  });
  // 40 pages and what repeats at their edges; the tie's second look, the greatest key, those without it; one for a cut.
  expect(counts.requests).toBeLessThanOrEqual(41 + 4 + audit.length);
  // Announced while most of it was still to come.
  const announced = outcome.deliveries.findIndex(({ estimate }) => estimate !== undefined);
  const before = outcome.deliveries.slice(0, announced + 1).flatMap(({ segments }) => segments);
  expect(countRecords(before)).toBeLessThan(2_000);
  expect(Math.abs(outcome.deliveries[announced]!.estimate! - 4_000)).toBeLessThan(400);
});

it('does not split a short search', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits: { ...limits, rowsPerPartition: { preferred: 5_000, min: 5_000 } },
  });
  expectCompleteCopy(outcome, tenant, ['users']);
  expect(outcome.result.streams[0]?.audit).toEqual([
    { part: 'created_at the beginning to the end, and without created_at', rows: 4_000, total: 1_000 },
  ]);
});

it('loses and repeats no record when it continues as new with several partitions', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits: { ...limits, fetchesPerRun: 5 },
  });
  expectCompleteCopy(outcome, tenant, ['users']);
  expectOrderedDeliveries(outcome);
  const runs = await readWorkflowHistories(environment.temporal.client, outcome.workflowId);
  expect(runs.filter(({ workflow }) => workflow === 'streamWorkflow').length).toBeGreaterThan(2);
});

it('resumes every partition where an earlier attempt of the same job was interrupted', async () => {
  const streams = full('users').map((stream) => ({ ...stream, syncId: 7 }));
  const breaks = async <Result>({ fetchId }: FetchInput, real: () => Promise<Result>): Promise<Result> => {
    if (fetchId === 'users-8') throw ApplicationFailure.nonRetryable('It broke. Mend it.', 'RequestRejected');
    return real();
  };
  const first = await environment.runSync({ tenant, streams, limits, fetchPages: breaks });
  expect(first.result.streams).toMatchObject([{ status: 'incomplete', verdict: 'incomplete: It broke. Mend it.' }]);
  const second = await environment.runSync({ tenant, streams, limits, states: first.states });
  const rows = [...first.rows['users']!, ...second.rows['users']!];
  expect(compare('users', rows, tenant.readTruth().users)).toEqual(exact);
  expect(new Set(listSearches(second).map(({ from }) => from)).size).toBeGreaterThan(1);
});

it('saves the start time of a first run, though most partitions start later', async () => {
  let answered: number | undefined;
  const outcome = await environment.runSync({
    tenant,
    streams: incremental('users'),
    limits,
    async fetchPages({ fetchId }, real) {
      // The tenant's clock tells whole seconds.
      if (fetchId === 'users-1') await new Promise((go) => setTimeout(go, 2_100));
      return real().finally(() => (answered ??= Date.now()));
    },
  });
  expect(outcome.result.streams[0]?.audit.length).toBeGreaterThan(1);
  expect(Date.parse(outcome.states['users']?.['updated_at'] as string)).toBeLessThan(answered! + 1_000);
});

describe('a later run of an incremental stream', () => {
  const states = { users: { updated_at: '2021-01-01T00:00:00.000Z' } };
  const cursorsOf = ({ deliveries }: SyncOutcome): string[] =>
    deliveries.flatMap(({ state }) => (state ? [state['updated_at'] as string] : []));

  it('saves no cursor beyond an unfinished partition', async () => {
    const wanted = [...tenant.tenant.users.iterateUsers()].filter(
      (user) => String(user['updated_at'] ?? '') >= '2020-12-31T23',
    );
    // The first range waits until all others are done.
    let rest = 0;
    const outcome = await environment.runSync({
      tenant,
      streams: incremental('users'),
      limits,
      states,
      async fetchPages({ task, fetchId }, real) {
        const first = 'from' in task && task.from < '2021' && fetchId !== 'users-0';
        for (let tries = 0; first && rest < 4 && tries < 100; tries += 1) await new Promise((go) => setTimeout(go, 20));
        if (!first) rest += 1;
        return real();
      },
    });
    expect(outcome.result.status).toBe('complete');
    const seen = new Set<unknown>();
    for (const { segments, state } of outcome.deliveries) {
      const rows = outcome.rows['users']!.slice(
        seen.size,
        seen.size + segments.reduce((sum, { records }) => sum + records, 0),
      );
      for (const row of rows) seen.add(row['user_id']);
      const cursor = state?.['updated_at'] as string | undefined;
      const covered = wanted.filter((user) => cursor !== undefined && String(user['updated_at']) <= cursor);
      expect(covered.filter((user) => !seen.has(user['user_id']))).toEqual([]);
    }
    expect(cursorsOf(outcome)).toEqual([...cursorsOf(outcome)].sort());
    expect(cursorsOf(outcome).length).toBeGreaterThan(3);
  });

  it("ends by the lag before the tenant's time, and starts by the look-back before its cursor", async () => {
    const now = new Date();
    const [user] = tenant.tenant.users.iterateUsers();
    tenant.tenant.apply({ type: 'updateUser', user_id: user!['user_id'] as string, patch: { nickname: 'renamed' } });
    const scenario = { tenant, streams: incremental('users'), states: { users: { updated_at: now.toISOString() } } };
    const held = await environment.runSync({ ...scenario, readOptions: { lagSeconds: 3_600, lookbackSeconds: 0 } });
    expect(held.result.streams).toMatchObject([{ status: 'complete', records: 0 }]);
    expect(cursorsOf(held)).toEqual(cursorsOf(held).map(() => now.toISOString()));
    const outcome = await environment.runSync({ ...scenario, readOptions: { lagSeconds: 0, lookbackSeconds: 60 } });
    expect(outcome.rows['users']).toHaveLength(3 + 1);
    expect(listSearches(outcome)[0]).toMatchObject({ from: new Date(now.getTime() - 60_000).toISOString() });
    expect(cursorsOf(outcome).at(-1)! >= now.toISOString()).toBe(true);
  });
});

it('does not accept a page with fewer rows than its total as complete', async () => {
  tenant.setFaults([{ kind: 'omit-rows', match: 'created_at%3A', every: 7, rows: 20 }]);
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits: { ...limits, rowsPerPartition: { preferred: 5_000, min: 5_000 } },
  });
  expectCompleteCopy(outcome, tenant, ['users']);
});

it('reports how many users were deleted or changed after the total was reported', async () => {
  const late = [...tenant.tenant.users.iterateUsers()]
    .flatMap(({ user_id: id, created_at: at }) =>
      typeof id === 'string' && typeof at === 'string' ? [{ id, at }] : [],
    )
    .sort((one, other) => (one.at < other.at ? 1 : -1));
  tenant.setScript(late.slice(5, 8).map(({ id }) => ({ change: { type: 'deleteUser', user_id: id }, atRequest: 40 })));
  const outcome = await environment.runSync({
    tenant,
    streams: full('users'),
    limits: { ...limits, rowsPerPartition: { preferred: 5_000, min: 5_000 } },
  });
  expect(outcome.result).toMatchObject({
    status: 'complete',
    verdict: 'complete except for users: 3 users changed or deleted during the read',
  });
});
