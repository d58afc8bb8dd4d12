/** A newcomer's way through the commands, on a terminal of 80 columns. */
import { stripVTControlCharacters } from 'node:util';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { scratchFolder } from '../support/program';
import { startOnTerminal, type OnTerminal } from '../support/terminal';
import { projectFor } from '../support/compare-copy';

jest.setTimeout(120_000);

const cwd = scratchFolder();
let tenant: Emulator;
const programs: OnTerminal[] = [];

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
afterAll(async () => {
  for (const program of programs) program.kill();
  await tenant.close();
});

/** What a command leaves on the terminal. */
async function transcript(command: string): Promise<{ code: number; text: string; tooWide: string[] }> {
  const program = startOnTerminal(command.split(' '), { cwd });
  programs.push(program);
  const { code } = await program.ended;
  const written = stripVTControlCharacters(program.written()).split(/\r?\n/);
  return { code, text: program.lines().join('\n'), tooWide: written.filter((line) => line.length > 80) };
}

it.each<[string, number, RegExp[]]>([
  [
    'plan acme',
    0,
    [
      /^│ users +│ +250 │ +\d │ +[\d.]+ │$/m,
      /^│ organization_members +│ +20 │ +4 │/m,
      /^Limit \(tenant\), less the reserve: 18 at once, then [\d.]+ a second/m,
      /^This estimate used \d+ requests\.$/m,
    ],
  ],
  [
    'config show acme',
    0,
    [/^ {2}credentials\.client_secret +\S/m, /^ {2}rate_limit_reserve +0\.1 \(default\)$/m, /rollcall\.yaml:\d+\)$/m],
  ],
  ['doctor acme', 0, [/^ok {7}tenant +http:/m, /^ok {7}scopes +Held and used: read:clients/m, /^All is well\.$/m]],
  ['sync acme', 0, [/^sync\/acme has started\.$/m, /^│ users +│ complete +│ +250 │/m, /^total: complete$/m]],
  ['status', 0, [/^acme\n {2}last sync ended \d\d:\d\d:\d\d: complete \(\d+ rows\)\n {2}no schedule$/m]],
  ['state show acme', 0, [/^│ stream +│ cursor +│ read │ last run +│$/m, /^│ users +│ \S+Z +│ end +│/m]],
  ['sync acme', 0, [/^│ users +│ complete +│ +\d+ │/m, /^total: complete$/m]],
  ['state reset acme --stream users', 0, [/^The next sync of acme reads from the beginning: users\.$/m]],
])('rollcall %s', async (command, code, expected) => {
  const said = await transcript(command);
  expect(said).toMatchObject({ code, tooWide: [] });
  for (const part of expected) expect(said.text).toMatch(part);
  expect(said.text).not.toContain(tenant.clientSecret);
});

it.each<[string, RegExp]>([
  ['synk acme', /Did you mean sync\?/],
  ['sync amce', /no connection "amce"[^]*acme/],
  ['sync acme --stream user', /user[^]*users/],
  ['pause acme', /no sync is running[^]*TEMPORAL_ADDRESS/],
  ['schedule list', /no Temporal server is named[^]*TEMPORAL_ADDRESS/],
])('rollcall %s: says what is wrong, and what to do', async (command, message) => {
  const { code, text } = await transcript(command);
  expect({ code, text }).toEqual({ code: 2, text: expect.stringMatching(message) as string });
  expect(text).not.toMatch(/^ +at /m);
});
