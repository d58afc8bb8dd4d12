import { createPrivateKey, randomUUID } from 'node:crypto';

/** Algorithms for which Auth0 lets an application register a key. */
export const signingAlgorithms = ['RS256', 'RS384', 'PS256'] as const;

/** The private half of a key that is registered with the application: https://auth0.com/docs/secure/application-credentials */
export interface SigningKey {
  /** PEM. */
  privateKey: string;
  algorithm: (typeof signingAlgorithms)[number];
  /** Which of the application's keys it is; Auth0 tries them all when it is absent. */
  keyId?: string;
}

/** Life of an assertion, seconds: 60 are recommended, 300 allowed; so many forgive a clock that is a minute slow. */
const assertionLifetimeSeconds = 120;

/**
 * What proves for one request that the client has the key:
 * https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt
 * @param baseUrl origin of the tenant, without a slash at the end
 * @param now epoch ms
 */
export async function signAssertion(
  { privateKey, algorithm, keyId }: SigningKey,
  clientId: string,
  baseUrl: string,
  now: number,
): Promise<string> {
  // Few sign in by a key, and commands that sign nothing start faster without it.
  const { SignJWT } = await import('jose');
  return new SignJWT()
    .setProtectedHeader({ alg: algorithm, ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(`${baseUrl}/`)
    .setExpirationTime(Math.floor(now / 1_000) + assertionLifetimeSeconds)
    .setJti(randomUUID())
    .sign(createPrivateKey(privateKey));
}
