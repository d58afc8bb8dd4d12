import { type Emulator, startEmulator } from 'auth0-emulator';
import { createNamespace, type TestNamespace } from '../../support/servers';
import { type Ended, run, scratchFolder, start } from '../../support/program';
import { projectFor } from '../../support/compare-copy';

jest.setTimeout(180_000);

const folder = scratchFolder();
let tenant: Emulator;
let server: TestNamespace;
let env: Record<string, string>;

beforeAll(async () => {
  server = await createNamespace();
  const scenario = {
    users: { count: 2_500 },
    organizations: { count: 3, members: 2 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  const faults = [{ match: '^/api/v2/clients', kind: '503' as const, times: 12 }];
  tenant = await startEmulator({
    scenario,
    latencyMs: 200,
    faults,
    rateLimits: { global: { size: 20, perSecond: 8 } },
  });
  projectFor(folder, tenant);
  env = { ...server.env, ROLLCALL_HEARTBEAT_SECONDS: '2' };
});
afterAll(async () => {
  await tenant.close();
});

function rollcall(...args: string[]): Promise<Ended> {
  return run('rollcall', args, { cwd: folder, env });
}

it('a connection that was never synced is said to have no run', async () => {
  const { code, stderr } = await rollcall('logs', 'acme');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('keeps no sync of acme') as string });
});

it('tells what happened: slices, deliveries, attempts that failed, a pause with its reason, the end; and follows', async () => {
  const worker = start('rollcall', ['worker'], { cwd: folder, env });
  try {
    await worker.says('Polling task queue');
    await rollcall('sync', 'acme', '--stream', 'clients', '--detach');
    const said = linesOf(await rollcall('logs', 'acme', '--follow'));
    const trying = /^clients · fetchSlice: is tried again \(attempt \d\): .*503/;
    expect(said).toContainEqual(expect.stringMatching(trying));
    expect(said.filter((line) => !trying.test(line))).toEqual([
      'sync · started',
      'clients · step 0 · STARTED: delivered',
      expect.stringMatching(
        /^clients · slice 1 · from page 1: 1 page, 3 rows, .* at attempt \d; the one before: .*503/,
      ),
      'clients · step 1 · 3 records · COMPLETE: delivered',
      'clients · complete',
      'sync · complete',
    ]);

    await rollcall('sync', 'acme', '--detach');
    expect(await rollcall('pause', 'acme', '--reason', 'lunch')).toMatchObject({ code: 0 });
    const following = start('rollcall', ['logs', 'acme', '--follow'], { cwd: folder, env });
    await following.says('sync · paused: lunch');
    await rollcall('resume', 'acme');
    const lines = linesOf(await following.ended);
    expect(lines).toContain('sync · resumed');
    expect(lines).toContainEqual(
      expect.stringMatching(/^users · slice \d+ · .*: \d+ pages?, \d+ rows?, \d+ requests?$/),
    );
    expect(lines.at(-1)).toBe('sync · complete');
    const events = (await rollcall('logs', 'acme', '--json')).stdout.trimEnd().split('\n');
    expect(events.map((line) => JSON.parse(line) as object)).toContainEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      workflow: 'sync',
      text: 'paused: lunch',
    });
  } finally {
    worker.child.kill('SIGKILL');
    await worker.ended;
  }
});

/** The lines of a log without their times. */
function linesOf({ code, stdout, stderr }: Ended): string[] {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, text] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}(\w.*)$/.exec(line) ?? [];
      return text ?? `not a line of a log: ${line}`;
    });
}
