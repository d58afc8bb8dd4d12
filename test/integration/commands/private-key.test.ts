import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator, type Emulator } from 'auth0-emulator';
import { runCli } from '../../support/cli';
import { scratchFolder } from '../../support/scratch';

const pair = (): { publicKey: string; privateKey: string } =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
    publicKeyEncoding: { format: 'pem', type: 'spki' },
  });
const { publicKey, privateKey } = pair();
const folder = scratchFolder();
let tenant: Emulator;

beforeAll(async () => {
  tenant = await startEmulator({ scenario: 'small', clientKey: { publicKey, algorithm: 'PS256' } });
});
afterAll(() => tenant.close());

describe('a connection with a private key', () => {
  const check = async (key: string): Promise<{ status: string; message?: string; text: string }> => {
    const credentials = {
      auth_type: 'private_key_jwt',
      client_id: tenant.clientId,
      private_key: key,
      algorithm: 'PS256',
    };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ base_url: tenant.url, credentials }));
    const { stdout, stderr } = await runCli(['check', '--config', 'config.json'], {
      program: 'source-auth0',
      cwd: folder,
    });
    expect(stderr).toBe('');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { connectionStatus?: object });
    const { connectionStatus } = lines.find((line) => line.connectionStatus)!;
    return { ...(connectionStatus as { status: string; message?: string }), text: stdout };
  };

  it('passes the check with an Airbyte configuration', async () => {
    expect((await check(privateKey)).status).toBe('SUCCEEDED');
  });

  it('names the private key when Auth0 rejects it', async () => {
    const other = pair().privateKey;
    const { status, message, text } = await check(other);
    expect(status).toBe('FAILED');
    expect(message).toContain('Auth0 rejected the client ID or the assertion signed with the private key.');
    expect(text).not.toContain(other.split('\n')[1]!);
  });

  it('reads the key from a file that the project file or an option names', async () => {
    writeFileSync(join(folder, 'key.pem'), privateKey);
    const acme = {
      base_url: tenant.url,
      credentials: { client_id: tenant.clientId, private_key: 'file:key.pem', algorithm: 'PS256' },
      streams: ['clients'],
      destination: { files: './data' },
    };
    // YAML takes JSON.
    writeFileSync(join(folder, 'rollcall.yaml'), JSON.stringify({ connections: { acme } }));
    const synced = await runCli(['sync', 'acme', '--json'], { cwd: folder });
    expect(synced.stderr).not.toContain('refused');
    expect(JSON.parse(synced.stdout)).toMatchObject({ status: 'complete', streams: [{ records: 8 }] });

    tenant.updateSettings({ clientKey: { publicKey, algorithm: 'RS256' } });
    const flags = ['--base-url', tenant.url, '--client-id', tenant.clientId, '--private-key', 'file:key.pem'];
    const planned = await runCli(['plan', ...flags, '--json'], { cwd: folder });
    expect(planned.code).toBe(0);
  });
});
