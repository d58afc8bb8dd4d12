import { findSecrets } from '../src/planted-secrets';
import { type Emulator, startEmulator } from '../src/server';
import { READER_SCOPES } from '../src/settings';
import { visit } from './visitor';

let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small' });
});
afterAll(() => emulator.close());

const SECRET_KEYS = ['client_authentication_methods', 'client_secret', 'encryption_key', 'signing_keys'];
const IDENTITY_KEYS = ['access_token', 'access_token_secret', 'refresh_token'];

async function readKeys(path: string, scopes: string[]): Promise<{ text: string; keys: Set<string> }> {
  emulator.configure({ scopes });
  const { text } = await (await visit(emulator)).get(path, { per_page: 100 });
  const keys = new Set<string>();
  JSON.parse(text, (key: string, value: unknown) => (keys.add(key), value));
  return { text, keys };
}

it.each([
  ['clients', SECRET_KEYS],
  ['users', IDENTITY_KEYS],
])('shows a reader of %s no secret', async (path, secretKeys) => {
  const { text, keys } = await readKeys(path, READER_SCOPES);
  expect(findSecrets(text)).toEqual([]);
  expect(secretKeys.filter((key) => keys.has(key))).toEqual([]);
});

it.each(['read:client_keys', 'read:client_credentials'])(
  'shows the secrets of clients to a token with %s',
  async (scope) => {
    const { text, keys } = await readKeys('clients', [...READER_SCOPES, scope]);
    expect(SECRET_KEYS.filter((key) => keys.has(key))).toEqual(SECRET_KEYS);
    expect(findSecrets(text).length).toBeGreaterThan(24);
  },
);

it("shows identity providers' tokens to a token with read:user_idp_tokens", async () => {
  const { text, keys } = await readKeys('users', [...READER_SCOPES, 'read:user_idp_tokens']);
  expect(IDENTITY_KEYS.filter((key) => keys.has(key))).toEqual(IDENTITY_KEYS);
  expect(findSecrets(text).length).toBeGreaterThan(10);
});

it('shows only what identifies a client to a token with read:client_summary', async () => {
  const { keys } = await readKeys('clients', ['read:client_summary']);
  expect(keys.has('app_type')).toBe(true);
  expect(keys.has('callbacks')).toBe(false);
});

it('keeps secrets off the wire for a token that may see them, when fields exclude them', async () => {
  emulator.configure({ scopes: [...READER_SCOPES, 'read:client_keys'] });
  const query = { fields: SECRET_KEYS.join(','), include_fields: false };
  expect(findSecrets((await (await visit(emulator)).get('clients', query)).text)).toEqual([]);
});

it("finds access tokens and the connector's own secret in a text", async () => {
  const { token } = await visit(emulator);
  expect(findSecrets(`{"a":"Bearer ${token}","b":"${emulator.clientSecret}"}`)).toEqual([emulator.clientSecret, token]);
});
