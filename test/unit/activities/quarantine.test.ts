import type { ApplicationFailure } from '@temporalio/common';
import { type Emulator, type FaultKind, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import type { JsonObject } from '../../../src/json';
import type { StagedRecord } from '../../../src/staging/segment';
import { createStaging } from '../../../src/staging/staging';
import { defaultReadOptions, type FetchTask, parentIndexName } from '../../../src/streams/fetch-task';
import { createFetchRunner, createTestClient, type Heartbeat, selectSegments } from '../../support/fetch-fixture';
import { scratchFolders } from '../../support/scratch';

const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof createTestClient>;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 250 },
      clients: { count: 130 },
      organizations: { count: 2, members: 3, firstMemberCounts: [130] },
      roles: { count: 2 },
    },
  });
  client = createTestClient(tenant);
});
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  client.close();
  await tenant.close();
});

interface TaskOutcome {
  result: FetchResult;
  /** By stream. */
  records: Record<string, StagedRecord[]>;
  /** Messages of the attempts that failed. */
  errors: string[];
}

/** Runs attempts at a fetch until one succeeds, three at most. */
async function readTask(task: FetchTask, folder = newFolder()): Promise<TaskOutcome> {
  const runner = createFetchRunner(folder, () => client);
  const errors: string[] = [];
  let heartbeat: Heartbeat | undefined;
  for (let nth = 1; nth <= 3; nth += 1) {
    const attempt = runner.attempt({ task, fetchId: task.kind }, nth, heartbeat);
    const result = await attempt.result.catch((error: unknown) => {
      const { message, nonRetryable } = error as ApplicationFailure;
      errors.push(message);
      if (nonRetryable) throw error;
    });
    heartbeat = attempt.heartbeats.at(-1);
    if (result) return { result, records: await readRecords(folder, result), errors };
  }
  throw new Error(errors.join('\n'));
}

async function readRecords(folder: string, { segments }: FetchResult): Promise<TaskOutcome['records']> {
  const staging = createStaging(folder);
  const records: TaskOutcome['records'] = {};
  for (const { stream } of segments) {
    const values = await Promise.all(selectSegments(stream, segments).map((each) => staging.readValues(each)));
    records[stream] = values.flat() as unknown as StagedRecord[];
  }
  return records;
}

const search = { kind: 'search', stream: 'users', key: 'created_at', missing: false } as const;
const list = { kind: 'list', stream: 'clients' } as const;
const listIds = (stream: 'users' | 'clients'): string[] => [...tenant.readTruth()[stream].keys()];
const malformed = expect.stringContaining('truncated or malformed JSON') as string;

const brokenResponses: [FaultKind, string][] = [
  ['cut', 'truncated or malformed JSON'],
  ['500', '500'],
];

describe.each(brokenResponses)('a record that breaks every response with the fault %s', (kind, cause) => {
  it.each<['users' | 'clients', FetchTask, number, string, number]>([
    ['users', search, 120, 'user_id', 2 + 3 + 1 + 100],
    ['clients', list, 37, 'client_id', 2 + 3 * 5 + 1 + 1],
  ])('costs no other record of %s', async (stream, task, index, key, maxRequests) => {
    const poison = listIds(stream)[index]!;
    const groupByKey = ({ records }: TaskOutcome): Map<unknown, StagedRecord> =>
      new Map(records[stream]!.map((record) => [record.data[key], record]));
    const intact = groupByKey(await readTask(task));
    tenant.setFaults([{ kind, record: poison }]);
    const outcome = await readTask(task);
    const { result, errors } = outcome;
    expect(errors).toEqual([expect.stringContaining(cause)]);
    expect(result).toMatchObject({ done: true, counts: { skippedRecords: 1, rows: listIds(stream).length } });
    const read = groupByKey(outcome);
    expect([...read.keys()]).toEqual([...intact.keys()]);
    for (const [id, { data, meta }] of read) {
      if (id === poison) continue;
      expect(data).toEqual(intact.get(id)!.data);
      expect(meta).toBeUndefined();
    }
    const { data, meta } = read.get(poison)!;
    expect(data).toMatchObject({ [key]: poison });
    expect(data).not.toHaveProperty('name');
    expect(meta!.changes).toContainEqual({ field: 'name', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' });
    expect(meta!.changes.map(({ field }) => field)).not.toContain(key);
    expect(result.counts.requests).toBeLessThanOrEqual(maxRequests);
  });
});

it('skips a member that breaks every response, with its roles, and keeps all others', async () => {
  const readMembers = async (): Promise<TaskOutcome> => {
    const folder = newFolder();
    const { result } = await readTask({ kind: 'parents', stream: 'organizations', emit: false }, folder);
    const [segment] = selectSegments(parentIndexName, result.segments);
    const parents = { segment: segment!, first: 0, count: segment!.records };
    const streams = ['organization_members', 'organization_member_roles'];
    return readTask({ kind: 'children', streams, parents, readOptions: defaultReadOptions, sideIndex: null }, folder);
  };
  const intact = await readMembers();
  const members = intact.records['organization_members']!.map(({ data }) => data);
  const big = members.filter(({ org_id: id }) => id === members[Math.floor(members.length / 2)]!['org_id']);
  const { user_id: poison, org_id: organization } = big[111]!;
  tenant.setFaults([{ kind: 'cut', record: poison as string, match: organization as string }]);
  const { result, records } = await readMembers();
  expect(result).toMatchObject({ done: true, counts: { skippedRecords: 1, rows: members.length } });
  const isPoison = ({ org_id, user_id }: JsonObject): boolean => org_id === organization && user_id === poison;
  const found = records['organization_members']!;
  expect(found.map(({ data }) => data)).toEqual(
    members.map((data) => (isPoison(data) ? { org_id: organization, user_id: poison } : data)),
  );
  const changes = ['email', 'picture', 'name'].map((field) => ({
    field,
    change: 'NULLED',
    reason: 'SOURCE_RETRIEVAL_ERROR',
  }));
  expect(found.find(({ data }) => isPoison(data))!.meta!.changes).toEqual(expect.arrayContaining(changes));
  expect(found.filter(({ meta }) => meta)).toHaveLength(1);
  const readRoles = (each: TaskOutcome): JsonObject[] =>
    each.records['organization_member_roles']!.map(({ data }) => data).filter((data) => !isPoison(data));
  expect(records['organization_member_roles']!.map(({ data }) => data)).toEqual(readRoles(intact));
});

it('fails a list that cannot be requested by keys alone with the error of its page', async () => {
  const [organization] = tenant.readTruth().organizations.keys();
  tenant.setFaults([{ kind: 'html', record: organization! }]);
  await expect(readTask({ kind: 'parents', stream: 'organizations', emit: true })).rejects.toThrow(
    'GET organizations returned an unexpected response: HTML instead of JSON.',
  );
});

it('quarantines no page after a failure that does not repeat', async () => {
  tenant.setFaults([{ kind: 'cut', match: '/users', nth: 2 }]);
  const { result } = await readTask(search);
  // 100 users a page, and the boundary user comes twice; no user by itself.
  expect(result.counts).toMatchObject({ skippedRecords: 0, rows: 250, requests: 3 });
});

it('does not mistake an outage for a poison record', async () => {
  tenant.resetStatistics();
  tenant.setFaults([{ kind: '503', match: '/users' }]);
  await expect(readTask(search)).rejects.toThrow('503');
  // Three attempts, and the keys twice.
  expect(tenant.readStatistics().requests).toBe(5);
});

it('loses no other user when users are deleted or changed during a quarantine', async () => {
  const byUpdate = { ...search, key: 'updated_at' } as const;
  const readIds = ({ records }: TaskOutcome): string[] =>
    records['users']!.map(({ data }) => data['user_id'] as string);
  const ids = readIds(await readTask(byUpdate));
  const [deleted, changed] = [ids[80]!, ids[90]!];
  tenant.setFaults([{ kind: 'cut', record: ids[50]! }]);
  tenant.resetStatistics();
  // Two attempts at the page, its keys, then each user by itself.
  tenant.setScript([
    { afterRequest: 8, change: { type: 'deleteUser', user_id: deleted } },
    { afterRequest: 8, change: { type: 'updateUser', user_id: changed } },
  ]);
  const outcome = await readTask(byUpdate);
  // The page, and then the block of the rest of it.
  expect(outcome.errors).toEqual([malformed, malformed]);
  const found = readIds(outcome);
  const isStable = (id: string): boolean => id !== deleted && id !== changed;
  expect(found.filter(isStable).sort()).toEqual(ids.filter(isStable).sort());
  // At its new position in the order.
  expect(found.filter((id) => id === changed)).toHaveLength(1);
});
