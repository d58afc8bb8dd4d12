import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { run, scratchFolder, start } from '../support/program';
import { startOnTerminal, type OnTerminal } from '../support/terminal';
import { projectFor } from '../support/compare-copy';

jest.setTimeout(120_000);

const folder = scratchFolder();
let tenant: Emulator;
const programs: Pick<OnTerminal, 'kill'>[] = [];

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 1_500 },
      organizations: { count: 40, members: 5 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
    latencyMs: 20,
    rateLimits: { global: { size: 20, perSecond: 5 } },
  });
});
afterAll(async () => {
  for (const program of programs) program.kill();
  await tenant.close();
});

/** A folder of its own, with a project whose connection `acme` is the tenant. */
function project(name: string): string {
  const own = join(folder, name);
  mkdirSync(own);
  projectFor(own, tenant);
  return own;
}

function onTerminal(args: string[], options: Parameters<typeof startOnTerminal>[1]): OnTerminal {
  const program = startOnTerminal(args, options);
  programs.push(program);
  return program;
}

const result = [
  'sync/acme has started.',
  expect.stringMatching(/^Watch it at http:\/\/127\.0\.0\.1:\d+$/),
  expect.stringMatching(/^┌─+┬/),
  expect.stringMatching(/^│ stream +│ status +│ rows +│ requests +│ seconds +│$/),
  ...['clients', 'organizations', 'organization_members', 'organization_member_roles', 'users', 'total'].map(() =>
    expect.stringMatching(/^│ \w+ +│ complete +│ +\d+ │ +\d+ │ +[\d.]+ │$/),
  ),
  expect.stringMatching(/^└─+┴/),
  'total: complete',
] as unknown[];

it('on a terminal a sync shows a table that is drawn anew, and leaves its result; another terminal may watch', async () => {
  const cwd = project('watched');
  const sync = onTerminal(['sync', 'acme'], { cwd });
  await sync.shows(/users +reading +[\d,]+ {2}\d+ requests/);
  const [, , heading, ...streams] = sync.lines();
  expect(heading).toMatch(/^sync\/acme · 0:\d\d( · [\d.]+ requests\/s)?( · budget \d+\/20)?( · about .* left)?$/);
  expect(streams.map((line) => line.trim().split(/ +/)[0]).toSorted()).toEqual([
    'clients',
    'organization_member_roles',
    'organization_members',
    'organizations',
    'users',
  ]);
  expect(sync.written()).toContain('\u001b[36mreading'); // cyan

  const watch = onTerminal(['watch', 'acme'], { cwd, columns: 44, env: { NO_COLOR: '1' } });
  const left = onTerminal(['watch', 'acme'], { cwd });
  await left.shows('sync/acme · ');
  left.type('\u0003');
  expect(await left.ended).toEqual({ code: 130 });
  expect(left.lines()).toEqual(['The sync continues. Run the same command again to follow it.']);
  await watch.shows(/^ {2}users +reading/m);
  expect(watch.lines().filter((line) => line.length > 44)).toEqual([]);
  expect(watch.written()).not.toMatch(/\u001b\[[\d;]*[1-9]m/);

  expect(await sync.ended).toEqual({ code: 0 });
  expect(sync.lines()).toEqual(result);
  expect((await watch.ended).code).toBe(0);
  expect(watch.lines().at(-1)).toBe('total: complete');
});

it('a quiet sync says its result only; where one runs, watch --json tells of each change and of the end', async () => {
  const cwd = project('quiet');
  const sync = start('rollcall', ['sync', 'acme', '--quiet'], { cwd });
  const watch = async (): Promise<Awaited<ReturnType<typeof run>>> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const ended = await run('rollcall', ['watch', 'acme', '--json'], { cwd });
      if (ended.code !== 2) return ended;
    }
    throw new Error('there was no sync to watch');
  };
  const [said, watched] = await Promise.all([sync.ended, watch()]);
  expect(said).toMatchObject({ code: 0, stderr: '' });
  expect(said.stdout).toMatch(/^┌[^]*total: complete\n$/);
  expect(watched).toMatchObject({ code: 0, stderr: '' });
  const events = watched.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; status?: string; streams: { stream: string }[] });
  expect(events.map(({ event }) => event)).toEqual([...events.slice(1).map(() => 'progress'), 'end']);
  expect(events.length).toBeGreaterThan(1);
  expect(events.at(-1)).toMatchObject({ event: 'end', status: 'complete' });
  expect(events.at(-1)?.streams).toHaveLength(5);
});
