import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type Emulator, findSecrets, readerScopes, secretScopes, startEmulator, truthStreams } from 'auth0-emulator';
import type { SyncProgress } from '../../../src/workflows/contract';
import { readWorkflowHistories, collectText } from '../../support/histories';
import { expectOrderedDeliveries, expectCompleteCopy, listDeliveries } from '../../support/expect-copy';
import { full, startTestEnvironment, type SyncOutcome, type TestEnvironment } from '../../support/test-environment';

jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small', scopes: [...readerScopes, ...secretScopes] });
  environment = await startTestEnvironment();
}, 60_000);
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

it('copies every stream and leaves nothing in staging', async () => {
  const outcome = await environment.runSync({ tenant, streams: full(...truthStreams) });
  expect(outcome.result.status).toBe('complete');
  expect(outcome.result.streams.map(({ stream }) => stream).sort()).toEqual([...truthStreams].sort());
  expectCompleteCopy(outcome, tenant, [...truthStreams]);
  expectOrderedDeliveries(outcome);
  expect(outcome.discarded).toEqual([outcome.result.run]);
});

it('is complete even if staging cannot be cleared', async () => {
  const discardRun = async (): Promise<void> => {
    throw ApplicationFailure.nonRetryable('The disk is read-only.');
  };
  const outcome = await environment.runSync({ tenant, streams: full('clients'), discardRun });
  expect(outcome.discarded).toEqual([]);
  expectCompleteCopy(outcome, tenant, ['clients']);
});

it('gives later runs ids that sort after those of earlier runs', async () => {
  const first = await environment.runSync({ tenant, streams: full('clients') });
  const second = await environment.runSync({ tenant, streams: full('clients') });
  expect(first.result.run < second.result.run).toBe(true);
  const runs = [...first.deliveries, ...second.deliveries].map(({ run }) => run);
  expect([...new Set(runs)]).toEqual([first.result.run, second.result.run]);
});

it('gives runs that start together different ids', async () => {
  const together = await Promise.all(
    Array.from({ length: 4 }, () => environment.runSync({ tenant, streams: full('clients') })),
  );
  // Whatever the time in front of it, the mark alone must tell them apart.
  const marks = together.map(({ result }) => result.run.split('-')[1]);
  expect(new Set(marks).size).toBe(together.length);
  for (const outcome of together) expectCompleteCopy(outcome, tenant, ['clients']);
});

describe('a stream that fails', () => {
  let outcome: SyncOutcome;

  beforeAll(async () => {
    tenant.setFaults([{ kind: '503', match: '/clients' }]);
    outcome = await environment.runSync({ tenant, streams: full(...truthStreams) });
  });

  it('does not stop the others', () => {
    expectCompleteCopy(outcome, tenant, [...truthStreams].slice(1));
    expectOrderedDeliveries(outcome);
  });

  it('makes the result partial, with its reason', () => {
    expect(outcome.result.status).toBe('partial');
    expect(outcome.result.streams.find(({ stream }) => stream === 'clients')).toMatchObject({
      status: 'incomplete',
      records: 0,
      failure: {
        type: 'Transient',
        failureType: 'transient_error',
        message: expect.stringContaining('GET clients failed'),
      },
    });
  });

  it('fails the workflow with the results in the details of the failure', async () => {
    const ended = environment.temporal.client.workflow.getHandle(outcome.workflowId).result();
    await expect(ended).rejects.toBeInstanceOf(WorkflowFailedError);
    await expect(ended).rejects.toMatchObject({
      cause: { type: 'Incomplete', nonRetryable: true, details: [outcome.result] },
    });
    await expect(ended).rejects.toMatchObject({ cause: { message: expect.stringContaining('clients: GET clients') } });
  });
});

it('delivers unknown streams as INCOMPLETE', async () => {
  const [stream] = full('connections');
  const failure = {
    type: 'UnknownStream',
    failureType: 'config_error',
    exitCode: 2,
    message: 'There is no such stream.',
  } as const;
  const outcome = await environment.runSync({
    tenant,
    streams: full('clients'),
    unknownStreams: [{ stream: stream!, failure }],
  });
  expectCompleteCopy(outcome, tenant, ['clients']);
  expect(outcome.result.status).toBe('partial');
  expect(listDeliveries(outcome, 'connections')).toMatchObject([
    { sequence: 0, status: 'STARTED' },
    { sequence: 1, status: 'INCOMPLETE', failure, segments: [] },
  ]);
});

it('is failed when no stream is complete', async () => {
  tenant.setFaults([{ kind: '503' }]);
  const { result } = await environment.runSync({ tenant, streams: full('clients', 'users') });
  expect(result.status).toBe('failed');
});

it('reports finished streams and the progress of the others while it runs', async () => {
  let release: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const { run, ended } = await environment.startSync({
    tenant,
    streams: full('clients', 'users'),
    limits: { fetchBudget: { pages: 1, seconds: 60, bytes: 1e9 } },
    async deliver({ stream, sequence }) {
      if (stream.name === 'users' && sequence === 2) await gate;
    },
  });
  const look = async (): Promise<Record<string, object>> =>
    Object.fromEntries((await run.progress()).map((each) => [each.stream, each]));
  for (let seen = await look(), tries = 0; tries < 100; tries += 1, seen = await look()) {
    const { users, clients } = seen as Record<string, { status: string; delivered: number; counts: { pages: number } }>;
    if (clients?.status === 'complete' && users?.delivered === 100 && users.counts.pages === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await look()).toMatchObject({
    clients: { status: 'complete', delivered: 8, counts: { pages: 1, requests: 1 } },
    users: { status: 'running', delivered: 100, counts: { pages: 3 } },
  });
  const handle = environment.temporal.client.workflow.getHandle(run.workflowId);
  expect(await handle.query<SyncProgress>('progress')).toMatchObject({
    finished: [{ stream: 'clients', records: 8 }],
    running: [{ workflowId: `${run.workflowId}/users`, streams: ['users'] }],
  });
  release?.();
  const { result } = await ended;
  expect(await run.progress()).toMatchObject(
    result.streams.map(({ stream, records }) => ({ stream, status: 'complete', delivered: records })),
  );
});

it('leaves no record, personal data or secret in any history, also after failures', async () => {
  const streams = full(...truthStreams);
  const well = await environment.runSync({ tenant, streams: streams.map((stream) => ({ ...stream, syncId: 7 })) });
  const badly = await environment.runSync({
    tenant,
    streams,
    wrapClient: (client) => ({
      ...client,
      async getPage(request, options) {
        const page = await client.getPage(request, options);
        throw new TypeError(`cannot read ${JSON.stringify(page.rows)}`);
      },
    }),
  });
  expect(badly.result.status).toBe('failed');
  const people = [...tenant.tenant.users.iterateUsers()].flatMap(({ user_id: id, email, name }) => [id, email, name]);
  const rows = [tenant.tenant.organizations, tenant.tenant.clients].flatMap((all) => [...all.rows]);
  const planted = [...people, ...rows.map(({ id }) => id)].filter((value) => typeof value === 'string');
  expect(planted.length).toBeGreaterThan(1_000);
  for (const { workflowId } of [well, badly]) {
    const histories = await readWorkflowHistories(environment.temporal.client, workflowId);
    expect(histories).toHaveLength(4);
    const text = collectText(histories);
    expect(text).toContain('organization_members');
    expect(findSecrets(text)).toEqual([]);
    expect(planted.filter((value) => text.includes(value))).toEqual([]);
  }
});
