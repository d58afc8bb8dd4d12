import { RATE_LIMIT_PRESETS } from '../src/rate-limits';
import { runEmulator, type EmulatorFlags } from '../../../src/commands/emulator-command';

/** Runs the command, lets `meanwhile` use what it printed, then ends it by a signal. */
async function run(options: EmulatorFlags, meanwhile: (printed: string) => Promise<void>): Promise<void> {
  let printed: (text: string) => void = () => undefined;
  const output = new Promise<string>((resolve) => (printed = resolve));
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => (printed(String(text)), true));
  const running = runEmulator(options);
  try {
    await meanwhile(await output);
  } finally {
    process.emit('SIGTERM');
    await running;
    write.mockRestore();
  }
}

it('prints a configuration that signs in, and ends on SIGTERM', async () => {
  let url = '';
  await run({ scenario: 'small', users: 10, organizations: 2, rateLimits: 'free' }, async (printed) => {
    const config = JSON.parse(printed.slice(printed.indexOf('\n{'))) as {
      base_url: string;
      credentials: { auth_type: string; client_id: string; client_secret: string; audience: string };
    };
    url = config.base_url;
    const { auth_type, ...credentials } = config.credentials;
    expect(auth_type).toBe('oauth2_confidential_application');
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...credentials });
    const token = (await (await fetch(`${url}/oauth/token`, { method: 'POST', body })).json()) as {
      access_token: string;
    };
    const headers = { authorization: `Bearer ${token.access_token}` };
    const response = await fetch(`${url}/api/v2/users?include_totals=true`, { headers });
    expect(await response.json()).toMatchObject({ total: 10 });
    expect(response.headers.get('x-ratelimit-limit')).toBe(String(RATE_LIMIT_PRESETS.free.global.size));
    for (const value of Object.values(credentials)) expect(printed).toContain(`  ${value}\n`);
  });
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

it.each([
  [{ scenario: 'huge' }, /--scenario .*small, caps, empty, large, million, owned-roles/],
  [{ scenario: 'small', rateLimits: 'platinum' }, /--rate-limits .*free, essentials, enterprise, unlimited/],
])('refuses %j and names the choices', async (options, message) => {
  await expect(runEmulator(options)).rejects.toThrow(message);
});
