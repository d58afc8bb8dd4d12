import { randomUUID } from 'node:crypto';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { BadCredentials } from '../../../src/auth0/errors';
import { cancelSync, NoRun, pauseSync, resumeSync, SyncCancelled } from '../../../src/temporal/sync-run';
import { expectOrderedDeliveries, expectCompleteCopy } from '../../support/expect-copy';
import { until } from '../../support/wait';
import { full, startTestEnvironment, type StartedSync, type TestEnvironment } from '../../support/test-environment';

jest.setTimeout(60_000);

const all = ['clients', 'users', 'organizations', 'organization_members'] as const;
const limits = {
  fetchBudget: { pages: 300, seconds: 60, bytes: 1e9 },
  concurrency: { min: 2, max: 2 },
  parentsPerBatch: 250,
};

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 6_000 },
      clients: { count: 350 },
      organizations: { count: 250, members: 3 },
      roles: { count: 2 },
    },
    latencyMs: 60,
  });
  environment = await startTestEnvironment();
}, 60_000);
afterEach(() => {
  tenant.resetStatistics();
});
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

const getConnection = ({ run }: StartedSync): string => run.workflowId.replace('sync/', '');

/** Resolves when the tenant has received so many requests. */
const requested = (requests: number): Promise<unknown> => until(() => tenant.readStatistics().requests >= requests);

/** Resolves when the workflows of a sync have no activity in progress, with the number of requests by then. */
async function idle({ run }: StartedSync, streams: readonly string[]): Promise<number> {
  const { workflow } = environment.temporal.client;
  await until(async () => {
    const children = streams.map((stream) => workflow.getHandle(`${run.workflowId}/${stream}`).describe());
    return (await Promise.all(children)).every(({ raw }) => (raw.pendingActivities ?? []).length === 0);
  });
  return tenant.readStatistics().requests;
}

async function readPauseReason(sync: StartedSync): Promise<string | undefined> {
  return (await sync.run.progress()).find(({ pauseReason }) => pauseReason !== undefined)?.pauseReason;
}

it('stops a paused sync after its current pages, and reads little twice when it is resumed', async () => {
  const { client } = environment.temporal;
  const sync = await environment.startSync({ tenant, streams: full(...all), limits });
  const connection = getConnection(sync);
  await requested(60);
  expect(await pauseSync(client, connection, 'the tenant is being moved')).toBe(true);
  const before = tenant.readStatistics().requests;
  const atRest = await idle(sync, ['clients', 'users', 'organizations']);
  // A fetch learns of the pause with its heartbeat, within about a second.
  expect(atRest - before).toBeLessThan(40);

  expect(await pauseSync(client, connection, 'an audit is in progress')).toBe(false);
  for (const { status, pauseReason } of await sync.run.progress()) {
    const reason = status === 'complete' ? undefined : 'the tenant is being moved; an audit is in progress';
    expect(pauseReason).toBe(reason);
  }
  expect(tenant.readStatistics().requests).toBe(atRest);

  expect(await resumeSync(client, connection)).toEqual({ wasPaused: true });
  const outcome = await sync.ended;
  expectCompleteCopy(outcome, tenant, [...all]);
  expectOrderedDeliveries(outcome);
  // Pages of users, one for each split and the greatest key, of members, organizations and clients. Each of five fetches may
  // lose its current page.
  expect(tenant.readStatistics().requests).toBeLessThanOrEqual(61 + 2 + 250 + 3 + 4 + 5);
  await expect(resumeSync(client, connection)).rejects.toThrow(NoRun);
});

it('keeps a sync paused when a workflow continues as new', async () => {
  const { client } = environment.temporal;
  let isPaused = false;
  const sync = await environment.startSync({
    tenant,
    streams: full('clients'),
    limits: { ...limits, fetchBudget: { pages: 1, seconds: 60, bytes: 1e9 }, fetchesPerRun: 1 },
    async fetchPages({ fetchId }, real) {
      const result = await real();
      // The first run of the stream's workflow waits for this fetch, its only one.
      if (fetchId === 'clients-0' && !isPaused) {
        isPaused = true;
        await pauseSync(client, getConnection(sync), 'wait');
      }
      return result;
    },
  });
  const child = client.workflow.getHandle(`${sync.run.workflowId}/clients`);
  const firstRunId = await until(() =>
    child.describe().then(
      ({ runId }) => runId,
      () => undefined,
    ),
  );
  await until(async () => (await child.describe()).runId !== firstRunId);
  expect(await readPauseReason(sync)).toBe('wait');
  expect(await idle(sync, ['clients'])).toBe(1);
  expect(await resumeSync(client, getConnection(sync))).toEqual({ wasPaused: true });
  expectCompleteCopy(await sync.ended, tenant, ['clients']);
});

it('keeps the pause of refused credentials and the pause of a user apart', async () => {
  const { client } = environment.temporal;
  let isRefused = false;
  const sync = await environment.startSync({
    tenant,
    streams: full('users', 'clients'),
    limits: { ...limits, fetchBudget: { pages: 3, seconds: 60, bytes: 1e9 } },
    onRefusedCredentials: 'pause',
    wrapClient: (real) => ({
      ...real,
      getPage: async (...args) => {
        if (isRefused) throw new BadCredentials('expired_token');
        return real.getPage(...args);
      },
    }),
  });
  await requested(8);
  isRefused = true;
  const connection = getConnection(sync);
  expect(await until(() => readPauseReason(sync))).toMatch(/access token has expired/);
  expect(await pauseSync(client, connection, 'the tenant is being moved')).toBe(true);
  expect(await readPauseReason(sync)).toMatch(/access token has expired.*; the tenant is being moved$/);

  const { wasPaused, pauseReason } = await resumeSync(client, connection);
  expect({ wasPaused, pauseReason }).toEqual({ wasPaused: true, pauseReason: await readPauseReason(sync) });
  expect(pauseReason).toMatch(/access token has expired/);
  expect(pauseReason).not.toContain('the tenant is being moved');

  isRefused = false;
  expect(await resumeSync(client, connection)).toEqual({ wasPaused: true });
  const outcome = await sync.ended;
  expect(outcome.result.status).toBe('complete');
  expectCompleteCopy(outcome, tenant, ['users', 'clients']);
});

it('ends a cancelled sync soon, with a state that covers what was delivered', async () => {
  const sync = await environment.startSync({
    tenant,
    streams: full('users'),
    limits: { ...limits, fetchBudget: { pages: 4, seconds: 60, bytes: 1e9 } },
  });
  const ended = sync.ended.catch((error: unknown) => error);
  await requested(10);
  await cancelSync(environment.temporal.client, getConnection(sync));
  expect(await ended).toBeInstanceOf(SyncCancelled);
  expect(tenant.readStatistics().requests).toBeLessThan(22);
});

it('rejects commands for a connection without a sync in progress', async () => {
  const { client } = environment.temporal;
  const unknown = `unknown-${randomUUID().slice(0, 8)}`;
  await expect(pauseSync(client, unknown, 'why')).rejects.toThrow(`no sync of ${unknown} is running`);
  await expect(resumeSync(client, unknown)).rejects.toThrow(NoRun);
  await expect(cancelSync(client, unknown)).rejects.toThrow(NoRun);
});
