import { createPrivateKey, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { abortable } from '../async';
import { defined } from '../json';
import { BadCredentials, RateLimited, UnexpectedAnswer } from './errors';
import { createHttpClient, type HttpClient, type HttpOptions, type HttpResponse } from './http';
import { readRateLimitRefusal } from './rate-limit/rate-limit-headers';
import { classifyTokenResponse, parseErrorBody } from './response';

/** The algorithms that Auth0 supports for an application's keys. */
export const signingAlgorithms = ['RS256', 'RS384', 'PS256'] as const;

/** A private key whose public key is registered with the application: https://auth0.com/docs/secure/application-credentials */
export interface SigningKey {
  /** PEM. */
  privateKey: string;
  algorithm: (typeof signingAlgorithms)[number];
  /** Default: Auth0 tries all keys of the application. */
  keyId?: string;
}

/** Auth0 recommends 60 and allows 300. 120 tolerate a clock that is a minute slow. */
const assertionLifetimeSeconds = 120;

/**
 * Signs the assertion that authenticates one token request:
 * https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt
 * @param baseUrl origin of the tenant, without a trailing slash
 * @param now epoch ms
 */
export async function signAssertion(
  { privateKey, algorithm, keyId }: SigningKey,
  clientId: string,
  baseUrl: string,
  now: number,
): Promise<string> {
  // Imported on first use, because commands start faster without it.
  const { SignJWT } = await import('jose');
  return new SignJWT()
    .setProtectedHeader({ alg: algorithm, ...defined({ kid: keyId }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(`${baseUrl}/`)
    .setExpirationTime(Math.floor(now / 1_000) + assertionLifetimeSeconds)
    .setJti(randomUUID())
    .sign(createPrivateKey(privateKey));
}

/** Provides the client's access token. */
export interface TokenSource {
  /** Returns a valid token. Throws BadCredentials, RateLimited, Transient or UnexpectedAnswer; never retries. */
  getToken(signal?: AbortSignal): Promise<string>;
  /** Reports that Auth0 answered 401 to this token. Returns whether another token can be requested. */
  invalidate(token: string): boolean;
  /** The token's scopes; undefined when unknown. */
  getScopes(signal?: AbortSignal): Promise<string[] | undefined>;
  close(): void;
}

export interface ClientCredentialsOptions extends HttpOptions {
  /** Origin of the tenant, without a trailing slash. */
  baseUrl: string;
  clientId: string;
  credential: { clientSecret: string } | SigningKey;
  /** Default `<baseUrl>/api/v2/`. With a custom domain, the audience of the canonical domain. */
  audience?: string;
  /** Clock, epoch ms. */
  now?: () => number;
}

const tokenRequestLabel = 'POST /oauth/token';

/** https://auth0.com/docs/api/authentication/client-credential-flow/get-token */
const tokenResponseSchema = z.object({
  access_token: z.string().min(1),
  /** Seconds. */
  expires_in: z.number().positive(),
  scope: z.string().optional(),
});

interface IssuedToken {
  token: string;
  scopes: string[] | undefined;
  /** When to request the next token, epoch ms. */
  renewAt: number;
}

/** Time before the expiry at which a token is renewed, ms; for short lifetimes, a tenth of the lifetime. */
const renewalMarginMs = 60_000;

/** Least time between two token requests when the first was rate limited, ms. */
const minRetryDelayMs = 1_000;

/** Requests tokens with client credentials and caches them. Concurrent callers share one request. */
export function createClientTokenSource(options: ClientCredentialsOptions): TokenSource {
  const { now = Date.now } = options;
  const http = createHttpClient(options);
  let current: IssuedToken | undefined;
  let pending: Promise<IssuedToken> | undefined;
  let rateLimited: RateLimited | undefined;

  async function renew(): Promise<IssuedToken> {
    // Rejected requests count against the limit as well.
    if (rateLimited && now() < rateLimited.retryAt) throw rateLimited;
    try {
      current = await requestToken(http, options, now);
      return current;
    } catch (error) {
      if (error instanceof RateLimited) rateLimited = error;
      throw error;
    }
  }

  /** An abort ends the caller's wait, not the request, which other callers may share. */
  async function get(signal?: AbortSignal): Promise<IssuedToken> {
    if (current && now() < current.renewAt) return current;
    pending ??= renew().finally(() => (pending = undefined));
    return abortable(pending, signal);
  }

  return {
    getToken: async (signal) => (await get(signal)).token,
    getScopes: async (signal) => (await get(signal)).scopes,
    invalidate(token) {
      // Another caller may have renewed the token.
      if (current?.token === token) current = undefined;
      return true;
    },
    close: () => http.close(),
  };
}

async function requestToken(
  http: HttpClient,
  { baseUrl, clientId, credential, audience = `${baseUrl}/api/v2/` }: ClientCredentialsOptions,
  now: () => number,
): Promise<IssuedToken> {
  const requestedAt = now();
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    audience: audience.endsWith('/') ? audience : `${audience}/`,
    ...('clientSecret' in credential
      ? { client_secret: credential.clientSecret }
      : {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await signAssertion(credential, clientId, baseUrl, now()),
        }),
  });
  const response = await http.send({
    method: 'POST',
    url: `${baseUrl}/oauth/token`,
    label: tokenRequestLabel,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  if (response.status !== 200) {
    rejectRateLimited(response, now());
    const error = classifyTokenResponse(tokenRequestLabel, response);
    const isKeyRejected = 'privateKey' in credential && error instanceof BadCredentials && error.problem === 'secret';
    throw isKeyRejected ? new BadCredentials('private_key') : error;
  }
  const parsed = tokenResponseSchema.safeParse(tryParseJson(response.body));
  if (!parsed.success) throw new UnexpectedAnswer(tokenRequestLabel, 'status 200 without a token');
  const { access_token: token, expires_in: seconds, scope } = parsed.data;
  const lifetimeMs = seconds * 1000;
  return {
    token,
    scopes: splitScopes(scope) ?? readTokenScopes(token),
    renewAt: requestedAt + lifetimeMs - Math.min(renewalMarginMs, lifetimeMs / 10),
  };
}

/** Provides a token from the configuration. Throws BadCredentials when the token is not a valid header value. */
export function createFixedTokenSource(accessToken: string): TokenSource {
  const token = accessToken.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new BadCredentials('refused_token');
  return {
    getToken: () => Promise.resolve(token),
    getScopes: () => Promise.resolve(readTokenScopes(token)),
    invalidate: () => false,
    close() {},
  };
}

/** Auth0 has also answered bursts of token requests with 500 `access_denied` and the message of a 429. */
function rejectRateLimited({ status, headers, body }: HttpResponse, now: number): void {
  const { error_description: text = '' } = parseErrorBody(body);
  if (status !== 429 && !(status >= 400 && /global limit/i.test(text))) return;
  const { retryAfterMs, resetMs } = readRateLimitRefusal(headers, now);
  const delay = Math.max(minRetryDelayMs, retryAfterMs ?? resetMs ?? 0);
  throw new RateLimited(tokenRequestLabel, now + delay, /quota/i.test(text) ? 'tokens' : 'rate');
}

function tryParseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function splitScopes(scope: string | undefined): string[] | undefined {
  return scope?.split(' ').filter((word) => word !== '');
}

/** Reads the unverified payload of a JWT, only to report missing scopes to the user. */
function readTokenScopes(token: string): string[] | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const claims = z.object({ scope: z.string() }).safeParse(tryParseJson(Buffer.from(payload, 'base64url')));
  return splitScopes(claims.data?.scope);
}
