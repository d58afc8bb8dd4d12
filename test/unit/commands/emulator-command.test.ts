import { rateLimitPresets, scenarios } from 'auth0-emulator';
import { runCli, startCli } from '../../support/cli';

it('prints a configuration with valid credentials, and stops at Ctrl-C', async () => {
  const emulator = startCli(['emulator', '--users', '10', '--organizations', '2', '--rate-limits', 'free']);
  const printed = await emulator.waitForOutput(/\n}\n$/);
  const config = JSON.parse(printed.slice(printed.indexOf('\n{'))) as {
    base_url: string;
    credentials: { auth_type: string; client_id: string; client_secret: string; audience: string };
  };
  const url = config.base_url;
  const { auth_type, ...credentials } = config.credentials;
  expect(auth_type).toBe('oauth2_confidential_application');
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...credentials });
  const token = (await (await fetch(`${url}/oauth/token`, { method: 'POST', body })).json()) as {
    access_token: string;
  };
  const headers = { authorization: `Bearer ${token.access_token}` };
  const response = await fetch(`${url}/api/v2/users?include_totals=true`, { headers });
  expect(await response.json()).toMatchObject({ total: 10 });
  expect(response.headers.get('x-ratelimit-limit')).toBe(String(rateLimitPresets.free.global.size));
  for (const value of Object.values(credentials)) expect(printed).toContain(`  ${value}\n`);

  emulator.interrupt();
  expect((await emulator.ended).code).toBe(0);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

it.each([
  ['--scenario', scenarios],
  ['--rate-limits', rateLimitPresets],
])('%s accepts exactly the names that the emulator knows', async (option, known) => {
  const { code, stderr } = await runCli(['emulator', option, 'unknown']);
  expect(code).toBe(2);
  expect(stderr).toContain(`Allowed choices are ${Object.keys(known).join(', ')}.`);
});
