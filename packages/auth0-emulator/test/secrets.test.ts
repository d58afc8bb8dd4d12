import { findSecrets } from '../src/planted-secrets';
import { type Emulator, startEmulator } from '../src/server';
import { readerScopes } from '../src/settings';
import { visit } from './visitor';

let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small' });
});
afterAll(() => emulator.close());

const secretKeys = ['client_authentication_methods', 'client_secret', 'encryption_key', 'signing_keys'];
const identityKeys = ['access_token', 'access_token_secret', 'refresh_token'];

async function readKeys(path: string, scopes: string[]): Promise<{ text: string; keys: Set<string> }> {
  emulator.updateSettings({ scopes });
  const { text } = await (await visit(emulator)).get(path, { per_page: 100 });
  const keys = new Set<string>();
  JSON.parse(text, (key: string, value: unknown) => (keys.add(key), value));
  return { text, keys };
}

it.each([
  ['clients', secretKeys],
  ['users', identityKeys],
])('returns no secret to a reader of %s', async (path, secretKeys) => {
  const { text, keys } = await readKeys(path, readerScopes);
  expect(findSecrets(text)).toEqual([]);
  expect(secretKeys.filter((key) => keys.has(key))).toEqual([]);
});

it.each(['read:client_keys', 'read:client_credentials'])(
  'shows the secrets of clients to a token with %s',
  async (scope) => {
    const { text, keys } = await readKeys('clients', [...readerScopes, scope]);
    expect(secretKeys.filter((key) => keys.has(key))).toEqual(secretKeys);
    expect(findSecrets(text).length).toBeGreaterThan(24);
  },
);

it("returns identity providers' tokens to a token with read:user_idp_tokens", async () => {
  const { text, keys } = await readKeys('users', [...readerScopes, 'read:user_idp_tokens']);
  expect(identityKeys.filter((key) => keys.has(key))).toEqual(identityKeys);
  expect(findSecrets(text).length).toBeGreaterThan(10);
});

it('returns only a summary of clients to a token with read:client_summary', async () => {
  const { keys } = await readKeys('clients', ['read:client_summary']);
  expect(keys.has('app_type')).toBe(true);
  expect(keys.has('callbacks')).toBe(false);
});

it('sends no excluded secrets to a token that may read them', async () => {
  emulator.updateSettings({ scopes: [...readerScopes, 'read:client_keys'] });
  const query = { fields: secretKeys.join(','), include_fields: false };
  expect(findSecrets((await (await visit(emulator)).get('clients', query)).text)).toEqual([]);
});

it("finds access tokens and the connector's own secret in a text", async () => {
  const { token } = await visit(emulator);
  expect(findSecrets(`{"a":"Bearer ${token}","b":"${emulator.clientSecret}"}`)).toEqual([emulator.clientSecret, token]);
});
