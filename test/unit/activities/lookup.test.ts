import { setTimeout as sleep } from 'node:timers/promises';
import { type Emulator, readerScopes, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import { type Auth0Client, createAuth0Client } from '../../../src/auth0/client';
import { Pacer } from '../../../src/auth0/rate-limit/pacer';
import { createFixedTokenSource } from '../../../src/auth0/token';
import type { JsonObject } from '../../../src/json';
import { zeroCounts } from '../../../src/streams/counts';
import {
  type ChildrenTask,
  parentIndexName,
  type RolesSource,
  defaultReadOptions,
} from '../../../src/streams/fetch-task';
import { scratchFolders } from '../../support/scratch';
import { impatientClient, segmentsOf, type Slices, slicesIn } from '../../support/fetch-fixture';

const members = 'organization_members';
const memberRoles = 'organization_member_roles';
const newFolder = scratchFolders();
let tenant: Emulator;
let client: Auth0Client;

beforeEach(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 150 },
      clients: { count: 1 },
      organizations: { count: 4, members: 12, firstMemberCounts: [60] },
      roles: { count: 5, owned: { organizations: 3, each: 3 } },
    },
  });
  client = impatientClient(tenant);
});
afterEach(async () => {
  client.close();
  await tenant.close();
});

const slices = (): Slices => slicesIn(newFolder(), () => client);
const requestsTo = (route: string): number =>
  Object.values(tenant.readStatistics().byRoute[route] ?? {}).reduce((sum, count) => sum + count, 0);

/** The task of reading all organizations' members and roles, after listing what it needs. */
async function prepare(
  { attempt }: Slices,
  rolesSource: RolesSource,
  streams = [members, memberRoles],
): Promise<ChildrenTask> {
  const listed = await attempt({
    task: { kind: 'parents', stream: 'organizations', emit: false },
    fetchId: 'organizations-0',
  }).result;
  const roles = await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' }, fetchId: 'roles-0' })
    .result;
  const [segment] = segmentsOf(parentIndexName, listed.segments);
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

const onlyOrganization = (task: ChildrenTask, first: number): ChildrenTask => ({
  ...task,
  parents: { ...task.parents, first, count: 1 },
});

const keyOf = ({ org_id, user_id, id }: JsonObject): string => [org_id, user_id, id].filter(Boolean).join(' ');

/** By key: the description of every role that a member holds, as the tenant has it. */
function heldRoles(): Map<string, unknown> {
  const { organizations, memberships } = tenant.tenant;
  const held = organizations.rows.flatMap(({ id: org_id }) =>
    memberships
      .list(org_id)
      .flatMap((member) =>
        memberships
          .resolveRoles(member)
          .map(({ id, description }) => [keyOf({ org_id, user_id: member.id, id: id! }), description] as const),
      ),
  );
  return new Map(held);
}

async function rolesIn({ rowsOf }: Slices, { segments }: Pick<FetchResult, 'segments'>): Promise<JsonObject[]> {
  return rowsOf(segmentsOf(memberRoles, segments));
}
const described = (rows: JsonObject[]): Map<string, unknown> =>
  new Map(rows.map((row) => [keyOf(row), row['description']]));

describe('a role that the list of roles does not show', () => {
  it('is asked for with all that its organization owns, once in a run, whoever holds it and in whatever slice', async () => {
    const all = slices();
    const task = await prepare(all, 'inline');
    const first = await all.attempt({ task, fetchId: 'members-0' }).result;
    const rows = await rolesIn(all, first);
    expect(described(rows)).toEqual(heldRoles());
    const owned = new Set(rows.map(({ id }) => id as string).filter((id) => tenant.tenant.roles.get(id)?.['owner_id']));
    expect(owned.size).toBeGreaterThan(5);
    expect([requestsTo('roles'), requestsTo('role')]).toEqual([3, 0]);
    expect(first.counts).toMatchObject({ pages: 4, requests: 4 + 3, undescribed: 0, vanished: 0 });

    const second = await all.attempt({ task, fetchId: 'members-1' }).result;
    expect(described(await rolesIn(all, second))).toEqual(heldRoles());
    expect([requestsTo('roles'), requestsTo('role')]).toEqual([3, 0]);
    await all.attempt({ task, fetchId: 'members-0', run: 'another' }).result;
    expect([requestsTo('roles'), requestsTo('role')]).toEqual([2 * 3, 0]);
  });

  it.each(['refuses', 'does not know'])(
    'is asked for by itself, once in a run, where the tenant %s the list of an organization',
    async (how) => {
      const { getPage } = client;
      client = {
        ...client,
        getPage(request, options) {
          const { type, owner_id: _, ...query } = request.query;
          const refused = type !== undefined && how === 'refuses';
          return getPage({ ...request, query: refused ? { ...query, type: 'none' } : query }, options);
        },
      };
      const all = slices();
      const task = await prepare(all, 'inline');
      const first = await all.attempt({ task, fetchId: 'members-0' }).result;
      const rows = await rolesIn(all, first);
      expect(described(rows)).toEqual(heldRoles());
      const ids = new Set(rows.map(({ id }) => id as string));
      const owned = [...ids].filter((id) => tenant.tenant.roles.get(id)?.['owner_id']);
      expect([requestsTo('roles'), requestsTo('role')]).toEqual([1, owned.length]);
    },
  );

  it('is asked for by itself where it is the only one', async () => {
    const all = slices();
    const task = await prepare(all, 'inline');
    const [organization] = tenant.tenant.organizations.rows;
    for (const member of [...tenant.tenant.memberships.list(organization!.id)].slice(1)) {
      tenant.tenant.apply({ type: 'removeMember', org_id: organization!.id, user_id: member.id });
    }
    const [only] = tenant.tenant.memberships.list(organization!.id);
    const owned = tenant.tenant.roles.rows.filter(({ record }) => record['owner_id'] === organization!.id);
    only!.roles = [owned[0]!.id];
    const { segments } = await all.attempt({ task: onlyOrganization(task, 0), fetchId: 'members-0' }).result;
    expect(await rolesIn(all, { segments })).toMatchObject([{ description: owned[0]!.record['description'] }]);
    expect([requestsTo('roles'), requestsTo('role')]).toEqual([0, 1]);
  });

  it('and is gone has no description, is counted, and is not asked for again in the run', async () => {
    const all = slices();
    const owner = tenant.tenant.organizations.rows[0]!.id;
    const gone = tenant.tenant.roles.rows.find(({ record }) => record['owner_id'] === owner)!.id;
    const holders = [...heldRoles().keys()].filter((key) => key.endsWith(gone)).length;
    tenant.tenant.apply({ type: 'deleteRole', id: gone, lingers: true });
    const task = onlyOrganization(await prepare(all, 'inline'), 0);
    const { counts, ...first } = await all.attempt({ task, fetchId: 'members-0' }).result;
    const undescribed = (await rolesIn(all, first)).filter(({ id }) => id === gone);
    expect(undescribed.map(({ description }) => description)).toEqual(Array(holders).fill(null));
    expect(holders).toBeGreaterThan(1);
    expect(counts).toMatchObject({ undescribed: holders, vanished: 0 });

    tenant.resetStatistics();
    await all.attempt({ task, fetchId: 'members-1' }).result;
    expect(requestsTo('role')).toBe(0);
  });
});

describe('roles member by member', () => {
  it('are the same as inline, at the price of a request for each member', async () => {
    const all = slices();
    const task = await prepare(all, 'per_member');
    const result = await all.attempt({ task }).result;
    expect(described(await rolesIn(all, result))).toEqual(heldRoles());
    expect(result.counts).toEqual({ ...zeroCounts, pages: 4, requests: 100, rows: 96 });
    expect(tenant.readStatistics()).toMatchObject({ requests: 100 });
    expect(requestsTo('memberRoles')).toBe(96);
  });

  it('are asked for side by side, no more at a time than the pacer lets out', async () => {
    const all = slices();
    const task = await prepare(all, 'per_member');
    tenant.updateSettings({ latencyMs: 20 });
    await all.attempt({ task }).result;
    expect(tenant.readStatistics().maxInFlight).toBeGreaterThan(4);
    expect(tenant.readStatistics().maxInFlight).toBeLessThanOrEqual(8);
  });

  it('of somebody who left after the list was read are none, and that is counted', async () => {
    const all = slices();
    const task = onlyOrganization(await prepare(all, 'per_member'), 0);
    const org_id = tenant.tenant.organizations.rows[0]!.id;
    const [leaver] = tenant.tenant.memberships.list(org_id);
    tenant.onRequest(2, () => void tenant.tenant.removeMember(org_id, leaver!.id));
    const { segments, counts } = await all.attempt({ task }).result;
    expect(counts).toEqual({ ...zeroCounts, pages: 1, requests: 61, rows: 60, vanished: 1 });
    expect((await rolesIn(all, { segments })).filter(({ user_id: id }) => id === leaver!.id)).toEqual([]);
  });

  it('end with the first one that fails, and the page is read again as a whole, and once', async () => {
    const all = slices();
    const task = onlyOrganization(await prepare(all, 'per_member'), 0);
    tenant.updateSettings({ latencyMs: 5 });
    tenant.setFaults([{ match: 'members/.*/roles', kind: '503', nth: 5 }]);
    const first = all.attempt({ task });
    await expect(first.result).rejects.toMatchObject({ type: 'Transient', nonRetryable: false });
    expect(first.heartbeats.at(-1)).toMatchObject({ counts: zeroCounts, stalled: 1 });
    // Those that were under way would have been followed by the others meanwhile.
    await sleep(300);
    expect(tenant.readStatistics().requests).toBeLessThan(40);

    const { counts, ...second } = await all.attempt({ task }, 2, first.heartbeats.at(-1)).result;
    expect(counts).toMatchObject({ pages: 1, requests: 61, rows: 60 });
    const keys = (await rolesIn(all, second)).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThan(30);
  });

  it('end when the slice is cancelled', async () => {
    const all = slices();
    const task = onlyOrganization(await prepare(all, 'per_member'), 0);
    const slice = all.attempt({ task });
    tenant.onRequest(5, () => slice.cancel());
    await expect(slice.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(tenant.readStatistics().requests).toBeLessThan(40);
  });

  it('wait for the limit as long as they must: the page is not begun again for it', async () => {
    const all = slices();
    const task = onlyOrganization(await prepare(all, 'per_member'), 0);
    tenant.updateSettings({ rateLimits: { groups: { memberRoles: { size: 4, perSecond: 50 } } } });
    client.close();
    client = impatientClient(tenant, { maxWaitMs: 250 });
    const { done, counts } = await all.attempt({ task }).result;
    expect({ done, rows: counts.rows }).toEqual({ done: true, rows: 60 });
    expect(tenant.readStatistics().byRoute['memberRoles']?.['200']).toBe(60);
    expect(counts.requests).toBe(tenant.readStatistics().requests);
  });
});

describe('the scope for roles', () => {
  const withoutRoles = readerScopes.filter((scope) => scope !== 'read:organization_member_roles');

  it.each(['refuse', 'omit'] as const)(
    'is demanded before a list is read whose roles the tenant would %s',
    async (rolesWithoutScope) => {
      const all = slices();
      const task = await prepare(all, 'inline');
      tenant.updateSettings({ scopes: withoutRoles, rolesWithoutScope });
      const poor = impatientClient(tenant);
      client.close();
      client = poor;
      await expect(all.attempt({ task }).result).rejects.toMatchObject({
        type: 'MissingScope',
        nonRetryable: true,
        message: expect.stringContaining('read:organization_member_roles'),
      });
      expect(tenant.readStatistics().requests).toBe(0);
    },
  );

  it('is not demanded where roles are not wanted', async () => {
    const all = slices();
    const task = await prepare(all, 'inline', [members]);
    tenant.updateSettings({ scopes: withoutRoles });
    client.close();
    client = impatientClient(tenant);
    expect(await all.attempt({ task }).result).toMatchObject({ done: true, counts: { rows: 96 } });
  });

  it("is left to the tenant where the token's scopes cannot be known", async () => {
    const all = slices();
    const task = await prepare(all, 'inline');
    client.close();
    const { url: baseUrl } = tenant;
    client = createAuth0Client({
      baseUrl,
      tokenSource: createFixedTokenSource('opaque'),
      pacer: new Pacer(),
      retries: 0,
    });
    await expect(all.attempt({ task }).result).rejects.toMatchObject({ type: 'BadCredentials' });
    expect(tenant.readStatistics().requests).toBe(1);
  });

  it('is asked of the tenant for each member, and named when it is lacking', async () => {
    const all = slices();
    const task = await prepare(all, 'per_member');
    tenant.updateSettings({ scopes: withoutRoles });
    client.close();
    client = impatientClient(tenant);
    await expect(all.attempt({ task }).result).rejects.toMatchObject({
      type: 'MissingScope',
      message: expect.stringContaining('read:organization_member_roles'),
    });
  });
});
