import { type Emulator, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
import type { Json } from '../../../src/json';
import type { Segment } from '../../../src/staging/segment';
import { zeroCounts } from '../../../src/streams/counts';
import {
  deliveredIndexName,
  type FetchTask,
  findLastDelivered,
  parentIndexName,
  defaultReadOptions,
} from '../../../src/streams/fetch-task';
import { scratchFolders } from '../../support/scratch';
import {
  ampleBudget,
  createFetchRunner,
  createTestClient,
  type FetchRunner,
  type Heartbeat,
  selectSegments,
} from '../../support/fetch-fixture';

const hour = 3_600_000;
const clients = { kind: 'list', stream: 'clients' } as const;
const limitTo = (pages: number) => ({ ...ampleBudget, pages });
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof createTestClient>;
let clock = 0;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 260 },
      clients: { count: 450 },
      organizations: { count: 3, members: 3, firstMemberCounts: [3, 250] },
      roles: { count: 2 },
    },
    // Tokens must not expire when the test moves the clock.
    tokenLifetimeSeconds: 30 * 24 * 3600,
    now: () => Date.now() + clock,
  });
  client = createTestClient(tenant);
});
afterEach(() => tenant.updateSettings({ checkpointLifetimeSeconds: 86_400 }));
afterAll(async () => {
  client.close();
  await tenant.close();
});

const createRunner = (): FetchRunner => createFetchRunner(newFolder(), () => client);
const expireCheckpoints = (): void => void (clock += 25 * hour);
const listClientIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id).sort();
const readClientIds = async ({ readRows }: FetchRunner, segments: readonly Segment[]): Promise<string[]> =>
  (await readRows(selectSegments('clients', segments))).map(({ client_id: id }) => id as string).sort();

const getDelivered = ({ segments }: FetchResult): { delivered?: Segment } => {
  const delivered = findLastDelivered(segments);
  return delivered ? { delivered } : {};
};

describe('a list whose checkpoint token has expired', () => {
  it('restarts without the rows that earlier fetches delivered', async () => {
    const runner = createRunner();
    const first = await runner.attempt({ task: clients, budget: limitTo(1) }).result;
    const second = await runner.attempt({
      task: clients,
      fetchId: 'fetch-1',
      cursor: first.cursor,
      budget: limitTo(1),
      ...getDelivered(first),
    }).result;
    expireCheckpoints();
    const last = await runner.attempt({
      task: clients,
      fetchId: 'fetch-2',
      cursor: second.cursor,
      ...getDelivered(second),
    }).result;
    expect(last.counts).toEqual({ ...zeroCounts, pages: 6, requests: 6, rows: 250, repeated: 200, restarted: 1 });
    expect(await readClientIds(runner, [...first.segments, ...second.segments, ...last.segments])).toEqual(
      listClientIds(),
    );
  });

  it('restarts repeatedly without the rows that any fetch delivered, before or after a restart', async () => {
    const runner = createRunner();
    const ids: string[] = [];
    let delivered: { delivered?: Segment } = {};
    let cursor: Json = null;
    for (let nth = 0, done = false; !done; nth += 1) {
      if (nth === 3 || nth === 7) expireCheckpoints();
      const result: FetchResult = await runner.attempt({
        task: clients,
        fetchId: `fetch-${nth}`,
        cursor,
        budget: limitTo(1),
        ...delivered,
      }).result;
      ids.push(...(await readClientIds(runner, result.segments)));
      delivered = { ...delivered, ...getDelivered(result) };
      ({ done, cursor } = result);
      expect(nth).toBeLessThan(20);
    }
    expect(ids.sort()).toEqual(listClientIds());
  });

  it('loses no row that still exists, and reads those created meanwhile', async () => {
    const runner = createRunner();
    const first = await runner.attempt({ task: clients, budget: limitTo(2) }).result;
    expireCheckpoints();
    const deleted = listClientIds().slice(0, 3);
    for (const client_id of deleted) tenant.tenant.apply({ type: 'deleteClient', client_id });
    const { client_id: created } = tenant.tenant.apply({ type: 'createClient' });
    const second = await runner.attempt({
      task: clients,
      fetchId: 'fetch-1',
      cursor: first.cursor,
      ...getDelivered(first),
    }).result;
    const ids = await readClientIds(runner, [...first.segments, ...second.segments]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(listClientIds()));
    expect(ids).toContain(created);
  });
});

/** The heartbeat that a killed attempt sent after so many pages. */
const findHeartbeat = (pages: number, heartbeats: readonly Heartbeat[]): Heartbeat =>
  heartbeats.find(({ counts }) => counts.pages === pages)!;

it.each([
  [1, 2, false],
  [1, 3, true],
  [2, 4, true],
  [3, 4, false],
  [4, 6, true],
  [4, 9, false],
])(
  'reads no row twice when it is killed after %i and %i pages and restarts after the first kill (and the second: %s)',
  async (firstPages, secondPages, twice) => {
    const runner = createRunner();
    const first = runner.attempt({ task: clients });
    await first.result;
    expireCheckpoints();
    const second = runner.attempt({ task: clients }, 2, findHeartbeat(firstPages, first.heartbeats));
    const whole = await second.result;
    expect(await readClientIds(runner, whole.segments)).toEqual(listClientIds());
    if (twice) expireCheckpoints();
    const third = await runner.attempt({ task: clients }, 3, findHeartbeat(secondPages, second.heartbeats)).result;
    expect(await readClientIds(runner, third.segments)).toEqual(listClientIds());
    expect(third.counts).toMatchObject({ rows: listClientIds().length, restarted: twice ? 2 : 1 });
  },
);

it('omits the rows between two restarts of one fetch', async () => {
  const runner = createRunner();
  tenant.resetStatistics();
  for (const nth of [3, 7]) tenant.onRequest(nth, expireCheckpoints);
  const { segments, counts } = await runner.attempt({ task: clients }).result;
  expect(counts).toMatchObject({ restarted: 2, requests: 12, repeated: 500 });
  expect(await readClientIds(runner, segments)).toEqual(listClientIds());
});

it('restarts the member list of only one of several organizations', async () => {
  const { attempt, readRows } = createRunner();
  const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: false } }).result;
  const [index] = selectSegments(parentIndexName, listed.segments);
  const streams = ['organization_members', 'organization_member_roles'];
  const parents = { segment: index!, first: 0, count: 3 };
  const task: FetchTask = { kind: 'children', streams, parents, readOptions: defaultReadOptions, sideIndex: null };
  const first = await attempt({ task, fetchId: 'members-0', budget: limitTo(3) }).result;
  expireCheckpoints();
  const second = await attempt({ task, fetchId: 'members-1', cursor: first.cursor, ...getDelivered(first) }).result;
  expect(second.counts).toMatchObject({ pages: 5, requests: 5, rows: 53, repeated: 200, restarted: 1 });
  const truth = tenant.readTruth();
  const readKeys = async (stream: string, fields: string[]): Promise<string[]> => {
    const rows = await readRows(selectSegments(stream, [...first.segments, ...second.segments]));
    return rows.map((row) => fields.map((field) => row[field]).join(' ')).sort();
  };
  const members = await readKeys(streams[0]!, ['org_id', 'user_id']);
  expect(new Set(members).size).toBe(256);
  expect(members).toHaveLength(truth.organization_members.size);
  const roles = await readKeys(streams[1]!, ['org_id', 'user_id', 'id']);
  expect(new Set(roles).size).toBe(roles.length);
  expect(roles).toHaveLength(truth.organization_member_roles.size);
});

it('fails when Auth0 refuses its checkpoint token repeatedly', async () => {
  tenant.updateSettings({ checkpointLifetimeSeconds: -1 });
  const { result, heartbeats } = createRunner().attempt({ task: clients });
  await expect(result).rejects.toMatchObject({ type: 'RequestRejected', nonRetryable: true });
  // The first page three times, each time followed by a refused second page.
  expect(heartbeats.at(-1)?.counts).toEqual({
    ...zeroCounts,
    pages: 5,
    requests: 5,
    rows: 100,
    repeated: 200,
    restarted: 2,
  });
});

it('stores no id in the index of delivered rows', async () => {
  const { attempt, readRows } = createRunner();
  const { segments } = await attempt({ task: clients }).result;
  const lines = JSON.stringify(await readRows(selectSegments(deliveredIndexName, segments)));
  expect(listClientIds().filter((id) => lines.includes(id))).toEqual([]);
});
