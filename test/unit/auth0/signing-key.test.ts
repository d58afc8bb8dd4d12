import { generateKeyPairSync } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { signAssertion, signingAlgorithms } from '../../../src/auth0/token';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const now = Date.parse('2026-11-24T10:00:00.500Z');
const sign = (key: object = {}): Promise<string> =>
  signAssertion({ privateKey: pem, algorithm: 'RS256', ...key }, 'an id', 'https://acme.eu.auth0.com', now);

test.each(signingAlgorithms)(
  'a %s assertion has the claims that Auth0 requires and is valid for two minutes',
  async (algorithm) => {
    const assertion = await sign({ algorithm });
    const { payload, protectedHeader } = await jwtVerify(assertion, publicKey, { currentDate: new Date(now) });
    expect(protectedHeader).toEqual({ alg: algorithm });
    expect(payload).toEqual({
      iss: 'an id',
      sub: 'an id',
      aud: 'https://acme.eu.auth0.com/',
      exp: Math.floor(now / 1_000) + 120,
      jti: expect.stringMatching(/^[\w-]{36}$/) as string,
    });
    expect(Buffer.byteLength(assertion)).toBeLessThanOrEqual(2_048);
  },
);

test('each assertion has a unique id, because Auth0 accepts it once', async () => {
  expect(await sign()).not.toBe(await sign());
});

test('the header contains the key id if there is one', async () => {
  expect(decodeProtectedHeader(await sign({ keyId: 'k1' }))).toEqual({ alg: 'RS256', kid: 'k1' });
});
