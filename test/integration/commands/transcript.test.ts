/** A new user's way through the commands, on a terminal of 80 columns. e2e/terminal.test.ts has the live table of a sync. */
import { stripVTControlCharacters } from 'node:util';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { renderOnTerminal } from '../../support/terminal';
import { scratchFolder } from '../../support/scratch';

const cwd = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({
    scenario: {
      users: { count: 250 },
      organizations: { count: 4, members: 5 },
      clients: { count: 3 },
      roles: { count: 2 },
    },
    rateLimits: { global: { size: 20, perSecond: 20 } },
  });
  projectFor(cwd, tenant);
});
afterAll(() => tenant.close());

/** What a command leaves on the terminal. */
async function transcript(command: string): Promise<{ code: number; text: string; tooWide: string[] }> {
  const hasLiveTable = command.startsWith('sync ');
  const { code, output } = await runCli(command.split(' '), { cwd, ...(!hasLiveTable && { columns: 80 }) });
  const lines = stripVTControlCharacters(output).split('\n');
  return {
    code,
    text: (await renderOnTerminal(output)).join('\n'),
    tooWide: lines.filter((line) => line.length > 80),
  };
}

it('every command of a first session prints what the user needs, within 80 columns', async () => {
  const session: [string, RegExp[]][] = [
    [
      'plan acme',
      [
        /^│ users +│ +250 │ +\d │ +[\d.]+ │$/m,
        /^│ organization_members +│ +20 │ +4 │/m,
        /^Rate limit \(tenant\), reserve excluded: burst 18, then [\d.]+\/s or more\.$/m,
        /^This estimate used \d+ requests\.$/m,
      ],
    ],
    [
      'config show acme',
      [/^ {2}credentials\.client_secret +\S/m, /^ {2}rate_limit_reserve +0\.1 \(default\)$/m, /rollcall\.yaml:\d+\)$/m],
    ],
    [
      'doctor acme',
      [/^ok {7}tenant +http:/m, /^ok {7}scopes +Granted and used: read:clients/m, /^All checks passed\.$/m],
    ],
    ['sync acme', [/^Started sync\/acme\.$/m, /^│ users +│ complete +│ +250 │/m, /^total: complete$/m]],
    ['status', [/^acme\n {2}last sync ended \d\d:\d\d:\d\d: complete \(\d+ records\)\n {2}no schedule$/m]],
    ['state show acme', [/^│ stream +│ cursor +│ done │ last run +│$/m, /^│ users +│ \S+Z +│ yes +│/m]],
    ['sync acme', [/^│ users +│ complete +│ +\d+ │/m, /^total: complete$/m]],
    ['state reset acme --stream users', [/^State reset\. The next sync of acme reads from the beginning: users\.$/m]],
  ];
  for (const [command, expected] of session) {
    const { text, ...rest } = await transcript(command);
    expect({ command, ...rest }).toEqual({ command, code: 0, tooWide: [] });
    for (const part of expected) expect(text).toMatch(part);
    expect(text).not.toContain(tenant.clientSecret);
  }
});

it.each<[string, RegExp]>([
  ['synk acme', /Did you mean sync\?/],
  ['sync amce', /no connection "amce"[^]*acme/],
  ['sync acme --stream user', /user[^]*users/],
  ['pause acme', /no sync is running[^]*TEMPORAL_ADDRESS/],
  ['schedule list', /no Temporal server is configured[^]*TEMPORAL_ADDRESS/],
])('rollcall %s prints what is wrong and what to do', async (command, message) => {
  const { code, text } = await transcript(command);
  expect({ code, text }).toEqual({ code: 2, text: expect.stringMatching(message) as string });
  expect(text).not.toMatch(/^ +at /m);
});
