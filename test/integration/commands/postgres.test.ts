import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator, truthStreams, type TruthStream } from 'auth0-emulator';
import { query, readRecords } from '../../support/postgres/rows';
import { type CliResult, runCli } from '../../support/cli';
import { createDatabase } from '../../support/servers';
import { compare, type Comparison, exact, projectFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

describe('syncs of a tenant into Postgres', () => {
  const folder = scratchFolder();
  let database: string;
  let tenant: Emulator;

  beforeAll(async () => {
    [database, tenant] = await Promise.all([createDatabase(), startEmulator({ scenario: 'small' })]);
    projectFor(folder, tenant, '{ postgres: { url: env:DATABASE_URL } }');
  });
  afterAll(async () => {
    await tenant.close();
  });

  function sync(...flags: string[]): Promise<CliResult> {
    const env = { DATABASE_URL: database };
    return runCli(['sync', 'acme', '--json', ...flags], { cwd: folder, env, intervals: { progressMs: 100 } });
  }

  async function differences(): Promise<Record<TruthStream, Comparison>> {
    const truth = tenant.readTruth();
    const compared = truthStreams.map(async (stream): Promise<[TruthStream, Comparison]> => [
      stream,
      compare(stream, await readRecords(database, 'acme', stream), truth[stream]),
    ]);
    return Object.fromEntries(await Promise.all(compared)) as Record<TruthStream, Comparison>;
  }

  const none = Object.fromEntries(truthStreams.map((stream) => [stream, exact]));

  it('the first sync copies every record exactly once', async () => {
    const { code, stderr } = await sync();
    expect([code, stderr.includes('made-up-password')]).toEqual([0, false]);
    expect(await differences()).toEqual(none);
  });

  it('the next sync reads only what changed and replaces the rows of changed users', async () => {
    const idOf = (index: number): string => tenant.tenant.users.read(index)?.['user_id'] as string;
    for (const index of [3, 70, 400]) {
      tenant.tenant.apply({
        type: 'updateUser',
        user_id: idOf(index),
        patch: { nickname: 'changed', made_up: { n: 1 } },
      });
    }
    tenant.tenant.apply({ type: 'createUser' });
    tenant.tenant.apply({ type: 'createClient' });
    const { code, stdout } = await sync();
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'complete' });
    // The four changed ones, and the four that a search by timestamp does not find.
    const users = (JSON.parse(stdout) as { streams: { stream: string; records: number }[] }).streams.find(
      ({ stream }) => stream === 'users',
    );
    expect(users?.records).toBeLessThan(20);
    expect(await differences()).toEqual(none);
    const twice = await query(database, 'SELECT user_id FROM acme.users GROUP BY user_id HAVING count(*) > 1');
    expect(twice).toEqual([]);
    const [row] = await query(database, `SELECT nickname, made_up FROM acme.users WHERE user_id = '${idOf(70)}'`);
    expect(row).toEqual({ nickname: 'changed', made_up: { n: 1 } });
  });

  it('a sync with --full removes the users that were deleted', async () => {
    const user_id = tenant.tenant.users.read(5)?.['user_id'] as string;
    tenant.tenant.apply({ type: 'deleteUser', user_id });
    expect((await sync('--full')).code).toBe(0);
    expect(await differences()).toEqual(none);
  });

  it('records every run in the database, and writes its URL into no file', async () => {
    const runs = await query(database, 'SELECT status, complete FROM acme._rollcall_runs, acme._rollcall_streams');
    expect(runs).toEqual(Array.from({ length: 15 }, () => ({ status: 'complete', complete: true })));
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    for (const file of files) {
      expect(readFileSync(join(file.parentPath, file.name)).includes('made-up-password')).toBe(false);
    }
    expect(files.length).toBeGreaterThan(1);
  });
});
