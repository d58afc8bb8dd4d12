import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import { RateLimited } from '../../../src/auth0/errors';
import type { ListRequest } from '../../../src/auth0/request';
import type { StreamProgress } from '../../../src/workflows/contract';
import { pace } from '../../support/fetch-fixture';
import { readWorkflowHistories } from '../../support/histories';
import { expectOrderedDeliveries, expectCompleteCopy, listDeliveries } from '../../support/expect-copy';
import {
  full,
  startTestEnvironment,
  type SyncScenario,
  type SyncOutcome,
  type TestEnvironment,
} from '../../support/test-environment';

const family: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];
const limits = {
  fetchBudget: { pages: 4, seconds: 60, bytes: 1e9 },
  concurrency: { min: 2, max: 2 },
  rowsPerPartition: { preferred: 100, min: 100 },
};
jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 450 },
      clients: { count: 450 },
      organizations: { count: 8, members: 3 },
      roles: { count: 2 },
    },
  });
  environment = await startTestEnvironment();
}, 60_000);
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

/** A tenant whose limit lets nothing out for some time once a request is `due`, longer than anybody waits in place. */
function createRateLimit(due: (request: ListRequest) => boolean): {
  wrapClient: NonNullable<SyncScenario['wrapClient']>;
  until(): number;
} {
  let until = 0;
  return {
    wrapClient: (client) => ({
      ...client,
      async getPage(request, call) {
        if (until === 0 && due(request)) until = Date.now() + 1_500;
        if (Date.now() < until) throw new RateLimited(`GET ${request.path}`, until);
        return client.getPage(request, call);
      },
    }),
    until: () => until,
  };
}

/** What Temporal's UI shows with a workflow. */
async function readDetails(workflowId: string): Promise<string> {
  const handle = environment.temporal.client.workflow.getHandle(workflowId);
  return (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

/** Plays, and asks all the time how it stands. */
async function watch(
  scenario: SyncScenario,
): Promise<{ outcome: SyncOutcome; seen: StreamProgress[]; shown: Set<string> }> {
  const { run, ended } = await environment.startSync(scenario);
  let over = false;
  void ended.finally(() => (over = true));
  const seen: StreamProgress[] = [];
  const shown = new Set<string>();
  while (!over) {
    const now = await run.progress();
    seen.push(...now);
    if (now.some(({ waitingUntil }) => waitingUntil !== undefined)) {
      shown.add(await readDetails(`${run.workflowId}/${scenario.streams[0]?.name}`));
    }
    await new Promise((go) => setTimeout(go, 50));
  }
  return { outcome: await ended, seen, shown };
}

/** Expects that the workflow waited by a timer, and that no activity was tried twice. */
async function expectTimer({ workflowId }: SyncOutcome, workflow: string): Promise<void> {
  const runs = await readWorkflowHistories(environment.temporal.client, workflowId);
  const events = runs.filter((each) => each.workflow === workflow).flatMap(({ history }) => history.events ?? []);
  expect(events.filter(({ timerFiredEventAttributes: fired }) => fired).length).toBeGreaterThan(0);
  expect(events.flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? [])).not.toContain(2);
  expect(events.filter(({ activityTaskFailedEventAttributes: failed }) => failed)).toEqual([]);
}

const listReportedWaits = (outcome: SyncOutcome, stream: string): number[] =>
  listDeliveries(outcome, stream).flatMap(({ rateLimited }) => rateLimited?.until ?? []);

it('ends a fetch at the rate limit with what it has read, reports the wait, and continues afterwards', async () => {
  let pages = 0;
  const limit = createRateLimit(() => (pages += 1) === 3);
  const { outcome, seen, shown } = await watch({
    tenant,
    streams: full('clients'),
    limits,
    wrapClient: limit.wrapClient,
  });
  expectCompleteCopy(outcome, tenant, ['clients']);
  expectOrderedDeliveries(outcome);
  expect(listReportedWaits(outcome, 'clients')).toEqual([limit.until()]);
  await expectTimer(outcome, 'streamWorkflow');
  const waiting = seen.filter(({ waitingUntil }) => waitingUntil !== undefined);
  expect(waiting.length).toBeGreaterThan(0);
  for (const each of waiting) expect(each).toMatchObject({ status: 'running', waitingUntil: limit.until(), pace });
  // What was read before is delivered before the wait is reported.
  expect(waiting.at(-1)).toMatchObject({ delivered: 200, counts: { pages: 2, requests: 2 } });
  const time = `${new Date(limit.until()).toISOString().slice(0, 19)}Z`;
  const row = `| 2 | 2 | waits for the tenant's rate limit until ${time} |`;
  expect([...shown].join('')).toContain(row);
  expect([...shown].join('')).toContain('Budget: 3 of 10 requests left, refilled by 1.5 per second');
  expect(outcome.fetches).toHaveLength(2);
  expect(outcome.result.streams[0]).not.toHaveProperty('waitingUntil');
});

it('shows the progress of running streams on the page of the sync', async () => {
  tenant.updateSettings({ latencyMs: 400 });
  const progressSeconds = 1;
  const slow = {
    ...limits,
    progressSeconds,
    fetchBudget: { ...limits.fetchBudget, pages: 1 },
    concurrency: { min: 1, max: 1 },
  };
  const startedAt = Date.now();
  const { run, ended } = await environment.startSync({ tenant, streams: full('clients', 'users'), limits: slow });
  const shown = new Set<string>();
  let over = false;
  void ended.finally(() => (over = true));
  while (!over) {
    shown.add(await readDetails(run.workflowId));
    await new Promise((go) => setTimeout(go, 20));
  }
  tenant.updateSettings({ latencyMs: 0 });
  expect([...shown].some((table) => /^\| clients \| running \| [1-4]00 \| [1-4] \|/m.test(table))).toBe(true);
  expect([...shown].at(-1)).toMatch(/^\| clients \| complete \| 450 \| 5 \| 5 \|/m);
  const runs = await readWorkflowHistories(environment.temporal.client, run.workflowId);
  const events = runs.find(({ workflow }) => workflow === 'syncWorkflow')?.history.events ?? [];
  const reports = events.filter(({ workflowExecutionSignaledEventAttributes: signal }) => signal);
  // Each report stays in the history, so there is one a second and stream at most.
  expect(reports.length).toBeGreaterThan(0);
  expect(reports.length).toBeLessThanOrEqual((2 * (Date.now() - startedAt)) / (progressSeconds * 1_000));
});

it('reports the wait for every stream that is read from the same lists', async () => {
  const limit = createRateLimit(({ path }) => path.endsWith('/members'));
  const { outcome, seen } = await watch({
    tenant,
    streams: full(...family),
    limits: { ...limits, parentsPerBatch: 3 },
    wrapClient: limit.wrapClient,
  });
  expectCompleteCopy(outcome, tenant, family);
  expectOrderedDeliveries(outcome);
  for (const stream of family.slice(1)) {
    expect(listReportedWaits(outcome, stream)).toEqual([limit.until()]);
    expect(seen.filter((each) => each.stream === stream && each.waitingUntil === limit.until())).not.toEqual([]);
  }
  await expectTimer(outcome, 'parentWorkflow');
});

it('waits during the list of organizations and during the list of roles', async () => {
  for (const due of ['organizations', 'roles']) {
    const limit = createRateLimit(({ path }) => path === due);
    const { outcome } = await watch({ tenant, streams: full(...family), limits, wrapClient: limit.wrapClient });
    expectCompleteCopy(outcome, tenant, family);
    expectOrderedDeliveries(outcome);
    expect(listReportedWaits(outcome, 'organization_member_roles')).toEqual([limit.until()]);
    await expectTimer(outcome, 'parentWorkflow');
  }
});

it('keeps the total of a search that reaches the rate limit before its first page', async () => {
  const limit = createRateLimit(() => true);
  const { outcome } = await watch({ tenant, streams: full('users'), limits, wrapClient: limit.wrapClient });
  expectCompleteCopy(outcome, tenant, ['users']);
  expect(outcome.result.streams[0]?.audit[0]).toMatchObject({ total: 450 });
});

it('splits a search whose greatest key can be requested only after a wait', async () => {
  const limit = createRateLimit(({ query }) => String(query['sort']).endsWith(':-1'));
  const { outcome, seen } = await watch({
    tenant,
    streams: full('users'),
    limits: { ...limits, fetchBudget: { ...limits.fetchBudget, pages: 2 } },
    wrapClient: limit.wrapClient,
  });
  expectCompleteCopy(outcome, tenant, ['users']);
  expectOrderedDeliveries(outcome);
  expect(outcome.fetches.filter(({ task }) => task.kind === 'search-end')).toHaveLength(2);
  expect(outcome.result.streams[0]?.audit.length).toBeGreaterThan(1);
  expect(listReportedWaits(outcome, 'users')).toEqual([limit.until()]);
  expect(seen.filter(({ waitingUntil }) => waitingUntil === limit.until())).not.toEqual([]);
  await expectTimer(outcome, 'streamWorkflow');
});
