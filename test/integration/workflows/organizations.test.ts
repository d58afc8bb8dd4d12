import { type Emulator, type EmulatorOptions, readerScopes, startEmulator, type TruthStream } from 'auth0-emulator';
import { DestinationUnreadable } from '../../../src/sinks/files/manifest';
import { compare } from '../../support/compare-copy';
import { readWorkflowHistories } from '../../support/histories';
import { expectOrderedDeliveries, expectCompleteCopy, listDeliveries } from '../../support/expect-copy';
import { full, startTestEnvironment, type TestEnvironment } from '../../support/test-environment';

const family: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];
const [, ...memberStreams] = family;
const small = {
  fetchBudget: { pages: 6, seconds: 60, bytes: 1e9 },
  parentsPerBatch: 5,
  concurrency: { min: 3, max: 3 },
};
jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator(tenantOptions);
  environment = await startTestEnvironment();
}, 60_000);
afterEach(() => {
  tenant.updateSettings({ scopes: readerScopes });
  tenant.setFaults([]);
});
afterAll(async () => {
  await environment.close();
  await tenant.close();
});

const tenantOptions: EmulatorOptions = {
  scenario: {
    users: { count: 100 },
    clients: { count: 3 },
    organizations: { count: 30, members: { min: 0, max: 3 }, firstMemberCounts: [75, 0] },
    roles: { count: 5 },
  },
  pageCap: 20,
};

it('reads organizations, members and roles by one pass over each list', async () => {
  tenant.resetStatistics();
  const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
  expectCompleteCopy(outcome, tenant, family);
  expectOrderedDeliveries(outcome);
  // 2 of organizations, 1 of roles, 4 of the big organization, 1 of each other.
  expect(tenant.readStatistics().requests).toBe(2 + 1 + 4 + 29);
  const counted = outcome.result.streams.reduce((sum, { counts }) => sum + counts.requests, 0);
  expect(counted).toBe(tenant.readStatistics().requests);
});

it('loses and repeats no record when it continues as new', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full(...family),
    limits: { ...small, fetchesPerRun: 4 },
  });
  expectCompleteCopy(outcome, tenant, family);
  expectOrderedDeliveries(outcome);
  const names = outcome.fetches.map(({ fetchId }) => fetchId);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => name.startsWith('roles'))).toHaveLength(1);
  const runs = await readWorkflowHistories(environment.temporal.client, outcome.workflowId);
  expect(runs.filter(({ workflow }) => workflow === 'parentWorkflow').length).toBeGreaterThan(2);
});

it.each([[memberStreams], [['organization_member_roles'] as TruthStream[]], [['organizations'] as TruthStream[]]])(
  'reads %j alone, and delivers nothing else',
  async (streams) => {
    const outcome = await environment.runSync({ tenant, streams: full(...streams), limits: small });
    expectCompleteCopy(outcome, tenant, streams);
    expect(Object.keys(outcome.rows).sort()).toEqual([...streams].sort());
  },
);

it('reads as many organizations concurrently as the limit allows', async () => {
  const atOnce = { now: 0, most: 0 };
  await environment.runSync({
    tenant,
    streams: full('organization_members'),
    limits: small,
    async fetchPages({ task }, real) {
      if (task.kind !== 'children') return real();
      atOnce.now += 1;
      atOnce.most = Math.max(atOnce.most, atOnce.now);
      return real().finally(() => (atOnce.now -= 1));
    },
  });
  expect(atOnce.most).toBe(3);
});

describe('with a token that lacks', () => {
  const without = (...scopes: string[]) =>
    tenant.updateSettings({ scopes: readerScopes.filter((scope) => !scopes.includes(scope)) });

  it('the scope for member roles, organizations and members are complete and roles name the scope', async () => {
    without('read:organization_member_roles');
    const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
    expectCompleteCopy(outcome, tenant, family.slice(0, 2));
    expectOrderedDeliveries(outcome);
    const roles = outcome.result.streams.find(({ stream }) => stream === 'organization_member_roles');
    expect(roles).toMatchObject({ status: 'incomplete', records: 0, failure: { type: 'MissingScope' } });
    expect(roles?.failure?.message).toContain('read:organization_member_roles');
    expect(listDeliveries(outcome, 'organization_member_roles').at(-1)).toMatchObject({ status: 'INCOMPLETE' });
    expect(outcome.result.status).toBe('partial');
  });

  it('the scope for roles, every stream is complete with null descriptions', async () => {
    without('read:roles');
    const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
    expectCompleteCopy(outcome, tenant, family.slice(0, 2));
    expect(outcome.result.status).toBe('complete');
    const truth = tenant.readTruth().organization_member_roles;
    const rows = outcome.rows['organization_member_roles']!;
    expect(rows).toHaveLength(truth.size);
    expect(compare('organization_member_roles', rows, truth)).toMatchObject({ lost: [], twice: [], invented: [] });
    expect(rows.every(({ description }) => description === null)).toBe(true);
  });

  it('the scope for members, both member streams fail and organizations are complete', async () => {
    without('read:organization_members');
    const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
    expectCompleteCopy(outcome, tenant, ['organizations']);
    for (const name of memberStreams) {
      const result = outcome.result.streams.find(({ stream }) => stream === name);
      expect(result).toMatchObject({
        status: 'incomplete',
        failure: { type: 'MissingScope', failureType: 'config_error' },
      });
    }
  });
});

it('fails all its streams when organizations cannot be listed, and other streams are complete', async () => {
  tenant.setFaults([{ kind: '503', match: '/organizations\\?' }]);
  const outcome = await environment.runSync({ tenant, streams: full('clients', ...family), limits: small });
  expectCompleteCopy(outcome, tenant, ['clients']);
  for (const name of family) {
    const result = outcome.result.streams.find(({ stream }) => stream === name);
    expect(result).toMatchObject({ status: 'incomplete', failure: { type: 'Transient' } });
    expect(listDeliveries(outcome, name).map(({ status }) => status)).toEqual(['STARTED', 'INCOMPLETE']);
  }
});

it('fails both member streams, but not organizations, when members cannot be read', async () => {
  tenant.setFaults([{ kind: '503', match: '/members\\?', every: 10 }]);
  const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
  expectCompleteCopy(outcome, tenant, ['organizations']);
  expectOrderedDeliveries(outcome);
  for (const name of memberStreams) {
    const last = listDeliveries(outcome, name).at(-1);
    expect(last).toMatchObject({ status: 'INCOMPLETE', failure: { type: 'Transient' } });
    expect(last?.state).toMatchObject({ rollcall: { finished: false } });
  }
});

it('fails only the stream of member roles when role descriptions cannot be read', async () => {
  tenant.setFaults([{ kind: '503', match: '/roles\\?' }]);
  const outcome = await environment.runSync({ tenant, streams: full(...family), limits: small });
  expectCompleteCopy(outcome, tenant, family.slice(0, 2));
  const roles = outcome.result.streams.find(({ stream }) => stream === 'organization_member_roles');
  expect(roles).toMatchObject({ status: 'incomplete', failure: { type: 'Transient' } });
});

it('ends when the destination rejects a delivery of a member stream', async () => {
  const outcome = await environment.runSync({
    tenant,
    streams: full('clients', ...family),
    limits: small,
    async deliver({ stream, sequence }) {
      if (stream.name === 'organization_members' && sequence === 1) {
        throw new DestinationUnreadable('users.json', 'is torn', 'Move it away.');
      }
    },
  });
  expectCompleteCopy(outcome, tenant, ['clients']);
  const members = outcome.result.streams.find(({ stream }) => stream === 'organization_members');
  expect(members).toMatchObject({ status: 'incomplete', records: 0, failure: { type: 'DestinationUnreadable' } });
  expect(listDeliveries(outcome, 'organization_members').map(({ sequence }) => sequence)).toEqual([0]);
});

it('resumes near the point where an earlier attempt of the same job ended', async () => {
  const streams = full(...family).map((stream) => ({ ...stream, syncId: 7 }));
  const late = tenant.tenant.organizations.rows[28]!.id;
  tenant.setFaults([{ kind: '503', match: `/${late}/` }]);
  const first = await environment.runSync({ tenant, streams, limits: { ...small, concurrency: { min: 1, max: 1 } } });
  expect(first.result.status).toBe('partial');
  tenant.setFaults([]);
  tenant.resetStatistics();

  const rest = await environment.runSync({ tenant, streams, limits: small, states: first.states });
  expect(rest.result.status).toBe('complete');
  expect(tenant.readStatistics().requests).toBeLessThan(2 + 1 + 12);
  for (const stream of family) {
    const rows = [...(first.rows[stream] ?? []), ...(rest.rows[stream] ?? [])];
    expect(compare(stream, rows, tenant.readTruth()[stream])).toMatchObject({ lost: [], invented: [], different: [] });
  }
  for (const outcome of [first, rest]) expectOrderedDeliveries(outcome);

  const other = streams.map((stream) => ({ ...stream, syncId: 8 }));
  expectCompleteCopy(
    await environment.runSync({ tenant, streams: other, limits: small, states: first.states }),
    tenant,
    family,
  );
});
