import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { type CliOptions, type CliResult, runCli } from '../../support/cli';
import { projectFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

jest.setTimeout(60_000);

const folder = scratchFolder();
let tenant: Emulator;
/** A sync into a path where a file is. Its retries wait, so it runs beside the other tests. */
let blocked: Promise<CliResult>;

beforeAll(async () => {
  const scenario = {
    users: { count: 5 },
    organizations: { count: 2, members: 3 },
    clients: { count: 3 },
    roles: { count: 2 },
  };
  tenant = await startEmulator({ scenario });
  const own = project('in-the-way');
  writeFileSync(join(own, 'data'), '');
  // Jest loads no module between two tests, so the first command loads what the second one needs.
  expect((await sync(project('first'), ['acme'])).code).toBe(0);
  blocked = sync(own, ['acme']);
});
afterAll(() => tenant.close());

/** A new project folder, whose connection `acme` is to the tenant. */
function project(name: string, content?: string): string {
  const own = join(folder, name);
  mkdirSync(own);
  if (content === undefined) projectFor(own, tenant);
  else writeFileSync(join(own, 'rollcall.yaml'), content);
  return own;
}

function sync(cwd: string, args: string[], env?: CliOptions['env']): Promise<CliResult> {
  return runCli(['sync', ...args], { cwd, ...(env && { env }) });
}

function connection(lines: string): string {
  return `connections:\n  acme:\n    base_url: http://127.0.0.1:9\n    destination: { files: ./data }\n${lines}`;
}

const credentials = '    credentials: { client_id: c, client_secret: not-to-be-seen }\n';
const faults: [string, string, string[], string | RegExp][] = [
  [
    'a file that is no YAML',
    'connections:\n  acme: [1\n',
    ['acme'],
    /rollcall.yaml is not valid YAML: .* at line 3, column 1/,
  ],
  ['a misspelt key', connection('    credentails: {}\n'), ['acme'], 'connections.acme has the unknown key credentails'],
  [
    'an unknown connection',
    connection(credentials),
    ['acmee'],
    'no connection "acmee" (did you mean acme?). Connections: acme.',
  ],
  [
    'an unknown stream',
    connection(`${credentials}    streams: [usres]\n`),
    ['acme'],
    'stream "usres" (did you mean users?)',
  ],
  [
    'an unknown --stream',
    connection(credentials),
    ['acme', '--stream', 'userz'],
    '--stream: unknown stream "userz" (did you mean users?). Available streams: clients,',
  ],
  [
    'an unset variable',
    connection('    credentials: { access_token: env:NOT_SET }\n'),
    ['acme'],
    'the environment variable NOT_SET, referenced by connections.acme.credentials.access_token, is not set',
  ],
  [
    'no connection named',
    connection(credentials),
    [],
    'no connection was given. Pass the name of a connection in rollcall.yaml',
  ],
];

it.each(faults)('sync reports %s', async (what, content, args, words) => {
  const { code, stdout, stderr } = await sync(project(what.replaceAll(' ', '-'), content), args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/^ +at |not-to-be-seen/m);
});

it('sync without a project file shows how to create one', async () => {
  const { code, stderr } = await sync(folder, ['acme']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/the file .*rollcall.yaml does not exist. Create it .*:\nconnections:\n {2}acme:/);
});

it('a worker without a Temporal server exits with the setting to add', async () => {
  const { code, stderr } = await runCli(['worker'], { cwd: project('lonely') });
  expect(code).toBe(2);
  expect(stderr).toContain('Set TEMPORAL_ADDRESS to host:port');
});

it('sync prints its result as a table of 80 columns, or as one line of JSON', async () => {
  const own = project('plain');
  const table = await sync(own, ['acme']);
  expect(table.code).toBe(0);
  expect(table.stdout).toMatch(/│ users +│ complete +│ +5 │/);
  expect(table.stdout).toMatch(/│ total +│ complete .*┘\ntotal: complete\n$/s);
  expect(table.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(table.stderr).toMatch(/Started sync\/acme.\nTemporal UI: http:\/\/127.0.0.1:\d+\n/);

  const json = await sync(own, ['acme', '--json']);
  expect(json.code).toBe(0);
  expect(json.stdout.match(/\n/g)).toHaveLength(1);
  const { event, seconds, ...summary } = JSON.parse(json.stdout) as Record<string, unknown>;
  expect({ event, seconds }).toEqual({ event: 'end', seconds: expect.any(Number) });
  expect(summary).toMatchObject({
    status: 'complete',
    verdict: 'complete',
    streams: Array(5).fill({ status: 'complete', verdict: 'complete', counts: {}, audit: expect.any(Array) }),
  });
  expect(JSON.parse(readFileSync(join(own, 'data', 'summary.json'), 'utf8'))).toEqual(summary);
});

it('sync reports a wrong secret once for all streams', async () => {
  const lines = `connections:\n  acme:\n    base_url: ${tenant.url}\n    destination: { files: ./data }\n    credentials: { client_id: ${tenant.clientId}, client_secret: not-to-be-seen }\n`;
  const { code, stdout, stderr } = await sync(project('wrong-secret', lines), ['acme']);
  expect(code).toBe(4);
  expect(stdout).toMatch(/│ total +│ failed /);
  expect(stderr.match(/Auth0 rejected the client ID or the client secret/g)).toHaveLength(1);
  expect(stderr).not.toMatch(/^ +at |\[WARN\]|not-to-be-seen/m);
});

it('sync changes nothing in a destination that it cannot read', async () => {
  const own = project('unreadable');
  mkdirSync(join(own, 'data', 'users'), { recursive: true });
  writeFileSync(join(own, 'data', 'users', 'manifest.json'), '{{');
  const { code, stdout, stderr } = await sync(own, ['acme']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/rollcall: .*manifest.json is not JSON; nothing was changed. Restore the file/);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(readdirSync(join(own, 'data'))).toEqual(['users']);
});

it('sync reports a destination that it cannot write to at the first attempt and at the end', async () => {
  const { code, stdout, stderr } = await blocked;
  expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
  const words = /cannot be used: a file exists where a folder is required. Move the file, or use another folder./g;
  expect(stderr).toMatch(/^warning: sync\/acme: attempt 1 failed: the destination .*data cannot be used: a file/m);
  expect(stderr.match(words)?.length).toBeGreaterThan(2);
  expect(stderr).not.toMatch(/^ +at /m);
});

it('sync --detach requires a worker', async () => {
  const { code, stdout, stderr } = await sync(project('detached'), ['acme', '--detach']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/--detach needs a worker to run the sync.*TEMPORAL_ADDRESS/);
});
