import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliOptions, runCli } from '../../support/cli';
import { tracedErrors, writeJson } from '../../support/program';
import { catalogFor } from '../../support/compare-copy';
import { scratchFolder } from '../../support/scratch';

const folder = scratchFolder();
const file = (name: string): string => join(folder, name);

/** Nothing listens on that port, and no command of this file sends a request. */
const config = writeJson(folder, 'config.json', {
  base_url: 'http://127.0.0.1:9',
  credentials: { auth_type: 'oauth2_access_token', access_token: 'a-token-nobody-may-see' },
});
const catalog = writeJson(folder, 'catalog.json', catalogFor());
writeFileSync(file('broken.json'), '{"a": 1,\n "a-token-nobody-may-see" }');
writeJson(folder, 'list.json', []);
writeJson(folder, 'keys.json', {
  domian: 'acme.eu.auth0.com',
  credentials: { auth_type: 'oauth2_confidential_application', client_id: '' },
});
writeJson(folder, 'empty-catalog.json', { streams: [] });
writeJson(folder, 'state.json', { hello: 1 });
mkdirSync(file('empty'));

// Nothing listens on port 1: the download fails at once, and without leaving the machine.
const onNoBinary = { PATH: file('empty'), XDG_CACHE_HOME: file('empty'), HTTPS_PROXY: 'http://127.0.0.1:1' };

const faults: [string, string[], string | RegExp, CliOptions['env']?][] = [
  ['a missing configuration file', ['--config', file('none.json')], 'none.json (--config) does not exist'],
  [
    'a directory in place of a configuration file',
    ['--config', folder],
    '(--config) is a directory. Pass a file in this directory',
  ],
  ['invalid JSON', ['--config', file('broken.json')], 'broken.json (--config) is not valid JSON at line 2, column 27'],
  ['an array in place of a configuration', ['--config', file('list.json')], 'does not contain a JSON object'],
  [
    'missing and misspelled keys',
    ['--config', file('keys.json')],
    /client_id is empty; .*client_secret is missing; domain is missing.*`spec` command/,
  ],
  ['a missing catalog file', ['--catalog', file('none.json')], 'none.json (--catalog) does not exist'],
  [
    'a catalog that is not JSON',
    ['--catalog', file('broken.json')],
    'broken.json (--catalog) is not valid JSON at line 2',
  ],
  [
    'a catalog without streams',
    ['--catalog', file('empty-catalog.json')],
    'the configured catalog, at streams, is empty',
  ],
  ['a file that is not a catalog', ['--catalog', config], 'the configured catalog, at streams, is missing'],
  ['a state that is not JSON', ['--state', file('broken.json')], 'broken.json (--state) is not valid JSON at line 2'],
  ['a file that is not a state', ['--state', file('state.json')], 'the saved state, at hello, is not an object'],
  ['a variable that must be a number', [], 'ROLLCALL_FETCH_SECONDS must be a number', { ROLLCALL_FETCH_SECONDS: 'x' }],
  ['an unknown log level', [], 'LOG_LEVEL must be one of FATAL', { LOG_LEVEL: 'loud' }],
  [
    'a missing temporal binary',
    [],
    /No `temporal` binary was found.*\(1\).*\(2\).*\(3\).*TEMPORAL_ADDRESS/,
    onNoBinary,
  ],
  [
    'a temporal binary that does not exist',
    [],
    'TEMPORAL_CLI_PATH (/none) is not an executable file',
    { TEMPORAL_CLI_PATH: '/none' },
  ],
];

it.each(faults)('read reports %s', async (_what, flags, words, env = {}) => {
  const defaults = ['--config', config, '--catalog', catalog];
  const { code, stdout, stderr } = await runCli(['read', ...defaults, ...flags], { program: 'source-auth0', env });
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  const errors = tracedErrors(stdout);
  expect(errors).toEqual([expect.objectContaining({ failure_type: 'config_error' })]);
  expect(errors[0]?.message).toMatch(words);
  expect(stdout).not.toContain('stack_trace');
  expect(stdout).not.toContain('a-token-nobody-may-see');
});

it('check and discover report a missing configuration file', async () => {
  for (const verb of ['check', 'discover']) {
    const { code, stdout, stderr } = await runCli([verb, '--config', file('none.json')], { program: 'source-auth0' });
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(tracedErrors(stdout)).toMatchObject([{ message: expect.stringContaining('does not exist') }]);
  }
});

it('read reports a Temporal server that does not answer', async () => {
  const args = ['read', '--config', config, '--catalog', catalog];
  const { code, stdout, stderr } = await runCli(args, {
    program: 'source-auth0',
    env: { TEMPORAL_ADDRESS: '127.0.0.1:9' },
  });
  expect({ code, stderr }).toEqual({ code: 5, stderr: '' });
  expect(tracedErrors(stdout)).toMatchObject([
    {
      message: expect.stringMatching(
        /reached at 127.0.0.1:9: Connection refused. Check that it is running .*TEMPORAL_ADDRESS/,
      ),
      failure_type: 'transient_error',
    },
  ]);
}, 30_000);
