import { createPublicKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import type { TenantSettings } from '../settings';

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const maxAssertionBytes = 2_048;
const maxJtiLength = 64;
const maxAssertionLifetimeSeconds = 300;

export interface AssertionVerifier {
  /**
   * Whether the form contains a valid assertion that has not been used before:
   * https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt
   * @param host the host in the request
   * @param now epoch ms
   */
  verify(form: Record<string, unknown>, clientId: string, host: string, now: number): Promise<boolean>;
}

export function createAssertionVerifier(settings: TenantSettings): AssertionVerifier {
  const used = new Set<string>();
  return {
    async verify(
      { client_assertion_type: type, client_assertion: assertion, client_id: formClientId },
      clientId,
      host,
      now,
    ) {
      const { clientKey } = settings;
      if (!clientKey || type !== assertionType || typeof assertion !== 'string') return false;
      if (Buffer.byteLength(assertion) > maxAssertionBytes || (formClientId !== undefined && formClientId !== clientId))
        return false;
      try {
        const { payload } = await jwtVerify(assertion, createPublicKey(clientKey.publicKey), {
          algorithms: [clientKey.algorithm],
          issuer: clientId,
          subject: clientId,
          audience: [`https://${host}/`, `http://${host}/`],
          requiredClaims: ['exp', 'jti'],
          currentDate: new Date(now),
          clockTolerance: 10,
        });
        const { jti = '', exp = 0 } = payload;
        if (jti.length > maxJtiLength || used.has(jti) || exp - now / 1_000 > maxAssertionLifetimeSeconds) return false;
        used.add(jti);
        return true;
      } catch {
        return false;
      }
    },
  };
}
