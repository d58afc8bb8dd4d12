import { countHoldings, countLeastRequests } from '../../../bench/support/least-requests';
import { type Emulator, readerScopes, type ScenarioName, startEmulator, type TenantScenario } from 'auth0-emulator';
import { estimateReadPlan, type PlanOptions, type ReadPlan } from '../../../src/preflight/estimate';
import { maxProbeRequests, type ProbeOptions, type ProbeResult, probeTenant } from '../../../src/preflight/probe';
import { streams as known } from '../../../src/streams/registry';
import { createTestClient } from '../../support/fetch-fixture';

const streams = known.map(({ name }) => name);

const runningTenants: Emulator[] = [];
afterEach(() => Promise.all(runningTenants.splice(0).map((tenant) => tenant.close())));

async function startTenant(scenario: ScenarioName | TenantScenario): Promise<Emulator> {
  const tenant = await startEmulator({ scenario });
  runningTenants.push(tenant);
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

const groupRequests = ({ streams: planned }: ReadPlan): Record<string, number> =>
  Object.fromEntries(planned.map(({ stream, requests }) => [stream, requests]));

const exactly = (count: number) => ({ likely: count, low: count, high: count });

it('counts a small tenant exactly, except for the members of organizations that are not sampled', async () => {
  const tenant = await startTenant('small');
  const { clients, users, organizations, members, roles } = await probe(tenant);
  expect({ clients, users, organizations, roles }).toEqual({
    clients: 8,
    users: exactly(450),
    organizations: 12,
    roles: 6,
  });
  const sizes = countHoldings(tenant.tenant).members;
  expect(members).toEqual([1, 3, 5, 7, 9, 11].map((index) => sizes[index]));
});

it('estimates the exact number of requests when all organizations are sampled', async () => {
  const tenant = await startTenant({
    users: { count: 230 },
    organizations: { count: 4, members: { min: 5, max: 200 } },
    clients: { count: 101 },
    roles: { count: 6 },
  });
  const found = plan(await probe(tenant));
  const least = countLeastRequests(countHoldings(tenant.tenant));
  expect(groupRequests(found)).toEqual({
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
  ['lists beyond every limit and a block of 1,200 users', 'caps'],
  ['100,000 users and an import of 900', 'large'],
  ['mostly imported users', importedTwice()],
];

function importedTwice(): TenantScenario {
  const ties = ['2022-06-01T00:00:00.000Z', '2025-06-01T00:00:00.000Z'].map((at) => ({ size: 600, at }));
  return { users: { count: 1_500, ties }, organizations: { count: 0 }, clients: { count: 0 }, roles: { count: 0 } };
}

it.each(tenants)(
  'estimates the users of a tenant with %s within 10 %, and counts lists exactly',
  async (_what, scenario) => {
    const tenant = await startTenant(scenario);
    const { clients, users, organizations, roles } = await probe(tenant);
    const size = countHoldings(tenant.tenant);
    expect({ clients, organizations, roles }).toEqual({
      clients: size.clients,
      organizations: size.organizations,
      roles: size.roles,
    });
    const { likely = 0, low = 0, high = 0 } = users ?? {};
    expect(Math.abs(likely / size.users - 1)).toBeLessThan(0.1);
    expect(low).toBeLessThanOrEqual(likely);
    expect(high).toBeGreaterThanOrEqual(likely);
  },
);

it('estimates users whose number grows exponentially', async () => {
  const tenant = await startTenant({ ...importedTwice(), users: { count: 0 } });
  const [count, growth, startedAt] = [12_000, 5, Date.parse('2020-01-01T00:00:00.000Z')];
  for (let nth = 0; nth < count; nth += 1) {
    const part = Math.log(1 + (nth / count) * (Math.exp(growth) - 1)) / growth;
    tenant.tenant.createUser({ created_at: new Date(startedAt + part * 1e11).toISOString() });
  }
  const { users } = await probe(tenant);
  expect(Math.abs((users?.likely ?? 0) / count - 1)).toBeLessThan(0.1);
});

it('does not mistake an import for the rate of the time around it', async () => {
  const tenant = await startTenant({ ...importedTwice(), users: { count: 20_000 } });
  for (let nth = 0; nth < 600; nth += 1) tenant.tenant.createUser({ created_at: '2024-01-05T00:00:00.000Z' });
  const { users } = await probe(tenant);
  expect(Math.abs((users?.likely ?? 0) / 20_600 - 1)).toBeLessThan(0.1);
});

it('counts only users changed since the start date', async () => {
  const tenant = await startTenant('small');
  const startDate = '2025-01-01T00:00:00.000Z';
  const changed = [...tenant.tenant.users.iterateUsers()].filter(
    ({ updated_at: at }) => typeof at === 'string' && at >= startDate,
  );
  const { users } = await probe(tenant, { startDate });
  expect(changed.length).toBeLessThan(450);
  expect(users).toEqual(exactly(changed.length));
});

it('reports an open estimate when more users share a timestamp than a search counts', async () => {
  const tenant = await startTenant({ ...importedTwice(), users: { count: 3_000, ties: [{ size: 1_500 }] } });
  expect((await probe(tenant)).users).toMatchObject({ open: true });
  const other = await startTenant(importedTwice());
  expect((await probe(other)).users).not.toHaveProperty('open');
});

it('reports the missing scopes of unreadable streams, and estimates the others', async () => {
  const tenant = await startTenant('small');
  const without = ['read:users', 'read:organization_member_roles', 'read:roles'];
  tenant.updateSettings({ scopes: readerScopes.filter((scope) => !without.includes(scope)) });
  const found = plan(await probe(tenant));
  expect(found.streams.filter(({ refused }) => refused)).toEqual([
    { stream: 'users', requests: 0, refused: 'the token lacks the scope read:users' },
    {
      stream: 'organization_member_roles',
      requests: 0,
      refused: 'the token lacks the scope read:organization_member_roles',
    },
  ]);
  expect(found.streams.find(({ stream }) => stream === 'organization_members')).toMatchObject({ requests: 12 });
});

it('requests nothing that the selected streams do not need', async () => {
  const tenant = await startTenant('small');
  const probed = await probe(tenant, { streams: ['clients'] });
  expect(probed.requests).toBe(1);
  expect(groupRequests(plan(probed, { streams: ['clients'] }))).toEqual({ clients: 1 });
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

it('counts one request per member when roles are read per member', () => {
  const { streams: planned } = plan(found, { rolesSource: 'per_member' });
  expect(planned.at(-1)).toMatchObject({ stream: 'organization_member_roles', requests: 200 });
});

it('counts shared requests for the first stream that needs them', () => {
  const selected = ['organization_member_roles'];
  expect(groupRequests(plan(found, { streams: selected }))).toEqual({ organization_member_roles: 1 + 3 + 1 });
});

it('divides the time of a common rate limit among the streams', () => {
  const { streams: planned, seconds, requests } = plan(found, { buckets: [bucket('tenant', 50, 10)] });
  expect(seconds).toBeCloseTo((requests - 50) / 10, 1);
  expect(planned.reduce((sum, each) => sum + (each.seconds ?? 0), 0)).toBeCloseTo(seconds ?? 0, 0);
});

it('lets different rate limits pass concurrently, and deducts the reserve', () => {
  const buckets = [bucket('users', 40, 8), bucket('clients', 5, 2), bucket('members', 2, 0.5)];
  const { streams: planned, seconds, limits } = plan(found, { buckets, reserve: 0.1 });
  const users = planned.find(({ stream }) => stream === 'users');
  expect(limits[0]).toEqual({ name: 'users', burst: 36, perSecond: 8 });
  expect(seconds).toBe(users?.seconds);
  expect(seconds).toBeCloseTo(((users?.requests ?? 0) - 36) / 8, 1);
});

it('estimates no time when the tenant reports no rate limit', () => {
  const planned = plan(found);
  expect(planned).not.toHaveProperty('seconds');
  expect(planned.streams[0]).not.toHaveProperty('seconds');
});
