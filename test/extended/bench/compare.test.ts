import { measureKill, measureRead, type ComparedTenant } from '../../../bench/compare-cost';
import { rollcallSync, sdkLoop, type Reader } from '../../../bench/compare-readers';
import { countDistinct, countRows, lastStates, parseMessages, readRows } from '../../../bench/compare-rows';
import { compareReaders, writeMarkdown, type Measured } from '../../../bench/compare-table';

jest.setTimeout(120_000);

/** About 30 requests. */
const tenant: ComparedTenant = {
  scenario: {
    users: { count: 1_500, edgeCases: false },
    organizations: { count: 10, members: 3 },
    clients: { count: 5 },
    roles: { count: 4 },
  },
  rateLimits: { global: { size: 20, perSecond: 20 } },
  latencyMs: 20,
};

async function measure(reader: Reader): Promise<Measured> {
  const read = await measureRead(reader, tenant);
  return { name: reader.name, read, kill: await measureKill(reader, tenant, Math.floor(read.requests / 2)) };
}

it('compares Rollcall with an SDK loop by what each did at an emulated tenant', async () => {
  const rollcall = await measure(rollcallSync);
  const loop = await measure(sdkLoop);

  const { expected } = rollcall.read.rows;
  expect(expected).toBeGreaterThan(1_545);
  expect(rollcall.read).toMatchObject({ exitCode: 0, refused: 0, secrets: 0, mergedByKeys: 0 });
  expect(loop.read).toMatchObject({ exitCode: 0, secrets: expect.any(Number) as number });
  for (const { read } of [rollcall, loop]) {
    expect(read.rows).toEqual({ expected, delivered: expected, repeated: 0, lostByStream: {} });
    expect(read.requests).toBeGreaterThan(25);
  }
  expect(loop.read.secrets).toBeGreaterThan(100);
  expect(rollcall.kill).toMatchObject({ lost: 0, rowsTwice: 0 });
  expect(loop.kill).toMatchObject({ lost: 0, rowsTwice: loop.kill.rowsBefore });

  const rows = Object.fromEntries(compareReaders([rollcall, loop]).map(([label, ...cells]) => [label, cells]));
  expect(rows).toMatchObject({
    '': ['`rollcall sync`', 'SDK loop'],
    requests: [String(rollcall.read.requests), expect.stringContaining(`${loop.read.requests} (`) as string],
    'secrets written': ['0', loop.read.secrets.toLocaleString('en')],
    'killed halfway (kill -9), run again': [expect.any(String) as string, 'starts over'],
  });
});

it('counts rows that are lost and rows that are delivered again, by stream', () => {
  const member = (user_id: string): { stream: string; data: { user_id: string } } => {
    return { stream: 'organization_members', data: { user_id } };
  };
  // One user is a member of two organizations.
  const count = countRows([member('a'), member('a'), member('b')], [member('a'), member('b'), member('b')]);
  expect(count).toEqual({ expected: 3, delivered: 2, repeated: 1, lostByStream: { organization_members: 1 } });
});

it('counts the rows that remain after a deduplication by keys', () => {
  const rows = ['org_1', 'org_2'].map((org_id) => ({ stream: 'organization_members', data: { org_id, user_id: 'a' } }));
  expect(countDistinct(rows, { organization_members: ['user_id'] })).toBe(1);
  expect(countDistinct(rows, { organization_members: ['org_id', 'user_id'] })).toBe(2);
});

it('reads rows and last states from output that a kill cut short', () => {
  const state = (page: number): object => {
    return { type: 'STATE', state: { stream: { stream_descriptor: { name: 'users' }, stream_state: { page } } } };
  };
  const lines = [
    { type: 'LOG', log: { level: 'INFO', message: 'started' } },
    { type: 'RECORD', record: { stream: 'users', data: { user_id: 'a' } } },
    state(1),
    { stream: 'users', data: { user_id: 'b' } },
    state(2),
  ].map((line) => JSON.stringify(line));
  const messages = parseMessages([...lines, '{"type":"RECORD","rec'].join('\n'));
  expect(readRows(messages).map(({ data }) => data['user_id'])).toEqual(['a', 'b']);
  expect(lastStates(messages)).toEqual([
    { stream: { stream_descriptor: { name: 'users' }, stream_state: { page: 2 } } },
  ]);
});

it('judges a reader by the share of requests that it makes twice', () => {
  const rows = { expected: 1_000, delivered: 750, repeated: 0, lostByStream: { users: 250 } };
  const read = { requests: 100, refused: 0, seconds: 10, exitCode: 0, rows, secrets: 0, errors: [] };
  const killed = (requestsAfter: number): Measured => ({
    name: 'loop',
    read,
    kill: { requestsBefore: 50, requestsAfter, rowsBefore: 500, rowsTwice: 0, lost: 0 },
  });
  const table = compareReaders([killed(50), killed(70), killed(100)]);
  expect(table.find(([label]) => label?.startsWith('killed'))?.slice(1)).toEqual([
    'resumes',
    'resumes in part',
    'starts over',
  ]);
  expect(table.find(([label]) => label?.includes('made twice'))?.slice(1)).toEqual(['0', '20 (40 %)', '50 (100 %)']);
  expect(table.find(([label]) => label?.startsWith('rows lost, of'))?.[1]).toBe('250 (25 %)');
  expect(writeMarkdown(table).split('\n')[1]).toMatch(/^\| -+ (\| -+: )+\|$/);
});
