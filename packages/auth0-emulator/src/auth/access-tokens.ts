import { type KeyObject, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { errors, jwtVerify, SignJWT } from 'jose';
import { type ApiError, createBadRequestError, createUnauthorizedError } from '../api-error';

/** Created once per process, off the main thread, so an emulator starts without waiting for it. */
let signingKeyPair: Promise<{ privateKey: KeyObject; publicKey: KeyObject }> | undefined;

export function prepareSigningKeys(): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  signingKeyPair ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return signingKeyPair;
}

export interface AccessTokenGrant {
  clientId: string;
  issuer: string;
  audience: string;
  scopes: readonly string[];
  /** Epoch ms. */
  issuedAt: number;
  lifetimeSeconds: number;
  /** See TenantSettings. */
  signingKey: number;
}

/** An RS256 access token with the claims of Auth0's machine-to-machine tokens. */
export async function signAccessToken(grant: AccessTokenGrant): Promise<string> {
  const { privateKey } = await prepareSigningKeys();
  const issuedAt = Math.floor(grant.issuedAt / 1_000);
  return new SignJWT({ scope: grant.scopes.join(' '), azp: grant.clientId, gty: 'client-credentials' })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: formatKeyId(grant.signingKey) })
    .setIssuer(grant.issuer)
    .setSubject(`${grant.clientId}@clients`)
    .setAudience(grant.audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + grant.lifetimeSeconds)
    .sign(privateKey);
}

function formatKeyId(signingKey: number): string {
  return `emulated-key-${signingKey}`;
}

/** Returns the token's scopes. Throws ApiError (400, 401) for a missing or malformed header and a forged or expired token. */
export async function authenticateBearer(
  header: string | undefined,
  now: number,
  signingKey: number,
): Promise<ReadonlySet<string>> {
  if (header === undefined) throw createUnauthorizedError('Missing authentication');
  const token = /^Bearer ([^ ]+)$/i.exec(header)?.[1];
  if (token?.split('.').length !== 3) {
    throw createBadRequestError('Bad HTTP authentication header format', 'Bearer');
  }
  const { publicKey } = await prepareSigningKeys();
  try {
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, {
      algorithms: ['RS256'],
      currentDate: new Date(now),
    });
    if (protectedHeader.kid !== formatKeyId(signingKey)) throw new errors.JWSSignatureVerificationFailed();
    return new Set(String(payload['scope']).split(' '));
  } catch (error) {
    throw toTokenError(error);
  }
}

function toTokenError(error: unknown): ApiError {
  if (error instanceof errors.JWTExpired)
    return createUnauthorizedError('Expired token received for JSON Web Token validation');
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return createUnauthorizedError('Invalid signature received for JSON Web Token validation');
  }
  return createUnauthorizedError('Invalid token');
}
