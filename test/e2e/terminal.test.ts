import { startEmulator, type Emulator } from 'auth0-emulator';
import { projectFor } from '../support/compare-copy';
import { startOnTerminal, type OnTerminal } from '../support/terminal';
import { scratchFolder } from '../support/scratch';

jest.setTimeout(120_000);

const cwd = scratchFolder();
let tenant: Emulator;
const programs: OnTerminal[] = [];

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
  projectFor(cwd, tenant);
});
afterAll(async () => {
  for (const program of programs) program.kill();
  await tenant.close();
});

function onTerminal(args: string[], options: Parameters<typeof startOnTerminal>[1] = {}): OnTerminal {
  const program = startOnTerminal(args, { cwd, ...options });
  programs.push(program);
  return program;
}

const result = [
  'Started sync/acme.',
  expect.stringMatching(/^Temporal UI: http:\/\/127\.0\.0\.1:\d+$/),
  expect.stringMatching(/^┌─+┬/),
  expect.stringMatching(/^│ stream +│ status +│ records +│ requests +│ seconds +│$/),
  ...['clients', 'organizations', 'organization_members', 'organization_member_roles', 'users', 'total'].map(() =>
    expect.stringMatching(/^│ \w+ +│ complete +│ +\d+ │ +\d+ │ +[\d.]+ │$/),
  ),
  expect.stringMatching(/^└─+┴/),
  'total: complete',
] as unknown[];

it('redraws a table during a sync and leaves its result, while other terminals watch the sync', async () => {
  const sync = onTerminal(['sync', 'acme']);
  await sync.shows(/users +reading +[\d,]+ {2}\d+ requests/);
  const [, , heading, ...streams] = sync.lines();
  expect(heading).toMatch(
    /^sync\/acme · 0:\d\d( · [\d.]+ requests\/s)?( · rate limit \d+\/20 left)?( · about .* left)?$/,
  );
  expect(streams.map((line) => line.trim().split(/ +/)[0]).toSorted()).toEqual([
    'clients',
    'organization_member_roles',
    'organization_members',
    'organizations',
    'users',
  ]);
  expect(sync.written()).toContain('\u001b[36mreading'); // cyan

  const watch = onTerminal(['watch', 'acme'], { columns: 44, env: { NO_COLOR: '1' } });
  const left = onTerminal(['watch', 'acme']);
  await left.shows('sync/acme · ');
  left.type('\u0003');
  expect(await left.ended).toEqual({ code: 130 });
  expect(left.lines()).toEqual(['The sync continues. Run the same command again to follow it.']);
  await watch.shows(/^ {2}users +reading/m);
  expect(watch.lines().filter((line) => line.length > 44)).toEqual([]);
  expect(watch.written()).not.toMatch(/\u001b\[[\d;]*[1-9]m/);
  tenant.updateSettings({ rateLimits: { global: { size: 1_000, perSecond: 1_000 } } });

  expect(await sync.ended).toEqual({ code: 0 });
  expect(sync.lines()).toEqual(result);
  expect((await watch.ended).code).toBe(0);
  expect(watch.lines().at(-1)).toBe('total: complete');
});
