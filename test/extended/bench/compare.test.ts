import { measureKill, measureRead, type ComparedTenant } from '../../../bench/support/compare-cost';
import { rollcallSync, sdkLoop, type Reader } from '../../../bench/support/compare-readers';
import { compareReaders, type Measured } from '../../../bench/support/compare-table';

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
