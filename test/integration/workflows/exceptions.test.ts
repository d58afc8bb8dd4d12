import { type Emulator, startEmulator, type TruthStream } from 'auth0-emulator';
import { RequestRejected } from '../../../src/auth0/errors';
import { compare, exact } from '../../support/compare-copy';
import { expectOrderedDeliveries, expectCompleteCopy } from '../../support/expect-copy';
import { full, startTestEnvironment, type SyncOutcome, type TestEnvironment } from '../../support/test-environment';

const family: TruthStream[] = ['organizations', 'organization_members', 'organization_member_roles'];
const limits = { fetchBudget: { pages: 2, seconds: 60, bytes: 1e9 }, parentsPerBatch: 3 };
jest.setTimeout(60_000);

let environment: TestEnvironment;
let tenant: Emulator;

beforeAll(async () => {
  environment = await startTestEnvironment();
}, 60_000);
beforeEach(async () => {
  tenant = await startEmulator({ scenario: 'owned-roles' });
});
afterEach(() => tenant.close());
afterAll(() => environment.close());

const findResult = ({ result }: SyncOutcome, stream: string): SyncOutcome['result']['streams'][0] =>
  result.streams.find((each) => each.stream === stream)!;

const requestsFor = (part: RegExp): number =>
  Object.entries(tenant.readStatistics().byRoute)
    .filter(([route]) => part.test(route))
    .reduce((sum, [, statuses]) => sum + Object.values(statuses).reduce((a, b) => a + b, 0), 0);

describe("roles that an organization owns, which the tenant's list does not include", () => {
  it('are requested once per organization, with their descriptions', async () => {
    const outcome = await environment.runSync({ tenant, streams: full(...family), limits });
    expectCompleteCopy(outcome, tenant, family);
    expectOrderedDeliveries(outcome);
    expect([requestsFor(/^roles$/), requestsFor(/^role$/)]).toEqual([1 + 4, 0]);
    expect(findResult(outcome, 'organization_members').counts.requests).toBe(8 + 4);
    expect(outcome.result.verdict).toBe('complete');
  });

  it('have a null description, a note and an exception in the verdict when they were deleted meanwhile', async () => {
    const owned = [...tenant.tenant.roles.rows]
      .map(({ record }) => record)
      .find((role) => role['type'] === 'organization');
    tenant.tenant.apply({ type: 'deleteRole', id: owned!['id'] as string, lingers: true });
    const outcome = await environment.runSync({ tenant, streams: full(...family), limits });
    const holders = outcome.rows['organization_member_roles']!.filter(({ id }) => id === owned!['id']);
    expect(holders.length).toBeGreaterThan(0);
    for (const row of holders) expect(row).toMatchObject({ name: owned!['name'], description: null });
    expect(findResult(outcome, 'organization_member_roles').verdict).toMatch(
      /^complete except for \d+ role description/,
    );
    expect(findResult(outcome, 'organization_members').verdict).toBe('complete');
  });
});

it('reads the roles of each member separately when configured, with descriptions and without the list of roles', async () => {
  const members = tenant.readTruth().organization_members.size;
  const scenario = { tenant, streams: full(...family), limits, readOptions: { rolesSource: 'per_member' as const } };
  const outcome = await environment.runSync(scenario);
  expectCompleteCopy(outcome, tenant, family);
  expect(requestsFor(/^memberRoles$/)).toBe(members);
  expect(requestsFor(/^roles?$/)).toBe(0);
});

it('reports a missing scope when Auth0 leaves roles out because of it', async () => {
  tenant.updateSettings({
    rolesWithoutScope: 'omit',
    scopes: ['read:organizations', 'read:organization_members', 'read:roles'],
  });
  const outcome = await environment.runSync({ tenant, streams: full(...family), limits });
  expectCompleteCopy(outcome, tenant, ['organizations', 'organization_members']);
  expect(findResult(outcome, 'organization_member_roles')).toMatchObject({
    status: 'incomplete',
    failure: { type: 'MissingScope', message: expect.stringContaining('read:organization_member_roles') },
    audit: [{ part: "the tenant's roles", rows: 5, total: 5 }],
  });
});

it('restarts a list whose checkpoint has expired, and skips the rows that it had delivered', async () => {
  const big = await startEmulator({
    scenario: {
      users: { count: 700 },
      clients: { count: 450 },
      organizations: { count: 250, members: 0, firstMemberCounts: [620, 5] },
      roles: { count: 3 },
    },
  });
  try {
    let asked = 0;
    const outcome = await environment.runSync({
      tenant: big,
      streams: full('clients', ...family),
      limits,
      wrapClient: (client) => ({
        ...client,
        async getPage(request, options) {
          const page = await client.getPage(request, options);
          if ('from' in request.query) asked += 1;
          if (!('from' in request.query) || ![3, 8, 9].includes(asked)) return page;
          throw new RequestRejected('GET clients', 400, 'invalid_paging');
        },
      }),
    });
    for (const stream of ['clients', ...family] as TruthStream[]) {
      expect({ stream, ...compare(stream, outcome.rows[stream] ?? [], big.readTruth()[stream]) }).toEqual({
        stream,
        ...exact,
      });
    }
    expect(outcome.result.verdict).toBe('complete');
    const restarts = outcome.result.streams.map(({ counts }) => counts.restarted);
    expect(restarts.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(3);
  } finally {
    await big.close();
  }
});

it('counts organizations deleted after they were listed', async () => {
  const [, second, third] = tenant.tenant.organizations.rows;
  tenant.setScript(
    [second, third].map((row) => ({ change: { type: 'deleteOrganization', id: row!.id }, atRequest: 3 })),
  );
  const outcome = await environment.runSync({
    tenant,
    streams: full(...family),
    limits: { ...limits, concurrency: { min: 1, max: 1 } },
  });
  expect(outcome.result).toMatchObject({
    status: 'complete',
    verdict: expect.stringMatching(
      /^complete except for organization_members, organization_member_roles: 2 objects deleted/,
    ),
  });
  expect(findResult(outcome, 'organization_members').counts.vanished).toBe(2);
});

it('sends the result to the destination at the end, and is complete even if the destination rejects it', async () => {
  const outcome = await environment.runSync({ tenant, streams: full('organizations') });
  expect(outcome.summaries).toEqual([outcome.result]);
  expect(outcome.deliveries.at(-1)?.status).toBe('COMPLETE');
});

it('skips only the member that breaks every response, and reports it', async () => {
  const [, , key = ''] = tenant.readTruth().organization_members.keys();
  const [organization = '', spoilt = ''] = key.split(',');
  tenant.setFaults([{ kind: 'cut', record: spoilt, match: organization }]);
  const outcome = await environment.runSync({
    tenant,
    streams: full(...family),
    limits: { ...limits, maxStalledAttempts: 3 },
  });
  expect(outcome.result.status).toBe('complete');
  const members = outcome.rows['organization_members']!;
  expect(members).toHaveLength(tenant.readTruth().organization_members.size);
  expect(members.filter(({ name }) => name === undefined)).toEqual([{ org_id: organization, user_id: spoilt }]);
  const exception = 'complete except for 1 record for which Auth0 returned only the key (see _airbyte_meta)';
  expect(family.map((stream) => findResult(outcome, stream).verdict)).toEqual(['complete', exception, exception]);
  expectOrderedDeliveries(outcome);
});
