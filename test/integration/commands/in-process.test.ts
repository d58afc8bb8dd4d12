import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from 'auth0-emulator';
import { runCli } from '../../support/cli';
import { catalogFor, configOf, projectFor } from '../../support/compare-copy';
import { streamsThatAre, writeJson } from '../../support/program';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 20 },
      organizations: { count: 2, members: 3 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
  });
});
afterAll(() => tenant.close());

function project(name: string): string {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  projectFor(cwd, tenant);
  return cwd;
}

it('runs a sync and shows its status, one after the other in one process', async () => {
  const cwd = project('sequence');
  const sync = await runCli(['sync', 'acme', '--json'], { cwd });
  expect(sync.code).toBe(0);
  expect(JSON.parse(sync.stdout)).toMatchObject({ event: 'end', status: 'complete' });
  const status = await runCli(['status', 'acme', '--json'], { cwd });
  expect(status).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(status.stdout)).toMatchObject({
    connections: [{ connection: 'acme', run: { state: 'complete' } }],
  });
});

it('runs two syncs and a read side by side in one process', async () => {
  const config = writeJson(folder, 'config.json', configOf(tenant));
  const catalog = writeJson(folder, 'catalog.json', catalogFor(['users', 'clients']));
  const [one, other, read] = await Promise.all([
    runCli(['sync', 'acme'], { cwd: project('one') }),
    runCli(['sync', 'acme'], { cwd: project('other') }),
    runCli(['read', '--config', config, '--catalog', catalog], { program: 'source-auth0' }),
  ]);
  expect([one.code, other.code, read.code]).toEqual([0, 0, 0]);
  expect(one.stdout).toContain('users');
  expect(streamsThatAre('COMPLETE', read.stdout).sort()).toEqual(['clients', 'users']);
  expect(readdirSync(join(folder, 'one', 'data')).sort()).toEqual(readdirSync(join(folder, 'other', 'data')).sort());
});

it('keeps quiet mode, the working directory and the environment of a command to itself', async () => {
  const [quiet, loud] = await Promise.all([
    runCli(['sync', 'acme', '--quiet'], { cwd: project('quiet') }),
    runCli(['config', 'show', 'acme'], { cwd: project('loud'), env: { ROLLCALL_TASK_QUEUE: 'other' } }),
  ]);
  expect(quiet).toMatchObject({ code: 0, stderr: '' });
  expect(loud.stdout).toContain('rollcall.yaml');
  expect(loud.stdout).toMatch(/task_queue +other \(ROLLCALL_TASK_QUEUE\)/);
});
