import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { type Emulator, type FaultKind, findSecrets, readerScopes, secretScopes, startEmulator } from 'auth0-emulator';
import { createFetchActivities } from '../../../src/activities/fetch';
import type { Segment } from '../../../src/staging/segment';
import { createStaging } from '../../../src/staging/staging';
import { zeroCounts } from '../../../src/streams/counts';
import { type FetchTask, parentIndexName, defaultReadOptions } from '../../../src/streams/fetch-task';
import { scratchFolders } from '../../support/scratch';
import { impatientClient, pace, segmentsOf, type Slices, slicesIn, tenantLimits } from '../../support/fetch-fixture';

const clients = { kind: 'list', stream: 'clients' } as const;
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof impatientClient>;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 120 },
      clients: { count: 450 },
      organizations: { count: 5, members: 3, firstMemberCounts: [110] },
      roles: { count: 2 },
    },
    scopes: [...readerScopes, ...secretScopes],
  });
  client = impatientClient(tenant);
});
afterEach(() => {
  tenant.updateSettings({ latencyMs: 0 });
  tenant.setFaults([]);
});
afterAll(async () => {
  client.close();
  await tenant.close();
});

const slices = (folder = newFolder()) => slicesIn(folder, () => client);
/** The ids of the clients that segments hold. */
const idsIn = async ({ rowsOf }: Slices, segments: readonly Segment[]): Promise<string[]> =>
  (await rowsOf(segmentsOf('clients', segments))).map(({ client_id: id }) => id as string);
const allIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id);

describe('a slice ends', () => {
  it.each([
    ['at its number of pages', { pages: 2 }, 2],
    ['when it has staged enough bytes', { bytes: 1 }, 1],
    ['when its time is over', { seconds: 0.05 }, 1],
    ['with one page at least, however little time it has', { seconds: 0 }, 1],
  ])('%s', async (_when, limits, pages) => {
    if ('seconds' in limits) tenant.updateSettings({ latencyMs: 60 });
    const { attempt } = slices();
    const result = await attempt({ task: clients, budget: { pages: 100, seconds: 60, bytes: 1e9, ...limits } }).result;
    expect(result).toMatchObject({ done: false, counts: { pages, requests: pages } });
  });

  it('with the list, and the next one begins where it ended: nothing is lost, nothing comes twice', async () => {
    const all = slices();
    const budget = { pages: 2, seconds: 60, bytes: 1e9 };
    const ids: string[] = [];
    let cursor = null;
    for (let slice = 0, done = false; !done; slice += 1) {
      const result = await all.attempt({ task: clients, fetchId: `clients-${slice}`, cursor, budget }).result;
      ids.push(...(await idsIn(all, result.segments)));
      ({ done } = result);
      cursor = result.cursor as never;
      expect(slice).toBeLessThan(3);
    }
    expect(ids.sort()).toEqual(allIds().sort());
  });
});

describe("a slice that meets the tenant's limit", () => {
  it('ends early with what it has, and says when to go on: nothing is lost, nothing comes twice', async () => {
    const begun = Date.now();
    tenant.setFaults([{ kind: '429', match: '/clients', nth: 3 }]);
    const hurried = impatientClient(tenant, { maxWaitMs: 1 });
    const folder = newFolder();
    const early = await slicesIn(folder, () => hurried).attempt({ task: clients, maxStalledAttempts: 1 }).result;
    hurried.close();
    expect(early).toMatchObject({ done: false, counts: { pages: 2 }, pace });
    expect(early.waitUntil).toBeGreaterThan(begun);
    const patient = slices(folder);
    const late = await patient.attempt({ task: clients, fetchId: 'slice-1', cursor: early.cursor }).result;
    expect(late).toMatchObject({ done: true, pace });
    expect(late).not.toHaveProperty('waitUntil');
    expect((await idsIn(patient, [...early.segments, ...late.segments])).sort()).toEqual(allIds().sort());
  });

  it('before its first page is followed by one that still tells what there is', async () => {
    const users: FetchTask = { kind: 'search', stream: 'users', key: 'created_at', missing: true };
    tenant.setFaults([{ kind: '429', match: '/users', nth: 1 }]);
    const hurried = impatientClient(tenant, { maxWaitMs: 1 });
    const { attempt } = slicesIn(newFolder(), () => hurried);
    const { cursor, ...early } = await attempt({ task: users }).result;
    hurried.close();
    expect(early).toMatchObject({ done: false, segments: [], counts: zeroCounts });
    expect(await slices().attempt({ task: users, fetchId: 'slice-1', cursor }).result).toMatchObject({ total: 120 });
  });
});

describe('another attempt', () => {
  it('goes on at the page that failed, and the pages before it are not read again', async () => {
    tenant.setFaults([{ kind: '503', nth: 3 }]);
    const all = slices();
    const { attempt } = all;
    const first = attempt({ task: clients });
    await expect(first.result).rejects.toMatchObject({ type: 'Transient', nonRetryable: false });
    expect(first.heartbeats.at(-1)).toMatchObject({ counts: { pages: 2 }, stalled: 1 });

    tenant.resetStatistics();
    const { segments, counts } = await attempt({ task: clients }, 2, first.heartbeats.at(-1)).result;
    expect(tenant.readStatistics().requests).toBe(3);
    expect(counts).toEqual({ ...zeroCounts, pages: 5, requests: 5, rows: 450 });
    expect((await idsIn(all, segments)).sort()).toEqual(allIds().sort());
    expect(segmentsOf('clients', segments).map(({ file }) => file)).toEqual([
      'run/slice-0.1.clients.jsonl',
      'run/slice-0.2.clients.jsonl',
    ]);
  });

  it('does not count what the first had staged after its last heartbeat that arrived', async () => {
    const all = slices();
    const { attempt } = all;
    const first = attempt({ task: clients });
    await first.result;
    const arrived = first.heartbeats.find(({ counts }) => counts.pages === 2);
    const { segments } = await attempt({ task: clients }, 2, arrived).result;
    expect((await idsIn(all, segments)).sort()).toEqual(allIds().sort());
  });

  it('finds every page on the disk that a heartbeat tells of', async () => {
    const folder = newFolder();
    const told = new Set<number>();
    const { attempt } = slicesIn(
      folder,
      () => client,
      ({ segments, counts }) => {
        told.add(counts.pages);
        for (const { file, bytes } of segments) expect(statSync(join(folder, file)).size).toBeGreaterThanOrEqual(bytes);
      },
    );
    await attempt({ task: clients }).result;
    expect([...told]).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('what never comes right', () => {
  it('is given up after as many attempts without a page as there is patience', async () => {
    tenant.setFaults([{ kind: '503' }]);
    const { attempt } = slices();
    let from;
    for (const [nth, final] of [false, false, true].entries()) {
      const { result, heartbeats } = attempt({ task: clients }, nth + 1, from);
      await expect(result).rejects.toMatchObject({ type: 'Transient', nonRetryable: final });
      from = heartbeats.at(-1);
    }
  });

  describe('of a tenant that has answered before', () => {
    const third = async (outage: object, stalledSince: number, kind: FaultKind = '503'): Promise<boolean> => {
      tenant.setFaults([]);
      const { attempt } = slices();
      await attempt({ task: clients, fetchId: 'before' }).result;
      tenant.setFaults([{ kind }]);
      const stalled = { cursor: null, segments: [], counts: zeroCounts, stalled: 2, stalledSince };
      const error: unknown = await attempt({ task: clients, ...outage }, 3, stalled).result.catch(
        (thrown: unknown) => thrown,
      );
      return (error as ApplicationFailure).nonRetryable === true;
    };

    it('is waited for as long as an outage may last, and given up afterwards', async () => {
      expect(await third({ outageSeconds: 120 }, Date.now() - 60_000)).toBe(false);
      expect(await third({ outageSeconds: 120 }, Date.now() - 121_000)).toBe(true);
    });

    it('is no outage when it answers what cannot be used', async () => {
      expect(await third({ outageSeconds: 120 }, Date.now() - 60_000, 'html')).toBe(true);
    });
  });

  it('of a tenant that has never answered is given up at once, outage or not; in mid-list it has answered', async () => {
    const cursor = (await slices().attempt({ task: clients, budget: { pages: 1, seconds: 60, bytes: 1e9 } }).result)
      .cursor;
    tenant.setFaults([{ kind: '503' }]);
    const fresh = impatientClient(tenant);
    const { attempt } = slicesIn(newFolder(), () => fresh);
    const isFinal = async (place: object): Promise<boolean> => {
      const { result } = attempt({ task: clients, maxStalledAttempts: 1, outageSeconds: 120, ...place });
      return ((await result.catch((error: unknown) => error)) as ApplicationFailure).nonRetryable === true;
    };
    expect([await isFinal({}), await isFinal({ slice: 'later', cursor })]).toEqual([true, false]);
    fresh.close();
  });

  it('is tried anew with full patience after a page was read', async () => {
    const { attempt } = slices();
    const whole = attempt({ task: clients, budget: { pages: 1, seconds: 60, bytes: 1e9 } });
    await whole.result;
    tenant.setFaults([{ kind: '503', nth: 2 }]);
    const stalled = { ...whole.heartbeats.at(-1)!, stalled: 2 };
    const { result, heartbeats } = attempt({ task: clients }, 4, stalled);
    await expect(result).rejects.toMatchObject({ nonRetryable: false });
    expect(heartbeats.at(-1)).toMatchObject({ counts: { pages: 2 }, stalled: 1 });
  });

  it('is not tried again when a scope is missing', async () => {
    tenant.updateSettings({ scopes: ['read:users'] });
    const poor = impatientClient(tenant);
    const { attempt } = slicesIn(newFolder(), () => poor);
    await expect(attempt({ task: clients }).result).rejects.toMatchObject({
      type: 'MissingScope',
      nonRetryable: true,
      details: [{ kind: 'config_error' }],
      message: expect.stringContaining('read:clients'),
    });
    tenant.updateSettings({ scopes: [...readerScopes, ...secretScopes] });
    poor.close();
  });

  it("comes only when the tenant's limit allows where the limit holds up the beginning, and costs no patience", async () => {
    const retryAt = Date.now() + 60_000;
    const limited = Object.assign(new Error('Later.'), { name: 'RateLimited', retryAt });
    const { attempt } = slicesIn(newFolder(), () => ({ ...client, getScopes: () => Promise.reject(limited) }));
    const segment = { file: 'none', stream: parentIndexName, bytes: 0, records: 0 };
    const { result, heartbeats } = attempt({
      task: {
        kind: 'children',
        streams: ['organization_member_roles'],
        parents: { segment, first: 0, count: 0 },
        readOptions: defaultReadOptions,
        sideIndex: null,
      },
      maxStalledAttempts: 1,
    });
    const failure = (await result.catch((error: unknown) => error)) as { nextRetryDelay: number };
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false, category: 'BENIGN' });
    expect(failure.nextRetryDelay).toBeGreaterThan(0);
    expect(failure.nextRetryDelay).toBeLessThanOrEqual(60_000);
    expect(heartbeats.at(-1)).toMatchObject({ stalled: 0 });
  });

  it('tells nothing of an error that is not ours but where it arose, and that to the log alone', async () => {
    const { attempt } = slicesIn(newFolder(), () => {
      throw new TypeError('somebody@example.com is not iterable');
    });
    const { result, logged } = attempt({ task: clients, maxStalledAttempts: 1 });
    const failure = (await result.catch((error: unknown) => error)) as Error;
    expect(failure).toMatchObject({ type: 'Unexpected', nonRetryable: true, details: [{ kind: 'system_error' }] });
    expect(failure.message).toContain('TypeError');
    expect(JSON.stringify(failure) + failure.message).not.toContain('somebody');
    const log = JSON.stringify(logged.map(({ message, meta }) => ({ message, meta })));
    expect(log).toContain('fetch.test.ts');
    expect(log).not.toContain('somebody');
  });
});

it('ends in the middle of a page when it is cancelled', async () => {
  tenant.resetStatistics();
  const { result, cancel } = slices().attempt({ task: clients });
  tenant.onRequest(1, () => {
    cancel();
    return new Promise<void>(() => undefined);
  });
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

it('stages no secret, though the token may read them all, and heartbeats nothing of anybody', async () => {
  const sent = await client.getPage({ path: 'users', query: { per_page: 50, page: 0 }, list: 'users', key: 'user_id' });
  expect(findSecrets(JSON.stringify(sent))).not.toEqual([]);
  const folder = newFolder();
  const { attempt } = slices(folder);
  const heartbeats: unknown[] = [];
  for (const stream of ['clients', 'users']) {
    const task = stream === 'users' ? ({ kind: 'search', stream, key: 'created_at', missing: true } as const) : clients;
    const whole = attempt({ task, fetchId: stream });
    await whole.result;
    heartbeats.push(...whole.heartbeats);
  }
  const files = readdirSync(join(folder, 'run')).map((name) => readFileSync(join(folder, 'run', name), 'utf8'));
  expect(files.map((text) => text.split('\n').length - 1).sort()).toEqual([120, 400, 450]);
  expect(findSecrets(files.join())).toEqual([]);

  const sentToTemporal = JSON.stringify(heartbeats);
  const people = [...tenant.tenant.users.iterateUsers()].flatMap(({ user_id: id, email }) => [
    id as string,
    email as string,
  ]);
  expect(people.filter((value) => value && sentToTemporal.includes(value))).toEqual([]);
});

describe('of organizations', () => {
  const budget = { pages: 100, seconds: 60, bytes: 1e9 };

  it('the members are read from the index, with the descriptions of the roles that an earlier slice read', async () => {
    const folder = newFolder();
    const { attempt, rowsOf } = slices(folder);
    const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: false } }).result;
    const roles = await attempt({
      task: { kind: 'side-index', stream: 'organization_member_roles' },
      fetchId: 'roles-0',
    }).result;
    const [segment] = listed.segments;
    expect(listed.segments.map((each) => each.stream)).toEqual([parentIndexName]);
    const streams = ['organization_members', 'organization_member_roles'];
    const parents = { segment: segment!, first: 0, count: 2 };
    const readOptions = defaultReadOptions;
    const task: FetchTask = { kind: 'children', streams, parents, readOptions, sideIndex: roles.segments };
    const { segments, counts, done } = await attempt({ task, fetchId: 'members-0', budget }).result;

    const ids = tenant.tenant.organizations.rows.slice(0, 2).map(({ id }) => id);
    const members = await rowsOf(segments.filter(({ stream }) => stream === streams[0]));
    expect({ done, pages: counts.pages }).toEqual({ done: true, pages: 3 });
    expect(members).toHaveLength(113);
    expect(new Set(members.map((row) => row['org_id']))).toEqual(new Set(ids));
    const held = await rowsOf(segments.filter(({ stream }) => stream === streams[1]));
    const truth = new Map(tenant.tenant.roles.rows.map(({ id, record }) => [id, record['description']]));
    expect(held.length).toBeGreaterThan(20);
    for (const row of held) expect(row['description']).toBe(truth.get(row['id'] as string));
  });

  it('one that was deleted since it was listed is counted and passed over', async () => {
    const { attempt, rowsOf } = slices();
    const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: true } }).result;
    const index = listed.segments.find(({ stream }) => stream === parentIndexName)!;
    const { id } = tenant.tenant.organizations.rows[3]!;
    tenant.tenant.apply({ type: 'deleteOrganization', id });
    const task: FetchTask = {
      kind: 'children',
      streams: ['organization_members'],
      parents: { segment: index, first: 2, count: 3 },
      readOptions: defaultReadOptions,
      sideIndex: null,
    };
    const { counts, done, segments } = await attempt({ task, fetchId: 'members-1', budget }).result;
    expect(done).toBe(true);
    expect(counts).toEqual({ ...zeroCounts, pages: 3, requests: 3, rows: 6, vanished: 1 });
    expect(await rowsOf(segments)).toHaveLength(6);
  });
});

it('tells what the first page of a task says that there is, also when a later attempt ends the slice', async () => {
  const users: FetchTask = { kind: 'search', stream: 'users', key: 'created_at', missing: true };
  const { attempt } = slices();
  const budget = { pages: 1, seconds: 60, bytes: 1e9 };
  const first = attempt({ task: users, budget });
  expect(await first.result).toMatchObject({ total: 120, counts: { rows: 100 }, rest: { from: expect.any(String) } });
  const second = await attempt({ task: users }, 2, first.heartbeats[0]).result;
  expect(second).toMatchObject({ done: true, total: 120, counts: { pages: 3, rows: 120, repeated: 1 } });
  const next = await attempt({ task: users, fetchId: 'slice-1', cursor: (await first.result).cursor }).result;
  expect(next).not.toHaveProperty('total');
});

it('counts what the search announced and did not show, what shares an instant, and into what that was split', async () => {
  const ids = [...tenant.tenant.users.iterateUsers()].map((user) => user['user_id'] as string);
  const at = '2026-07-01T00:00:00.000Z';
  for (const user_id of ids.slice(0, 105))
    tenant.tenant.apply({ type: 'updateUser', user_id, patch: { updated_at: at } });
  const task: FetchTask = {
    kind: 'search',
    stream: 'users',
    key: 'updated_at',
    from: '2026-07-01T00:00:00.000Z',
    missing: false,
  };
  const { counts } = await slices().attempt({ task: { ...task, to: at } }).result;
  expect(counts).toEqual({ ...zeroCounts, pages: 3, requests: 3, rows: 105, repeated: 100, ties: 1 });
});

it('discards what a run has staged, and nothing of another', async () => {
  const folder = newFolder();
  const { attempt } = slices(folder);
  await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' } }).result;
  await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' }, run: 'other' }).result;
  const { discardRun } = createFetchActivities({
    getTenant: async () => ({ client, readLimits: tenantLimits }),
    staging: createStaging(folder),
  });
  await new MockActivityEnvironment().run(discardRun, { run: 'run' });
  expect(readdirSync(folder)).toEqual(['other']);
});
