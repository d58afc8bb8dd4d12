import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { RateLimited } from '../../../src/auth0/errors';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import { createFixedTokenSource } from '../../../src/auth0/token';
import type { JsonObject } from '../../../src/json';
import { zeroCounts } from '../../../src/streams/counts';
import {
  type ChildrenTask,
  defaultReadOptions,
  parentIndexName,
  type RolesSource,
} from '../../../src/streams/fetch-task';
import { createFetchRunner, createTestClient, type FetchRunner, selectSegments } from '../../support/fetch-fixture';
import { scratchFolders } from '../../support/scratch';

const memberStream = 'organization_members';
const roleStream = 'organization_member_roles';
const newFolder = scratchFolders();
let tenant: Emulator;
let client: Auth0Client;
let runner: FetchRunner;

beforeEach(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 150 },
      clients: { count: 1 },
      organizations: { count: 4, members: 12, firstMemberCounts: [60] },
      roles: { count: 5, owned: { organizations: 3, each: 3 } },
    },
  });
  client = createTestClient(tenant);
  runner = createFetchRunner(newFolder(), () => client);
});
afterEach(async () => {
  client.close();
  await tenant.close();
});

function replaceClient(next: Auth0Client): void {
  client.close();
  client = next;
}

const countRequests = (route: string): number =>
  Object.values(tenant.readStatistics().byRoute[route] ?? {}).reduce((sum, count) => sum + count, 0);
/** Requests for lists of roles, and for single roles. */
const countRoleRequests = (): [lists: number, single: number] => [countRequests('roles'), countRequests('role')];

/** Lists the organizations and the roles, and returns the task of reading all members and their roles. */
async function prepareTask(rolesSource: RolesSource, streams = [memberStream, roleStream]): Promise<ChildrenTask> {
  const { attempt } = runner;
  const listed = await attempt({
    task: { kind: 'parents', stream: 'organizations', emit: false },
    fetchId: 'organizations-0',
  }).result;
  const roles = await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' }, fetchId: 'roles-0' })
    .result;
  const [segment] = selectSegments(parentIndexName, listed.segments);
  const parents = { segment: segment!, first: 0, count: segment!.records };
  tenant.resetStatistics();
  return {
    kind: 'children',
    streams,
    parents,
    readOptions: { ...defaultReadOptions, rolesSource },
    sideIndex: rolesSource === 'inline' ? roles.segments : null,
  };
}

const limitToOrganization = (task: ChildrenTask, index: number): ChildrenTask => ({
  ...task,
  parents: { ...task.parents, first: index, count: 1 },
});

const toKey = ({ org_id, user_id, id }: JsonObject): string => [org_id, user_id, id].filter(Boolean).join(' ');

/** The description of every role of every member in the tenant, by key. */
function listTrueDescriptions(): Map<string, unknown> {
  const { organizations, memberships } = tenant.tenant;
  return new Map(
    organizations.rows.flatMap(({ id: org_id }) =>
      memberships
        .list(org_id)
        .flatMap((member) =>
          memberships
            .resolveRoles(member)
            .map(({ id, description }) => [toKey({ org_id, user_id: member.id, id: id! }), description] as const),
        ),
    ),
  );
}

const readRoleRows = ({ segments }: Pick<FetchResult, 'segments'>): Promise<JsonObject[]> =>
  runner.readRows(selectSegments(roleStream, segments));
const toDescriptions = (rows: JsonObject[]): Map<string, unknown> =>
  new Map(rows.map((row) => [toKey(row), row['description']]));
/** Ids of those roles that belong to an organization, which the tenant's list of roles omits. */
const selectOwnedRoles = (rows: JsonObject[]): Set<string> =>
  new Set(rows.map(({ id }) => id as string).filter((id) => tenant.tenant.roles.get(id)?.['owner_id']));

describe('a role that the list of roles omits', () => {
  it('is listed with all roles of its organization, once per run', async () => {
    const task = await prepareTask('inline');
    const first = await runner.attempt({ task, fetchId: 'members-0' }).result;
    const rows = await readRoleRows(first);
    expect(toDescriptions(rows)).toEqual(listTrueDescriptions());
    expect(selectOwnedRoles(rows).size).toBeGreaterThan(5);
    expect(countRoleRequests()).toEqual([3, 0]);
    expect(first.counts).toMatchObject({ pages: 4, requests: 4 + 3, undescribed: 0, vanished: 0 });

    const second = await runner.attempt({ task, fetchId: 'members-1' }).result;
    expect(toDescriptions(await readRoleRows(second))).toEqual(listTrueDescriptions());
    expect(countRoleRequests()).toEqual([3, 0]);
    await runner.attempt({ task, fetchId: 'members-0', run: 'another' }).result;
    expect(countRoleRequests()).toEqual([2 * 3, 0]);
  });

  it.each(['rejects', 'ignores'])(
    'is requested by itself, once per run, when the tenant %s requests for the roles of an organization',
    async (behaviour) => {
      const { getPage } = client;
      client = {
        ...client,
        getPage(request, options) {
          const { type, owner_id: _, ...query } = request.query;
          const isRejected = type !== undefined && behaviour === 'rejects';
          return getPage({ ...request, query: isRejected ? { ...query, type: 'none' } : query }, options);
        },
      };
      const task = await prepareTask('inline');
      const rows = await readRoleRows(await runner.attempt({ task, fetchId: 'members-0' }).result);
      expect(toDescriptions(rows)).toEqual(listTrueDescriptions());
      expect(countRoleRequests()).toEqual([1, selectOwnedRoles(rows).size]);
    },
  );

  it('is requested by itself when a page needs no other role of its organization', async () => {
    const task = await prepareTask('inline');
    const [organization] = tenant.tenant.organizations.rows;
    for (const member of [...tenant.tenant.memberships.list(organization!.id)].slice(1)) {
      tenant.tenant.apply({ type: 'removeMember', org_id: organization!.id, user_id: member.id });
    }
    const [only] = tenant.tenant.memberships.list(organization!.id);
    const owned = tenant.tenant.roles.rows.find(({ record }) => record['owner_id'] === organization!.id)!;
    only!.roles = [owned.id];
    const result = await runner.attempt({ task: limitToOrganization(task, 0), fetchId: 'members-0' }).result;
    expect(await readRoleRows(result)).toMatchObject([{ description: owned.record['description'] }]);
    expect(countRoleRequests()).toEqual([0, 1]);
  });

  it('has no description after it was deleted, is counted, and is not requested again in the run', async () => {
    const owner = tenant.tenant.organizations.rows[0]!.id;
    const deleted = tenant.tenant.roles.rows.find(({ record }) => record['owner_id'] === owner)!.id;
    const members = [...listTrueDescriptions().keys()].filter((key) => key.endsWith(deleted)).length;
    tenant.tenant.apply({ type: 'deleteRole', id: deleted, lingers: true });
    const task = limitToOrganization(await prepareTask('inline'), 0);
    const first = await runner.attempt({ task, fetchId: 'members-0' }).result;
    const undescribed = (await readRoleRows(first)).filter(({ id }) => id === deleted);
    expect(undescribed.map(({ description }) => description)).toEqual(Array(members).fill(null));
    expect(members).toBeGreaterThan(1);
    expect(first.counts).toMatchObject({ undescribed: members, vanished: 0 });

    tenant.resetStatistics();
    await runner.attempt({ task, fetchId: 'members-1' }).result;
    expect(countRequests('role')).toBe(0);
  });
});

describe('roles read per member', () => {
  it('equal those read inline, and cost one request per member', async () => {
    const task = await prepareTask('per_member');
    const result = await runner.attempt({ task }).result;
    expect(toDescriptions(await readRoleRows(result))).toEqual(listTrueDescriptions());
    expect(result.counts).toEqual({ ...zeroCounts, pages: 4, requests: 100, rows: 96 });
    expect(tenant.readStatistics()).toMatchObject({ requests: 100 });
    expect(countRequests('memberRoles')).toBe(96);
  });

  it('are requested concurrently, at most 8 at a time', async () => {
    const task = await prepareTask('per_member');
    tenant.updateSettings({ latencyMs: 20 });
    await runner.attempt({ task }).result;
    expect(tenant.readStatistics().maxInFlight).toBeGreaterThan(4);
    expect(tenant.readStatistics().maxInFlight).toBeLessThanOrEqual(8);
  });

  it('are omitted for a member who left after the list was read, and the member is counted', async () => {
    const task = limitToOrganization(await prepareTask('per_member'), 0);
    const org_id = tenant.tenant.organizations.rows[0]!.id;
    const [leaver] = tenant.tenant.memberships.list(org_id);
    tenant.onRequest(2, () => void tenant.tenant.removeMember(org_id, leaver!.id));
    const result = await runner.attempt({ task }).result;
    expect(result.counts).toEqual({ ...zeroCounts, pages: 1, requests: 61, rows: 60, vanished: 1 });
    expect((await readRoleRows(result)).filter(({ user_id: id }) => id === leaver!.id)).toEqual([]);
  });

  it('end with the first failed request, and the next attempt reads the whole page again', async () => {
    const task = limitToOrganization(await prepareTask('per_member'), 0);
    tenant.updateSettings({ latencyMs: 5 });
    tenant.setFaults([{ match: 'members/.*/roles', kind: '503', nth: 5 }]);
    const first = runner.attempt({ task });
    await expect(first.result).rejects.toMatchObject({ type: 'Transient', nonRetryable: false });
    expect(first.heartbeats.at(-1)).toMatchObject({ counts: zeroCounts, stalledAttempts: 1 });
    expect(tenant.readStatistics().requests).toBeLessThan(40);

    const second = await runner.attempt({ task }, 2, first.heartbeats.at(-1)).result;
    expect(second.counts).toMatchObject({ pages: 1, requests: 61, rows: 60 });
    // Had the other requests of the first attempt continued, they would have been counted by now.
    expect(tenant.readStatistics().requests).toBeLessThan(40 + 61);
    const keys = (await readRoleRows(second)).map(toKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(30);
  });

  it('end when the fetch is cancelled', async () => {
    const task = limitToOrganization(await prepareTask('per_member'), 0);
    const attempt = runner.attempt({ task });
    tenant.onRequest(5, () => attempt.cancel());
    await expect(attempt.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(tenant.readStatistics().requests).toBeLessThan(40);
  });

  it('wait for the rate limit as often as necessary, without reading the page again', async () => {
    const task = limitToOrganization(await prepareTask('per_member'), 1);
    tenant.updateSettings({ rateLimits: { groups: { memberRoles: { size: 4, perSecond: 50 } } } });
    let refusals = 0;
    const impatient = createTestClient(tenant, { maxWaitMs: 250 });
    replaceClient({
      ...impatient,
      getPage: (...request) =>
        impatient.getPage(...request).catch((error: unknown) => {
          if (error instanceof RateLimited) refusals += 1;
          throw error;
        }),
    });
    const { done, counts } = await runner.attempt({ task }).result;
    expect({ done, rows: counts.rows }).toEqual({ done: true, rows: 12 });
    expect(refusals).toBeGreaterThan(0);
    expect(tenant.readStatistics().byRoute['memberRoles']?.['200']).toBe(12);
    expect(counts.requests).toBe(tenant.readStatistics().requests);
  });
});

describe('the scope for roles', () => {
  const withoutRoles = readerScopes.filter((scope) => scope !== 'read:organization_member_roles');
  const missingScope = { type: 'MissingScope', message: expect.stringContaining('read:organization_member_roles') };

  it.each(['refuse', 'omit'] as const)(
    'is required before a list is read, from a tenant that would %s its roles',
    async (rolesWithoutScope) => {
      const task = await prepareTask('inline');
      tenant.updateSettings({ scopes: withoutRoles, rolesWithoutScope });
      replaceClient(createTestClient(tenant));
      await expect(runner.attempt({ task }).result).rejects.toMatchObject({ ...missingScope, nonRetryable: true });
      expect(tenant.readStatistics().requests).toBe(0);
    },
  );

  it('is not required when roles are not selected', async () => {
    const task = await prepareTask('inline', [memberStream]);
    tenant.updateSettings({ scopes: withoutRoles });
    replaceClient(createTestClient(tenant));
    expect(await runner.attempt({ task }).result).toMatchObject({ done: true, counts: { rows: 96 } });
  });

  it("is checked by the tenant when the token's scopes are unknown", async () => {
    const task = await prepareTask('inline');
    const tokenSource = createFixedTokenSource('opaque');
    replaceClient(createAuth0Client({ baseUrl: tenant.url, tokenSource, pacer: new Pacer(), retries: 0 }));
    await expect(runner.attempt({ task }).result).rejects.toMatchObject({ type: 'BadCredentials' });
    expect(tenant.readStatistics().requests).toBe(1);
  });

  it('is named when the tenant rejects the request for the roles of a member', async () => {
    const task = await prepareTask('per_member');
    tenant.updateSettings({ scopes: withoutRoles });
    replaceClient(createTestClient(tenant));
    await expect(runner.attempt({ task }).result).rejects.toMatchObject(missingScope);
  });
});
