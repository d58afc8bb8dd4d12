import { generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import { type Emulator, startEmulator } from '../src/server';
import { requestToken, visit } from './visitor';

let emulator: Emulator;
let time = Date.now();

beforeAll(async () => {
  emulator = await startEmulator({ scenario: 'small', now: () => time });
});
afterAll(() => emulator.close());

async function getUsers(authorization?: string): Promise<{ status: number; body: unknown; limited: boolean }> {
  const response = await fetch(`${emulator.url}/api/v2/users`, { headers: authorization ? { authorization } : {} });
  return { status: response.status, body: await response.json(), limited: response.headers.has('x-ratelimit-limit') };
}

function unauthorizedBody(message: string): object {
  return { statusCode: 401, error: 'Unauthorized', message, attributes: { error: message } };
}

it('rejects a request without a token', async () => {
  expect(await getUsers()).toEqual({ status: 401, body: unauthorizedBody('Missing authentication'), limited: false });
});

it.each(['Bearer opaque-token', 'Basic abc', 'Bearer'])('rejects the malformed header "%s"', async (header) => {
  const { status, body } = await getUsers(header);
  const message = 'Bad HTTP authentication header format';
  expect({ status, body }).toEqual({
    status: 400,
    body: { statusCode: 400, error: 'Bad Request', message, errorCode: 'Bearer' },
  });
});

it('rejects a token that cannot be decoded', async () => {
  expect((await getUsers('Bearer a.b.c')).body).toEqual(unauthorizedBody('Invalid token'));
});

it('rejects a token signed with another key', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forged = await new SignJWT({ scope: 'read:users' }).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  const { status, body } = await getUsers(`Bearer ${forged}`);
  expect(status).toBe(401);
  expect(body).toEqual(unauthorizedBody('Invalid signature received for JSON Web Token validation'));
});

it('rejects a token after it expires, and not before', async () => {
  emulator.updateSettings({ tokenLifetimeSeconds: 10 });
  const { token, get } = await visit(emulator);
  time += 8_000;
  expect((await get('users')).status).toBe(200);
  time += 3_000;
  const { status, body } = await getUsers(`Bearer ${token}`);
  expect(status).toBe(401);
  expect(body).toEqual(unauthorizedBody('Expired token received for JSON Web Token validation'));
});

it.each([
  ['users', 'read:users'],
  ['users/auth0%7Cx', 'read:users'],
  ['clients', 'read:clients, read:client_keys, read:client_credentials, read:client_summary'],
  ['clients/x', 'read:clients, read:client_keys, read:client_credentials, read:client_summary'],
  ['organizations', 'read:organizations, read:organizations_summary'],
  ['organizations/org_0000000000000000/members', 'read:organization_members'],
  ['organizations/org_0000000000000000/members/x/roles', 'read:organization_member_roles'],
  ['roles', 'read:roles'],
])('names the missing scopes of %s', async (path, scopes) => {
  emulator.updateSettings({ scopes: ['read:nothing'], tokenLifetimeSeconds: 3_600 });
  const { get } = await visit(emulator);
  const { status, body, headers } = await get(path);
  expect(status).toBe(403);
  expect(headers.get('x-ratelimit-limit')).not.toBeNull();
  expect(body).toEqual({
    statusCode: 403,
    error: 'Forbidden',
    message: `Insufficient scope, expected any of: ${scopes}`,
    errorCode: 'insufficient_scope',
  });
});

it('grants the scopes in its settings', async () => {
  emulator.updateSettings({ scopes: ['read:roles'] });
  expect((await requestToken(emulator)).body['scope']).toBe('read:roles');
});
