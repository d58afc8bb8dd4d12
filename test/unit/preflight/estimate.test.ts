import { countHoldings, leastRequests } from '../../../bench/least-requests';
import { type Emulator, readerScopes, type ScenarioName, startEmulator, type TenantScenario } from 'auth0-emulator';
import { estimateReadPlan, type PlanOptions, type ReadPlan } from '../../../src/preflight/estimate';
import { maxProbeRequests, type ProbeOptions, type ProbeResult, probeTenant } from '../../../src/preflight/probe';
import { streams as known } from '../../../src/streams/registry';
import { createTestClient } from '../../support/fetch-fixture';

const streams = known.map(({ name }) => name);

const running: Emulator[] = [];
afterEach(() => Promise.all(running.splice(0).map((tenant) => tenant.close())));

async function start(scenario: ScenarioName | TenantScenario): Promise<Emulator> {
  const tenant = await startEmulator({ scenario });
  running.push(tenant);
  return tenant;
}

async function probe(tenant: Emulator, options: Partial<ProbeOptions> = {}): Promise<ProbeResult> {
  const client = createTestClient(tenant);
  tenant.resetStatistics();
  const probed = await probeTenant(client, { streams, rolesSource: 'inline', ...options }).finally(() =>
    client.close(),
  );
  expect(probed.requests).toBe(tenant.readStatistics().requests);
  expect(probed.requests).toBeLessThanOrEqual(maxProbeRequests);
  return probed;
}

function plan(probed: ProbeResult, options: Partial<PlanOptions> = {}): ReadPlan {
  return estimateReadPlan(probed, { streams, rolesSource: 'inline', reserve: 0, buckets: [], ...options });
}

const requestsOf = ({ streams: planned }: ReadPlan): Record<string, number> =>
  Object.fromEntries(planned.map(({ stream, requests }) => [stream, requests]));

const exactly = (count: number) => ({ likely: count, low: count, high: count });

it('counts a small tenant exactly, but for the members of the organizations that it passes over', async () => {
  const tenant = await start('small');
  const { clients, users, organizations, members, roles } = await probe(tenant);
  expect({ clients, users, organizations, roles }).toEqual({
    clients: 8,
    users: exactly(450),
    organizations: 12,
    roles: 6,
  });
  const sizes = countHoldings(tenant.tenant).members;
  expect(members).toEqual([1, 3, 5, 7, 9, 11].map((place) => sizes[place]));
});

it('plans a tenant all of whose organizations it has seen to the request', async () => {
  const tenant = await start({
    users: { count: 230 },
    organizations: { count: 4, members: { min: 5, max: 200 } },
    clients: { count: 101 },
    roles: { count: 6 },
  });
  const found = plan(await probe(tenant));
  const least = leastRequests(countHoldings(tenant.tenant));
  expect(requestsOf(found)).toEqual({
    clients: least.clients,
    users: least.users,
    organizations: least.organizations,
    organization_members: least.members,
    organization_member_roles: least.roles,
  });
  const truth = tenant.readTruth();
  expect(found.streams.find(({ stream }) => stream === 'organization_members')?.rows).toEqual(
    exactly(truth.organization_members.size),
  );
});

const tenants: [string, ScenarioName | TenantScenario][] = [
  ['lists beyond every cap and a tie of 1,200', 'caps'],
  ['100,000 users and an import of 900', 'large'],
  ['users that came in two imports and few else', importedTwice()],
];

function importedTwice(): TenantScenario {
  const ties = ['2022-06-01T00:00:00.000Z', '2025-06-01T00:00:00.000Z'].map((at) => ({ size: 600, at }));
  return { users: { count: 1_500, ties }, organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } };
}

it.each(tenants)('estimates the users of a tenant with %s within a tenth, lists exactly', async (_what, scenario) => {
  const tenant = await start(scenario);
  const { clients, users, organizations, roles } = await probe(tenant);
  const held = countHoldings(tenant.tenant);
  expect({ clients, organizations, roles }).toEqual({
    clients: held.clients,
    organizations: held.organizations,
    roles: held.roles,
  });
  const { likely = 0, low = 0, high = 0 } = users ?? {};
  expect(Math.abs(likely / held.users - 1)).toBeLessThan(0.1);
  expect(low).toBeLessThanOrEqual(likely);
  expect(high).toBeGreaterThanOrEqual(likely);
});

it('estimates users that came faster and faster', async () => {
  const tenant = await start({ ...importedTwice(), users: { count: 0 } });
  const [count, growth, begun] = [12_000, 5, Date.parse('2020-01-01T00:00:00.000Z')];
  for (let nth = 0; nth < count; nth += 1) {
    const part = Math.log(1 + (nth / count) * (Math.exp(growth) - 1)) / growth;
    tenant.tenant.createUser({ created_at: new Date(begun + part * 1e11).toISOString() });
  }
  const { users } = await probe(tenant);
  expect(Math.abs((users?.likely ?? 0) / count - 1)).toBeLessThan(0.1);
});

it('does not take an import for the pace of the time around it', async () => {
  const tenant = await start({ ...importedTwice(), users: { count: 20_000 } });
  for (let nth = 0; nth < 600; nth += 1) tenant.tenant.createUser({ created_at: '2024-01-05T00:00:00.000Z' });
  const { users } = await probe(tenant);
  expect(Math.abs((users?.likely ?? 0) / 20_600 - 1)).toBeLessThan(0.1);
});

it('counts only users changed since the start date', async () => {
  const tenant = await start('small');
  const startDate = '2025-01-01T00:00:00.000Z';
  const changed = [...tenant.tenant.users.iterateUsers()].filter(
    ({ updated_at: at }) => typeof at === 'string' && at >= startDate,
  );
  const { users } = await probe(tenant, { startDate });
  expect(changed.length).toBeLessThan(450);
  expect(users).toEqual(exactly(changed.length));
});

it('says that there may be more where an instant holds more users than a search counts', async () => {
  const tenant = await start({ ...importedTwice(), users: { count: 3_000, ties: [{ size: 1_500 }] } });
  expect((await probe(tenant)).users).toMatchObject({ open: true });
  const other = await start(importedTwice());
  expect((await probe(other)).users).not.toHaveProperty('open');
});

it('takes the streams that may not be read out of the plan, with what they lack, and plans the rest', async () => {
  const tenant = await start('small');
  const without = ['read:users', 'read:organization_member_roles', 'read:roles'];
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => !without.includes(scope)) });
  const found = plan(await probe(tenant));
  expect(found.streams.filter(({ refused }) => refused)).toEqual([
    { stream: 'users', requests: 0, refused: 'the token lacks read:users' },
    {
      stream: 'organization_member_roles',
      requests: 0,
      refused: 'the token lacks read:organization_member_roles',
    },
  ]);
  expect(found.streams.find(({ stream }) => stream === 'organization_members')).toMatchObject({ requests: 12 });
});

it('asks for nothing that the wanted streams do not need', async () => {
  const tenant = await start('small');
  const probed = await probe(tenant, { streams: ['clients'] });
  expect(probed.requests).toBe(1);
  expect(requestsOf(plan(probed, { streams: ['clients'] }))).toEqual({ clients: 1 });
});

const found: ProbeResult = {
  clients: 100,
  users: { likely: 50_000, low: 45_000, high: 55_000 },
  organizations: 2,
  members: [150, 50],
  rolesPerMember: 1.5,
  roles: 40,
  refused: new Map(),
  requests: 12,
};
const bucket = (name: string, limit: number, perSecond: number) => ({
  name,
  limit,
  perSecond,
  remaining: 0,
  foreignPerSecond: 0,
});

it('counts a request a member where roles are read by member', () => {
  const { streams: planned } = plan(found, { rolesSource: 'per_member' });
  expect(planned.at(-1)).toMatchObject({ stream: 'organization_member_roles', requests: 200 });
});

it('counts the list of organizations and their members for the first stream that needs them', () => {
  const wanted = ['organization_member_roles'];
  expect(requestsOf(plan(found, { streams: wanted }))).toEqual({ organization_member_roles: 1 + 3 + 1 });
});

it('streams share the time of a limit that they have in common', () => {
  const { streams: planned, seconds, requests } = plan(found, { buckets: [bucket('tenant', 50, 10)] });
  expect(seconds).toBeCloseTo((requests - 50) / 10, 1);
  expect(planned.reduce((sum, each) => sum + (each.seconds ?? 0), 0)).toBeCloseTo(seconds ?? 0, 0);
});

it('streams with limits of their own are read side by side, and the reserve is nobody’s', () => {
  const buckets = [bucket('users', 40, 8), bucket('clients', 5, 2), bucket('members', 2, 0.5)];
  const { streams: planned, seconds, limits } = plan(found, { buckets, reserve: 0.1 });
  const users = planned.find(({ stream }) => stream === 'users');
  expect(limits[0]).toEqual({ name: 'users', burst: 36, perSecond: 8 });
  expect(seconds).toBe(users?.seconds);
  expect(seconds).toBeCloseTo(((users?.requests ?? 0) - 36) / 8, 1);
});

it('tells no time where the tenant names no limit', () => {
  const planned = plan(found);
  expect(planned).not.toHaveProperty('seconds');
  expect(planned.streams[0]).not.toHaveProperty('seconds');
});
