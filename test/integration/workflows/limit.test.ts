import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import { RateLimited } from '../../../src/auth0/errors';
import type { ListRequest } from '../../../src/auth0/request';
import type { StreamProgress } from '../../../src/workflows/contract';
import { pace } from '../../support/fetch-fixture';
import { historiesOf } from '../../support/histories';
import { expectPromisesKept, expectWhole, stepsOf } from '../../support/expect-copy';
import { full, openStage, type Play, type Played, type Stage } from '../../support/test-environment';

const family: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];
const limits = {
  fetchBudget: { pages: 4, seconds: 60, bytes: 1e9 },
  concurrency: { min: 2, max: 2 },
  rowsPerPartition: { preferred: 100, min: 100 },
};
jest.setTimeout(60_000);

let stage: Stage;
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
  stage = await openStage();
}, 60_000);
afterAll(async () => {
  await stage.close();
  await tenant.close();
});

/** A tenant whose limit lets nothing out for some time once a request is `due`, longer than anybody waits in place. */
function limitAt(due: (request: ListRequest) => boolean): { clientOf: NonNullable<Play['clientOf']>; until(): number } {
  let until = 0;
  return {
    clientOf: (client) => ({
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
async function detailsOf(workflowId: string): Promise<string> {
  const handle = stage.temporal.client.workflow.getHandle(workflowId);
  return (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

/** Plays, and asks all the time how it stands. */
async function watch(play: Play): Promise<{ played: Played; seen: StreamProgress[]; shown: Set<string> }> {
  const { run, ended } = await stage.begin(play);
  let over = false;
  void ended.finally(() => (over = true));
  const seen: StreamProgress[] = [];
  const shown = new Set<string>();
  while (!over) {
    const now = await run.progress();
    seen.push(...now);
    if (now.some(({ waitingUntil }) => waitingUntil !== undefined)) {
      shown.add(await detailsOf(`${run.workflowId}/${play.streams[0]?.name}`));
    }
    await new Promise((go) => setTimeout(go, 50));
  }
  return { played: await ended, seen, shown };
}

/** Expects that the workflow waited by a timer, and that no activity was tried twice. */
async function expectTimer({ workflowId }: Played, workflow: string): Promise<void> {
  const runs = await historiesOf(stage.temporal.client, workflowId);
  const events = runs.filter((each) => each.workflow === workflow).flatMap(({ history }) => history.events ?? []);
  expect(events.filter(({ timerFiredEventAttributes: fired }) => fired).length).toBeGreaterThan(0);
  expect(events.flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? [])).not.toContain(2);
  expect(events.filter(({ activityTaskFailedEventAttributes: failed }) => failed)).toEqual([]);
}

const toldOf = (played: Played, stream: string): number[] =>
  stepsOf(played, stream).flatMap(({ rateLimited }) => rateLimited?.until ?? []);

it('a slice that meets the limit ends with what it has, and the workflow waits, says so, and goes on', async () => {
  let pages = 0;
  const limit = limitAt(() => (pages += 1) === 3);
  const { played, seen, shown } = await watch({ tenant, streams: full('clients'), limits, clientOf: limit.clientOf });
  expectWhole(played, tenant, ['clients']);
  expectPromisesKept(played);
  expect(toldOf(played, 'clients')).toEqual([limit.until()]);
  await expectTimer(played, 'streamWorkflow');
  const waiting = seen.filter(({ waitingUntil }) => waitingUntil !== undefined);
  expect(waiting.length).toBeGreaterThan(0);
  for (const each of waiting) expect(each).toMatchObject({ status: 'running', waitingUntil: limit.until(), pace });
  // What was read before is delivered before it is said that there is a wait.
  expect(waiting.at(-1)).toMatchObject({ delivered: 200, counts: { pages: 2, requests: 2 } });
  const time = `${new Date(limit.until()).toISOString().slice(0, 19)}Z`;
  const row = `| 2 | 2 | waits for the tenant's rate limit until ${time} |`;
  expect([...shown].join('')).toContain(row);
  expect([...shown].join('')).toContain('Budget: 3 of 10 requests left, refilled by 1.5 per second');
  expect(played.slices).toHaveLength(2);
  expect(played.result.streams[0]).not.toHaveProperty('waitingUntil');
});

it('the sync shows streams that are under way, as they tell it how they stand', async () => {
  tenant.updateSettings({ latencyMs: 3_000 });
  const slow = { ...limits, fetchBudget: { ...limits.fetchBudget, pages: 1 }, concurrency: { min: 1, max: 1 } };
  const begun = Date.now();
  const { run, ended } = await stage.begin({ tenant, streams: full('clients', 'users'), limits: slow });
  const shown = new Set<string>();
  let over = false;
  void ended.finally(() => (over = true));
  while (!over) {
    shown.add(await detailsOf(run.workflowId));
    await new Promise((go) => setTimeout(go, 200));
  }
  tenant.updateSettings({ latencyMs: 0 });
  expect([...shown].some((table) => /^\| clients \| running \| [1-4]00 \| [1-4] \|/m.test(table))).toBe(true);
  expect([...shown].at(-1)).toMatch(/^\| clients \| complete \| 450 \| 5 \| 5 \|/m);
  const runs = await historiesOf(stage.temporal.client, run.workflowId);
  const events = runs.find(({ workflow }) => workflow === 'syncWorkflow')?.history.events ?? [];
  const told = events.filter(({ workflowExecutionSignaledEventAttributes: signal }) => signal);
  // Each telling stays in the history: they come ten seconds apart.
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual((2 * (Date.now() - begun)) / 10_000);
});

it('every stream that comes from the same lists waits, whichever of them met the limit', async () => {
  const limit = limitAt(({ path }) => path.endsWith('/members'));
  const { played, seen } = await watch({
    tenant,
    streams: full(...family),
    limits: { ...limits, parentsPerBatch: 3 },
    clientOf: limit.clientOf,
  });
  expectWhole(played, tenant, family);
  expectPromisesKept(played);
  for (const stream of family.slice(1)) {
    expect(toldOf(played, stream)).toEqual([limit.until()]);
    expect(seen.filter((each) => each.stream === stream && each.waitingUntil === limit.until())).not.toEqual([]);
  }
  await expectTimer(played, 'parentWorkflow');
});

it('the list of organizations and the roles wait as well', async () => {
  for (const due of ['organizations', 'roles']) {
    const limit = limitAt(({ path }) => path === due);
    const { played } = await watch({ tenant, streams: full(...family), limits, clientOf: limit.clientOf });
    expectWhole(played, tenant, family);
    expectPromisesKept(played);
    expect(toldOf(played, 'organization_member_roles')).toEqual([limit.until()]);
    await expectTimer(played, 'parentWorkflow');
  }
});

it('a search that meets the limit before its first page still knows what the tenant announced', async () => {
  const limit = limitAt(() => true);
  const { played } = await watch({ tenant, streams: full('users'), limits, clientOf: limit.clientOf });
  expectWhole(played, tenant, ['users']);
  expect(played.result.streams[0]?.audit[0]).toMatchObject({ total: 450 });
});

it('a search is cut also when its end can be asked for only after a wait', async () => {
  const limit = limitAt(({ query }) => String(query['sort']).endsWith(':-1'));
  const { played, seen } = await watch({
    tenant,
    streams: full('users'),
    limits: { ...limits, fetchBudget: { ...limits.fetchBudget, pages: 2 } },
    clientOf: limit.clientOf,
  });
  expectWhole(played, tenant, ['users']);
  expectPromisesKept(played);
  expect(played.slices.filter(({ task }) => task.kind === 'search-end')).toHaveLength(2);
  expect(played.result.streams[0]?.audit.length).toBeGreaterThan(1);
  expect(toldOf(played, 'users')).toEqual([limit.until()]);
  expect(seen.filter(({ waitingUntil }) => waitingUntil === limit.until())).not.toEqual([]);
  await expectTimer(played, 'streamWorkflow');
});
