import { type Emulator, startEmulator } from 'auth0-emulator';
import type { FetchResult } from '../../../src/activities/fetch-contract';
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
import { type Heartbeat, impatientClient, segmentsOf, type Slices, slicesIn } from '../../support/fetch-fixture';

const hour = 3_600_000;
const clients = { kind: 'list', stream: 'clients' } as const;
const limits = (pages: number) => ({ pages, seconds: 60, bytes: 1e9 });
const newFolder = scratchFolders();
let tenant: Emulator;
let client: ReturnType<typeof impatientClient>;
let clock = 0;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 260 },
      clients: { count: 450 },
      organizations: { count: 3, members: 3, firstMemberCounts: [3, 250] },
      roles: { count: 2 },
    },
    // So that tokens are not renewed in mid-test.
    tokenLifetimeSeconds: 30 * 24 * 3600,
    now: () => Date.now() + clock,
  });
  client = impatientClient(tenant);
});
afterEach(() => tenant.updateSettings({ checkpointLifetimeSeconds: 86_400 }));
afterAll(async () => {
  client.close();
  await tenant.close();
});

const slices = () => slicesIn(newFolder(), () => client);
const longPause = (): void => void (clock += 25 * hour);
const allIds = (): string[] => tenant.tenant.clients.rows.map(({ id }) => id).sort();
const idsIn = async ({ rowsOf }: Slices, segments: readonly Segment[]): Promise<string[]> =>
  (await rowsOf(segmentsOf('clients', segments))).map(({ client_id: id }) => id as string).sort();

const deliveredBy = ({ segments }: FetchResult): { delivered?: Segment } => {
  const delivered = findLastDelivered(segments);
  return delivered ? { delivered } : {};
};

describe('a list whose place has expired in a long pause', () => {
  it('is read from its beginning, without what earlier slices have delivered', async () => {
    const all = slices();
    const first = await all.attempt({ task: clients, budget: limits(1) }).result;
    const second = await all.attempt({
      task: clients,
      fetchId: 'slice-1',
      cursor: first.cursor,
      budget: limits(1),
      ...deliveredBy(first),
    }).result;
    longPause();
    const last = await all.attempt({ task: clients, fetchId: 'slice-2', cursor: second.cursor, ...deliveredBy(second) })
      .result;
    expect(last.counts).toEqual({ ...zeroCounts, pages: 6, requests: 6, rows: 250, repeated: 200, restarted: 1 });
    expect(await idsIn(all, [...first.segments, ...second.segments, ...last.segments])).toEqual(allIds());
  });

  it('is read on by a later slice without what any has delivered, before it was begun again or since', async () => {
    const all = slices();
    const ids: string[] = [];
    let delivered: { delivered?: Segment } = {};
    let cursor = null;
    for (let slice = 0, done = false; !done; slice += 1) {
      if (slice === 3 || slice === 7) longPause();
      const result = await all.attempt({
        task: clients,
        fetchId: `slice-${slice}`,
        cursor,
        budget: limits(1),
        ...delivered,
      }).result;
      ids.push(...(await idsIn(all, result.segments)));
      delivered = { ...delivered, ...deliveredBy(result) };
      ({ done } = result);
      cursor = result.cursor as never;
      expect(slice).toBeLessThan(20);
    }
    expect(ids.sort()).toEqual(allIds());
  });

  it('loses nobody who stayed, and brings what has come since', async () => {
    const all = slices();
    const first = await all.attempt({ task: clients, budget: limits(2) }).result;
    longPause();
    const gone = allIds().slice(0, 3);
    for (const client_id of gone) tenant.tenant.apply({ type: 'deleteClient', client_id });
    const { client_id: fresh } = tenant.tenant.apply({ type: 'createClient' });
    const second = await all.attempt({ task: clients, fetchId: 'slice-1', cursor: first.cursor, ...deliveredBy(first) })
      .result;
    const ids = await idsIn(all, [...first.segments, ...second.segments]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(allIds()));
    expect(ids).toContain(fresh);
  });
});

/** The heartbeat that a killed attempt had got through after so many pages. */
const after = (pages: number, heartbeats: readonly Heartbeat[]): Heartbeat =>
  heartbeats.find(({ counts }) => counts.pages === pages)!;

it.each([
  [1, 2, false],
  [1, 3, true],
  [2, 4, true],
  [3, 4, false],
  [4, 6, true],
  [4, 9, false],
])(
  'killed after %i pages and again after %i, begun again after the first time (and the second: %s), no row comes twice',
  async (firstPages, secondPages, twice) => {
    const all = slices();
    const first = all.attempt({ task: clients });
    await first.result;
    longPause();
    const second = all.attempt({ task: clients }, 2, after(firstPages, first.heartbeats));
    const whole = await second.result;
    expect(await idsIn(all, whole.segments)).toEqual(allIds());
    if (twice) longPause();
    const third = await all.attempt({ task: clients }, 3, after(secondPages, second.heartbeats)).result;
    expect(await idsIn(all, third.segments)).toEqual(allIds());
    expect(third.counts).toMatchObject({ rows: allIds().length, restarted: twice ? 2 : 1 });
  },
);

it('begun again twice in one go, it leaves out what came in between as well', async () => {
  const all = slices();
  tenant.resetStatistics();
  for (const nth of [3, 7]) tenant.onRequest(nth, longPause);
  const { segments, counts } = await all.attempt({ task: clients }).result;
  expect(counts).toMatchObject({ restarted: 2, requests: 12, repeated: 500 });
  expect(await idsIn(all, segments)).toEqual(allIds());
});

it('of members of several organizations is begun again in the one that it is in', async () => {
  const { attempt, rowsOf } = slices();
  const listed = await attempt({ task: { kind: 'parents', stream: 'organizations', emit: false } }).result;
  const [index] = segmentsOf(parentIndexName, listed.segments);
  const streams = ['organization_members', 'organization_member_roles'];
  const parents = { segment: index!, first: 0, count: 3 };
  const task: FetchTask = { kind: 'children', streams, parents, readOptions: defaultReadOptions, sideIndex: null };
  const first = await attempt({ task, fetchId: 'members-0', budget: limits(3) }).result;
  longPause();
  const second = await attempt({ task, fetchId: 'members-1', cursor: first.cursor, ...deliveredBy(first) }).result;
  expect(second.counts).toMatchObject({ pages: 5, requests: 5, rows: 53, repeated: 200, restarted: 1 });
  const truth = tenant.readTruth();
  const keysOf = async (stream: string, fields: string[]): Promise<string[]> => {
    const rows = await rowsOf(segmentsOf(stream, [...first.segments, ...second.segments]));
    return rows.map((row) => fields.map((field) => row[field]).join(' ')).sort();
  };
  const members = await keysOf(streams[0]!, ['org_id', 'user_id']);
  expect(new Set(members).size).toBe(256);
  expect(members).toHaveLength(truth.organization_members.size);
  const roles = await keysOf(streams[1]!, ['org_id', 'user_id', 'id']);
  expect(new Set(roles).size).toBe(roles.length);
  expect(roles).toHaveLength(truth.organization_member_roles.size);
});

it('is given up when its place is refused again and again, rather than begun for ever', async () => {
  tenant.updateSettings({ checkpointLifetimeSeconds: -1 });
  const { result, heartbeats } = slices().attempt({ task: clients });
  await expect(result).rejects.toMatchObject({ type: 'RequestRejected', nonRetryable: true });
  // The first page three times, each time with a refused second one.
  expect(heartbeats.at(-1)?.counts).toEqual({
    ...zeroCounts,
    pages: 5,
    requests: 5,
    rows: 100,
    repeated: 200,
    restarted: 2,
  });
});

it('keeps no id in what it would need to begin again', async () => {
  const { attempt, rowsOf } = slices();
  const { segments } = await attempt({ task: clients }).result;
  const lines = JSON.stringify(await rowsOf(segmentsOf(deliveredIndexName, segments)));
  expect(allIds().filter((id) => lines.includes(id))).toEqual([]);
});
