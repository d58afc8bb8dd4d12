import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { type Emulator, type FaultKind, findSecrets, readerScopes, secretScopes, startEmulator } from 'auth0-emulator';
import { createFetchActivities } from '../../../src/activities/fetch';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import { RateLimited } from '../../../src/auth0/errors';
import type { Json } from '../../../src/json';
import type { Segment } from '../../../src/staging/segment';
import { createStaging } from '../../../src/staging/staging';
import { zeroCounts } from '../../../src/streams/counts';
import { defaultReadOptions, type FetchTask, parentIndexName } from '../../../src/streams/fetch-task';
import {
  ampleBudget,
  createFetchRunner,
  createTestClient,
  type FetchRunner,
  pace,
  selectSegments,
  tenantLimits,
} from '../../support/fetch-fixture';
import { scratchFolders } from '../../support/scratch';

const clients = { kind: 'list', stream: 'clients' } as const;
const users: FetchTask = { kind: 'search', stream: 'users', key: 'created_at', missing: true };
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof createTestClient>;

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
  client = createTestClient(tenant);
});
afterEach(() => {
  tenant.updateSettings({ latencyMs: 0 });
  tenant.setFaults([]);
});
afterAll(async () => {
  client.close();
  await tenant.close();
});

const createRunner = (folder = newFolder()): FetchRunner => createFetchRunner(folder, () => client);
const readClientIds = async ({ readRows }: FetchRunner, segments: readonly Segment[]): Promise<string[]> =>
  (await readRows(selectSegments('clients', segments))).map(({ client_id: id }) => id as string);
const listClientIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id);
const catchFailure = (result: Promise<unknown>): Promise<ApplicationFailure> =>
  result.then(
    () => Promise.reject(new Error('the fetch did not fail')),
    (error: unknown) => error as ApplicationFailure,
  );

describe('budget', () => {
  it.each([
    ['at its number of pages', { pages: 2 }, 2],
    ['when it has staged enough bytes', { bytes: 1 }, 1],
    ['when its time is over', { seconds: 0.05 }, 1],
    ['after one page at the earliest, without any time', { seconds: 0 }, 1],
  ])('ends a fetch %s', async (_when, budget, pages) => {
    if ('seconds' in budget) tenant.updateSettings({ latencyMs: 60 });
    const result = await createRunner().attempt({ task: clients, budget: { ...ampleBudget, ...budget } }).result;
    expect(result).toMatchObject({ done: false, counts: { pages, requests: pages } });
  });

  it('divides a list into fetches that together read every row once', async () => {
    const runner = createRunner();
    const budget = { ...ampleBudget, pages: 2 };
    const ids: string[] = [];
    let cursor: Json = null;
    for (let nth = 0, done = false; !done; nth += 1) {
      const result: FetchResult = await runner.attempt({ task: clients, fetchId: `clients-${nth}`, cursor, budget })
        .result;
      ids.push(...(await readClientIds(runner, result.segments)));
      ({ done, cursor } = result);
      expect(nth).toBeLessThan(3);
    }
    expect(ids.sort()).toEqual(listClientIds().sort());
  });
});

describe("the tenant's rate limit", () => {
  it('ends a fetch early with its pages and the time to resume, and the next one reads the rest', async () => {
    const startedAt = Date.now();
    tenant.setFaults([{ kind: '429', match: '/clients', nth: 3 }]);
    const impatient = createTestClient(tenant, { maxWaitMs: 1 });
    const folder = newFolder();
    const input = { task: clients, maxStalledAttempts: 1 };
    const early = await createFetchRunner(folder, () => impatient).attempt(input).result;
    impatient.close();
    expect(early).toMatchObject({ done: false, counts: { pages: 2 }, pace });
    expect(early.waitUntil).toBeGreaterThan(startedAt);
    const runner = createRunner(folder);
    const late = await runner.attempt({ task: clients, fetchId: 'fetch-1', cursor: early.cursor }).result;
    expect(late).toMatchObject({ done: true, pace });
    expect(late).not.toHaveProperty('waitUntil');
    expect((await readClientIds(runner, [...early.segments, ...late.segments])).sort()).toEqual(listClientIds().sort());
  });

  it('before the first page leaves the total to the next fetch', async () => {
    tenant.setFaults([{ kind: '429', match: '/users', nth: 1 }]);
    const impatient = createTestClient(tenant, { maxWaitMs: 1 });
    const { cursor, ...early } = await createFetchRunner(newFolder(), () => impatient).attempt({ task: users }).result;
    impatient.close();
    expect(early).toMatchObject({ done: false, segments: [], counts: zeroCounts });
    const next = createRunner().attempt({ task: users, fetchId: 'fetch-1', cursor });
    expect(await next.result).toMatchObject({ total: 120 });
  });

  it('before the first request delays the next attempt, which does not count as stalled', async () => {
    const limited = new RateLimited('GET roles', Date.now() + 60_000);
    const runner = createFetchRunner(newFolder(), () => ({ ...client, getScopes: () => Promise.reject(limited) }));
    const segment = { file: 'none', stream: parentIndexName, bytes: 0, records: 0 };
    const { result, heartbeats } = runner.attempt({
      task: {
        kind: 'children',
        streams: ['organization_member_roles'],
        parents: { segment, first: 0, count: 0 },
        readOptions: defaultReadOptions,
        sideIndex: null,
      },
      maxStalledAttempts: 1,
    });
    const failure = await catchFailure(result);
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false, category: 'BENIGN' });
    expect(failure.nextRetryDelay).toBeGreaterThan(0);
    expect(failure.nextRetryDelay).toBeLessThanOrEqual(60_000);
    expect(heartbeats.at(-1)).toMatchObject({ stalledAttempts: 0 });
  });
});

describe('another attempt', () => {
  it('resumes at the page that failed, without reading the pages before it again', async () => {
    tenant.setFaults([{ kind: '503', nth: 3 }]);
    const runner = createRunner();
    const first = runner.attempt({ task: clients });
    await expect(first.result).rejects.toMatchObject({ type: 'Transient', nonRetryable: false });
    expect(first.heartbeats.at(-1)).toMatchObject({ counts: { pages: 2 }, stalledAttempts: 1 });

    tenant.resetStatistics();
    const { segments, counts } = await runner.attempt({ task: clients }, 2, first.heartbeats.at(-1)).result;
    expect(tenant.readStatistics().requests).toBe(3);
    expect(counts).toEqual({ ...zeroCounts, pages: 5, requests: 5, rows: 450 });
    expect((await readClientIds(runner, segments)).sort()).toEqual(listClientIds().sort());
    expect(selectSegments('clients', segments).map(({ file }) => file)).toEqual([
      'run/fetch-0.1.clients.jsonl',
      'run/fetch-0.2.clients.jsonl',
    ]);
  });

  it('ignores what the first attempt staged after its last heartbeat that arrived', async () => {
    const runner = createRunner();
    const first = runner.attempt({ task: clients });
    await first.result;
    const arrived = first.heartbeats.find(({ counts }) => counts.pages === 2);
    const { segments } = await runner.attempt({ task: clients }, 2, arrived).result;
    expect((await readClientIds(runner, segments)).sort()).toEqual(listClientIds().sort());
  });

  it('finds on disk every page that a heartbeat reports', async () => {
    const folder = newFolder();
    const reported = new Set<number>();
    const checkSizes = ({ segments, counts }: { segments: Segment[]; counts: { pages: number } }): void => {
      reported.add(counts.pages);
      for (const { file, bytes } of segments) expect(statSync(join(folder, file)).size).toBeGreaterThanOrEqual(bytes);
    };
    await createFetchRunner(folder, () => client, checkSizes).attempt({ task: clients }).result;
    expect([...reported]).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a persistent failure', () => {
  it('is final after the permitted number of attempts without a page', async () => {
    tenant.setFaults([{ kind: '503' }]);
    const { attempt } = createRunner();
    let from;
    for (const [nth, isFinal] of [false, false, true].entries()) {
      const { result, heartbeats } = attempt({ task: clients }, nth + 1, from);
      await expect(result).rejects.toMatchObject({ type: 'Transient', nonRetryable: isFinal });
      from = heartbeats.at(-1);
    }
  });

  describe('of a tenant that has answered before', () => {
    const isThirdAttemptFinal = async (stalledForMs: number, kind: FaultKind = '503'): Promise<boolean> => {
      tenant.setFaults([]);
      const { attempt } = createRunner();
      await attempt({ task: clients, fetchId: 'before' }).result;
      tenant.setFaults([{ kind }]);
      const stalledSince = Date.now() - stalledForMs;
      const stalled = { cursor: null, segments: [], counts: zeroCounts, stalledAttempts: 2, stalledSince };
      const { nonRetryable } = await catchFailure(attempt({ task: clients, outageSeconds: 120 }, 3, stalled).result);
      return nonRetryable === true;
    };

    it('is final only after the permitted duration of an outage', async () => {
      expect(await isThirdAttemptFinal(60_000)).toBe(false);
      expect(await isThirdAttemptFinal(121_000)).toBe(true);
    });

    it('is no outage when the responses are malformed', async () => {
      expect(await isThirdAttemptFinal(60_000, 'html')).toBe(true);
    });
  });

  it('of a tenant that has never answered is no outage, except in the middle of a list', async () => {
    const { cursor } = await createRunner().attempt({ task: clients, budget: { ...ampleBudget, pages: 1 } }).result;
    tenant.setFaults([{ kind: '503' }]);
    const fresh = createTestClient(tenant);
    const { attempt } = createFetchRunner(newFolder(), () => fresh);
    const isFinal = async (position: { fetchId: string; cursor?: Json }): Promise<boolean> => {
      const { result } = attempt({ task: clients, maxStalledAttempts: 1, outageSeconds: 120, ...position });
      return (await catchFailure(result)).nonRetryable === true;
    };
    expect([await isFinal({ fetchId: 'first' }), await isFinal({ fetchId: 'later', cursor })]).toEqual([true, false]);
    fresh.close();
  });

  it('counts attempts from the last page that was read', async () => {
    const { attempt } = createRunner();
    const whole = attempt({ task: clients, budget: { ...ampleBudget, pages: 1 } });
    await whole.result;
    tenant.setFaults([{ kind: '503', nth: 2 }]);
    const stalled = { ...whole.heartbeats.at(-1)!, stalledAttempts: 2 };
    const { result, heartbeats } = attempt({ task: clients }, 4, stalled);
    await expect(result).rejects.toMatchObject({ nonRetryable: false });
    expect(heartbeats.at(-1)).toMatchObject({ counts: { pages: 2 }, stalledAttempts: 1 });
  });

  it('is final at once when a scope is missing', async () => {
    tenant.updateSettings({ scopes: ['read:users'] });
    const unauthorized = createTestClient(tenant);
    const { attempt } = createFetchRunner(newFolder(), () => unauthorized);
    await expect(attempt({ task: clients }).result).rejects.toMatchObject({
      type: 'MissingScope',
      nonRetryable: true,
      details: [{ failureType: 'config_error', exitCode: 4 }],
      message: expect.stringContaining('read:clients'),
    });
    tenant.updateSettings({ scopes: [...readerScopes, ...secretScopes] });
    unauthorized.close();
  });

  it('reports of an unexpected error only where it was thrown, and only in the log', async () => {
    const { attempt } = createFetchRunner(newFolder(), () => {
      throw new TypeError('somebody@example.com is not iterable');
    });
    const { result, logged } = attempt({ task: clients, maxStalledAttempts: 1 });
    const failure = await catchFailure(result);
    const details = [{ failureType: 'system_error', exitCode: 1 }];
    expect(failure).toMatchObject({ type: 'Unexpected', nonRetryable: true, details });
    expect(failure.message).toContain('TypeError');
    expect(JSON.stringify(failure) + failure.message).not.toContain('somebody');
    const log = JSON.stringify(logged.map(({ message, meta }) => ({ message, meta })));
    expect(log).toContain('fetch.test.ts');
    expect(log).not.toContain('somebody');
  });
});

it('ends during a request when it is cancelled', async () => {
  tenant.resetStatistics();
  const { result, cancel } = createRunner().attempt({ task: clients });
  tenant.onRequest(1, () => {
    cancel();
    return new Promise<void>(() => undefined);
  });
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

it('stages no secret that the token can read, and heartbeats no personal data', async () => {
  const sent = await client.getPage({ path: 'users', query: { per_page: 50, page: 0 }, list: 'users', key: 'user_id' });
  expect(findSecrets(JSON.stringify(sent))).not.toEqual([]);
  const folder = newFolder();
  const { attempt } = createRunner(folder);
  const heartbeats: unknown[] = [];
  for (const [fetchId, task] of Object.entries({ clients, users })) {
    const whole = attempt({ task, fetchId });
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

describe('members', () => {
  it('are read for the organizations of an index, with the role descriptions that an earlier fetch read', async () => {
    const { attempt, readRows } = createRunner();
    const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: false } }).result;
    const roles = await attempt({
      task: { kind: 'side-index', stream: 'organization_member_roles' },
      fetchId: 'roles-0',
    }).result;
    const [segment] = listed.segments;
    expect(listed.segments.map((each) => each.stream)).toEqual([parentIndexName]);
    const streams = ['organization_members', 'organization_member_roles'];
    const parents = { segment: segment!, first: 0, count: 2 };
    const task: FetchTask = {
      kind: 'children',
      streams,
      parents,
      readOptions: defaultReadOptions,
      sideIndex: roles.segments,
    };
    const { segments, counts, done } = await attempt({ task, fetchId: 'members-0' }).result;

    const ids = tenant.tenant.organizations.rows.slice(0, 2).map(({ id }) => id);
    const members = await readRows(selectSegments('organization_members', segments));
    expect({ done, pages: counts.pages }).toEqual({ done: true, pages: 3 });
    expect(members).toHaveLength(113);
    expect(new Set(members.map((row) => row['org_id']))).toEqual(new Set(ids));
    const memberRoles = await readRows(selectSegments('organization_member_roles', segments));
    const truth = new Map(tenant.tenant.roles.rows.map(({ id, record }) => [id, record['description']]));
    expect(memberRoles.length).toBeGreaterThan(20);
    for (const row of memberRoles) expect(row['description']).toBe(truth.get(row['id'] as string));
  });

  it('of an organization that was deleted after it was listed are skipped, and the organization is counted', async () => {
    const { attempt, readRows } = createRunner();
    const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: true } }).result;
    const [segment] = selectSegments(parentIndexName, listed.segments);
    tenant.tenant.apply({ type: 'deleteOrganization', id: tenant.tenant.organizations.rows[3]!.id });
    const task: FetchTask = {
      kind: 'children',
      streams: ['organization_members'],
      parents: { segment: segment!, first: 2, count: 3 },
      readOptions: defaultReadOptions,
      sideIndex: null,
    };
    const { counts, done, segments } = await attempt({ task, fetchId: 'members-1' }).result;
    expect(done).toBe(true);
    expect(counts).toEqual({ ...zeroCounts, pages: 3, requests: 3, rows: 6, vanished: 1 });
    expect(await readRows(segments)).toHaveLength(6);
  });
});

it('reports the total of the first page of a task, also when a later attempt ends the fetch', async () => {
  const { attempt } = createRunner();
  const first = attempt({ task: users, budget: { ...ampleBudget, pages: 1 } });
  const remainingRange = { firstKey: expect.any(String), nextKey: expect.any(String) };
  expect(await first.result).toMatchObject({ total: 120, counts: { rows: 100 }, remainingRange });
  const second = await attempt({ task: users }, 2, first.heartbeats[0]).result;
  expect(second).toMatchObject({ done: true, total: 120, counts: { pages: 3, rows: 120, repeated: 1 } });
  const next = await attempt({ task: users, fetchId: 'fetch-1', cursor: (await first.result).cursor }).result;
  expect(next).not.toHaveProperty('total');
});

it('counts the timestamps that more users share than a page holds', async () => {
  const ids = [...tenant.tenant.users.iterateUsers()].map((user) => user['user_id'] as string);
  const at = '2026-07-01T00:00:00.000Z';
  for (const user_id of ids.slice(0, 105)) {
    tenant.tenant.apply({ type: 'updateUser', user_id, patch: { updated_at: at } });
  }
  const task: FetchTask = { kind: 'search', stream: 'users', key: 'updated_at', from: at, to: at, missing: false };
  const { counts } = await createRunner().attempt({ task }).result;
  expect(counts).toEqual({ ...zeroCounts, pages: 3, requests: 3, rows: 105, repeated: 100, ties: 1 });
});

it('discards what one run has staged, and nothing of another', async () => {
  const folder = newFolder();
  const { attempt } = createRunner(folder);
  await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' } }).result;
  await attempt({ task: { kind: 'side-index', stream: 'organization_member_roles' }, run: 'other' }).result;
  const { discardRun } = createFetchActivities({
    getTenant: async () => ({ client, readLimits: tenantLimits }),
    staging: createStaging(folder),
  });
  await new MockActivityEnvironment().run(discardRun, { run: 'run' });
  expect(readdirSync(folder)).toEqual(['other']);
});
