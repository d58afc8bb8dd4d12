import { MockActivityEnvironment } from '@temporalio/testing';
import { createFetchActivities } from '../../../src/activities/fetch';
import type { FetchInput, FetchResult } from '../../../src/activities/fetch-contract';
import type { DeliveryInput } from '../../../src/activities/sink-activities';
import { createSyncInput, defaultLimits } from '../../../src/app/sync-input';
import { Gone } from '../../../src/auth0/errors';
import type { Auth0Client } from '../../../src/auth0/client';
import type { ListRequest, Page } from '../../../src/auth0/request';
import type { JsonObject } from '../../../src/json';
import type { StagedRecord } from '../../../src/staging/segment';
import { createStaging } from '../../../src/staging/staging';
import type { StreamDescriptor } from '../../../src/streams/descriptor';
import { defaultReadOptions } from '../../../src/streams/fetch-task';
import type * as registry from '../../../src/streams/registry';
import type { StreamResult } from '../../../src/workflows/contract';
import { parentWorkflow } from '../../../src/workflows/parent-reader';
import { tenantLimits } from '../../support/fetch-fixture';
import { scratchFolders } from '../../support/scratch';
import { runWorkflow } from '../../support/simulation/workflow-runtime';

/*
 * A parent and its child streams need descriptors only. The tenant's roles are the parent here; their users and their
 * permissions are two child streams with a reading each.
 */
jest.mock('@temporalio/workflow', () => jest.requireActual<object>('../../support/simulation/workflow-runtime'));
jest.mock('../../../src/streams/registry', () => {
  const real = jest.requireActual<typeof registry>('../../../src/streams/registry');
  (real.streams as StreamDescriptor[]).push(...createDescriptors());
  return real;
});

function createDescriptors(): StreamDescriptor[] {
  const common = {
    syncModes: ['full_refresh'] as StreamDescriptor['syncModes'],
    scopes: ['read:roles'],
    secretFields: [],
    jsonSchema: { type: 'object', properties: {} },
    summary: 'Invented',
  };
  const createRequest =
    (list: string, key: string) =>
    (role: string, query: ListRequest['query']): ListRequest => ({ path: `roles/${role}/${list}`, query, list, key });
  const child = { parentKey: 'role_id', paging: 'offset' as const, probeQuery: {} };
  const users = { ...child, reading: 'users', request: createRequest('users', 'user_id') };
  const permissions = { ...child, reading: 'permissions', request: createRequest('permissions', 'name') };
  return [
    { ...common, name: 'roles', path: 'roles', reader: 'parent', primaryKey: [['id']] },
    {
      ...common,
      name: 'role_users',
      path: 'roles/{id}/users',
      reader: 'children',
      parent: 'roles',
      primaryKey: [['role_id'], ['user_id']],
      child: users,
    },
    {
      ...common,
      name: 'role_permissions',
      path: 'roles/{id}/permissions',
      reader: 'children',
      parent: 'roles',
      primaryKey: [['role_id'], ['name']],
      child: permissions,
    },
  ];
}

const newFolder = scratchFolders();
const roleIds = Array.from({ length: 7 }, (_, index) => `rol_${index}`);
const usersOf = (role: string): JsonObject[] =>
  Array.from({ length: Number(role.slice(4)) }, (_, index) => ({ user_id: `auth0|${index}` }));
const permissionsOf = (role: string): JsonObject[] => [{ name: `use:${role}` }];

/** Answers lists by offset, as Auth0 answers those of roles. The last role is deleted after it was listed. */
async function getPage({ path, query }: ListRequest): Promise<Page> {
  const [, role, list] = path.split('/');
  if (role === roleIds.at(-1)) throw new Gone(`GET ${path}`);
  const all =
    role === undefined ? roleIds.map((id) => ({ id })) : list === 'users' ? usersOf(role) : permissionsOf(role);
  const size = 2;
  const start = Number(query['page'] ?? 0) * size;
  const rows = all.slice(start, start + size);
  return { rows, start, limit: size, total: all.length, isBareArray: false, bytes: 10, respondedAt: 0 };
}

interface Copy {
  rows: Record<string, JsonObject[]>;
  results: StreamResult[];
  fetchIds: string[];
}

async function copyStreams(...names: string[]): Promise<Copy> {
  const staging = createStaging(newFolder());
  const client = { getPage, getStats: () => ({ succeeded: 1 }) } as Partial<Auth0Client> as Auth0Client;
  const { fetchPages } = createFetchActivities({
    getTenant: async () => ({ client, readLimits: tenantLimits }),
    staging,
  });
  const rows: Copy['rows'] = {};
  const fetchIds: string[] = [];
  const activities = {
    async fetchPages(input: FetchInput): Promise<FetchResult> {
      fetchIds.push(input.fetchId);
      return new MockActivityEnvironment().run<[FetchInput], FetchResult, typeof fetchPages>(fetchPages, input);
    },
    async deliver({ delivery }: { delivery: DeliveryInput }): Promise<void> {
      for (const segment of delivery.segments) {
        const lines = (await staging.readValues(segment)) as unknown as StagedRecord[];
        (rows[delivery.stream.name] ??= []).push(...lines.map(({ data }) => data));
      }
    },
  };
  const input = createSyncInput({
    connection: 'acme',
    streams: names.map((name) => ({ name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite' })),
    sinkQueue: 'sink',
    limits: { ...defaultLimits, fetchesPerRun: 5, parentsPerBatch: 2 },
    readOptions: defaultReadOptions,
  });
  const results = await runWorkflow(parentWorkflow, { ...input, run: 'run', states: {} }, activities, () => 0);
  return { rows, results: results as StreamResult[], fetchIds };
}

const listed = roleIds.slice(0, -1);
const expectedUsers = listed.flatMap((role) => usersOf(role).map((user) => ({ role_id: role, ...user })));
const expectedPermissions = listed.map((role) => ({ role_id: role, name: `use:${role}` }));
const byText = (rows: JsonObject[] = []): string[] => rows.map((row) => JSON.stringify(row)).sort();

it('copies an invented parent stream and the child streams of two readings', async () => {
  const { rows, results } = await copyStreams('roles', 'role_users', 'role_permissions');
  expect(byText(rows['roles'])).toEqual(byText(roleIds.map((id) => ({ id }))));
  expect(byText(rows['role_users'])).toEqual(byText(expectedUsers));
  expect(byText(rows['role_permissions'])).toEqual(byText(expectedPermissions));
  expect(results.map(({ stream, status, verdict, audit }) => ({ stream, status, verdict, audit }))).toEqual([
    { stream: 'roles', status: 'complete', verdict: 'complete', audit: [{ part: 'the list', rows: 7 }] },
    {
      stream: 'role_users',
      status: 'complete',
      verdict: 'complete except for 1 object deleted after it was listed',
      audit: [{ part: 'users of 7 roles', rows: expectedUsers.length }],
    },
    {
      stream: 'role_permissions',
      status: 'complete',
      verdict: 'complete except for 1 object deleted after it was listed',
      audit: [{ part: 'permissions of 7 roles', rows: expectedPermissions.length }],
    },
  ]);
});

it('reads the parent list for an invented child stream alone, and only the lists of its reading', async () => {
  const { rows, fetchIds } = await copyStreams('role_users');
  expect(Object.keys(rows)).toEqual(['role_users']);
  expect(byText(rows['role_users'])).toEqual(byText(expectedUsers));
  expect(new Set(fetchIds.map((id) => id.split('-')[0]))).toEqual(new Set(['roles', 'users']));
});
