import type { ApplicationFailure } from '@temporalio/common';
import { type Emulator, type FaultKind, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import type { JsonObject } from '../../../src/json';
import type { StagedRecord } from '../../../src/staging/segment';
import { createStaging } from '../../../src/staging/staging';
import { type FetchTask, parentIndexName, defaultReadOptions } from '../../../src/streams/fetch-task';
import { scratchFolders } from '../../support/scratch';
import { type Heartbeat, impatientClient, segmentsOf, slicesIn } from '../../support/fetch-fixture';

const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof impatientClient>;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 250 },
      clients: { count: 130 },
      organizations: { count: 2, members: 3, firstMemberCounts: [130] },
      roles: { count: 2 },
    },
  });
  client = impatientClient(tenant);
});
afterEach(() => tenant.setFaults([]));
afterAll(async () => {
  client.close();
  await tenant.close();
});

interface Read {
  result: FetchResult;
  /** By stream. */
  records: Record<string, StagedRecord[]>;
  /** Of the attempts that failed. */
  errors: string[];
}

/** Attempts at a slice until one succeeds, three at most. */
async function read(task: FetchTask, folder = newFolder()): Promise<Read> {
  const slices = slicesIn(folder, () => client);
  const errors: string[] = [];
  let held: Heartbeat | undefined;
  for (let nth = 1; nth <= 3; nth += 1) {
    const attempt = slices.attempt({ task, fetchId: task.kind }, nth, held);
    const result = await attempt.result.catch((error: unknown) => {
      const { message, nonRetryable } = error as ApplicationFailure;
      errors.push(message);
      if (nonRetryable) throw error;
    });
    held = attempt.heartbeats.at(-1);
    if (!result) continue;
    const staging = createStaging(folder);
    const records: Read['records'] = {};
    for (const stream of new Set(result.segments.map((segment) => segment.stream))) {
      const values = await Promise.all(segmentsOf(stream, result.segments).map((each) => staging.readValues(each)));
      records[stream] = values.flat() as unknown as StagedRecord[];
    }
    return { result, records, errors };
  }
  throw new Error(errors.join('\n'));
}

const search = { kind: 'search', stream: 'users', key: 'created_at', missing: false } as const;
const list = { kind: 'list', stream: 'clients' } as const;

const broken: [FaultKind, string][] = [
  ['cut', 'truncated or malformed JSON'],
  ['500', '500'],
];

describe.each(broken)('a record that ends every answer as %s', (kind, cause) => {
  const spoil = (record: string): void => tenant.setFaults([{ kind, record }]);

  it.each<['users' | 'clients', FetchTask, () => string, string, number]>([
    ['users', search, () => allIds('users')[120]!, 'user_id', 2 + 3 + 1 + 100],
    ['clients', list, () => allIds('clients')[37]!, 'client_id', 2 + 3 * 5 + 1 + 1],
  ])('costs no other of the %s, which come whole', async (stream, task, idOf, key, most) => {
    const id = idOf();
    const whole = await read(task);
    spoil(id);
    const { result, records, errors } = await read(task);
    expect(errors).toEqual([expect.stringContaining(cause)]);
    expect(result).toMatchObject({ done: true, counts: { unread: 1, rows: allIds(stream).length } });
    const rowsOf = ({ records: each }: Read): Map<unknown, StagedRecord> =>
      new Map(each[stream]!.map((record) => [record.data[key], record]));
    const [held, had] = [rowsOf(whole), rowsOf({ result, records, errors })];
    expect([...had.keys()]).toEqual([...held.keys()]);
    for (const [each, { data, meta }] of had) {
      if (each === id) continue;
      expect(data).toEqual(held.get(each)!.data);
      expect(meta).toBeUndefined();
    }
    const { data, meta } = had.get(id)!;
    expect(data).toMatchObject({ [key]: id });
    expect(data).not.toHaveProperty('name');
    expect(meta!.changes).toContainEqual({ field: 'name', change: 'NULLED', reason: 'SOURCE_RETRIEVAL_ERROR' });
    expect(meta!.changes.map(({ field }) => field)).not.toContain(key);
    expect(result.counts.requests).toBeLessThanOrEqual(most);
  });
});

describe('a member that spoils every answer', () => {
  const readMembers = async (): Promise<Read> => {
    const folder = newFolder();
    const { result } = await read({ kind: 'parents', stream: 'organizations', emit: false }, folder);
    const [segment] = segmentsOf(parentIndexName, result.segments);
    const parents = { segment: segment!, first: 0, count: segment!.records };
    const streams = ['organization_members', 'organization_member_roles'];
    return read({ kind: 'children', streams, parents, readOptions: defaultReadOptions, sideIndex: null }, folder);
  };

  it('costs no other, and no roles are made up for it', async () => {
    const whole = await readMembers();
    const members = whole.records['organization_members']!.map(({ data }) => data);
    const big = members.filter(({ org_id: id }) => id === members[Math.floor(members.length / 2)]!['org_id']);
    const { user_id: spoilt, org_id: organization } = big[111]!;
    tenant.setFaults([{ kind: 'cut', record: spoilt as string, match: organization as string }]);
    const { result, records } = await readMembers();
    expect(result).toMatchObject({ done: true, counts: { unread: 1, rows: members.length } });
    const isSpoilt = ({ org_id, user_id }: JsonObject): boolean => org_id === organization && user_id === spoilt;
    const found = records['organization_members']!;
    expect(found.map(({ data }) => data)).toEqual(
      members.map((data) => (isSpoilt(data) ? { org_id: organization, user_id: spoilt } : data)),
    );
    const changes = ['email', 'picture', 'name'].map((field) => ({
      field,
      change: 'NULLED',
      reason: 'SOURCE_RETRIEVAL_ERROR',
    }));
    expect(found.find(({ data }) => isSpoilt(data))!.meta!.changes).toEqual(expect.arrayContaining(changes));
    expect(found.filter(({ meta }) => meta)).toHaveLength(1);
    const rolesIn = (each: Read): JsonObject[] =>
      each.records['organization_member_roles']!.map(({ data }) => data).filter((data) => !isSpoilt(data));
    expect(records['organization_member_roles']!.map(({ data }) => data)).toEqual(rolesIn(whole));
  });
});

describe('an organization that spoils every answer', () => {
  it('ends its list, which cannot be asked for keys alone, and says why', async () => {
    const [organization] = tenant.readTruth().organizations.keys();
    tenant.setFaults([{ kind: 'html', record: organization! }]);
    await expect(read({ kind: 'parents', stream: 'organizations', emit: true })).rejects.toThrow(
      'GET organizations was answered unexpectedly: HTML instead of JSON.',
    );
  });
});

it('a failure that passes is no reason to look for a record', async () => {
  tenant.setFaults([{ kind: 'cut', match: '/users', nth: 2 }]);
  const { result } = await read(search);
  // 100 users a page, of which one comes again; none by itself.
  expect(result.counts).toMatchObject({ unread: 0, rows: 250, requests: 3 });
});

it('an outage is not taken for a record', async () => {
  tenant.resetStatistics();
  tenant.setFaults([{ kind: '503', match: '/users' }]);
  await expect(read(search)).rejects.toThrow('503');
  // Three attempts, and twice the keys.
  expect(tenant.readStatistics().requests).toBe(5);
});

it('users who are deleted or changed meanwhile take nobody along', async () => {
  const byUpdate = { ...search, key: 'updated_at' } as const;
  const ids = (await read(byUpdate)).records['users']!.map(({ data }) => data['user_id'] as string);
  tenant.setFaults([{ kind: 'cut', record: ids[50]! }]);
  tenant.resetStatistics();
  // The two attempts at the page, its keys, then each user by itself.
  tenant.setScript([
    { afterRequest: 8, change: { type: 'deleteUser', user_id: ids[80]! } },
    { afterRequest: 8, change: { type: 'updateUser', user_id: ids[90]! } },
  ]);
  const { records, errors } = await read(byUpdate);
  // The page, and after it the block of what is left of it.
  const cut = expect.stringContaining('cut or broken') as string;
  expect(errors).toEqual([cut, cut]);
  const found = records['users']!.map(({ data }) => data['user_id'] as string);
  expect(found.filter((id) => id !== ids[80] && id !== ids[90]).sort()).toEqual(
    ids.filter((id) => id !== ids[80] && id !== ids[90]).sort(),
  );
  // At its new place in the order.
  expect(found.filter((id) => id === ids[90])).toHaveLength(1);
});

function allIds(stream: 'users' | 'clients'): string[] {
  return [...tenant.readTruth()[stream].keys()];
}
