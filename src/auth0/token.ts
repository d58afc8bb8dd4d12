import { createPrivateKey, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { abortable } from '../async';
import { BadCredentials, RateLimited, UnexpectedAnswer } from './errors';
import { createHttpClient, type HttpOptions, type HttpResponse } from './http';
import { readRateLimitRefusal } from './rate-limit/rate-limit-headers';
import { classifyTokenResponse, parseErrorBody } from './response';

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

/** Where the client gets its access token from. */
export interface TokenSource {
  /**
   * The token to use now. Throws BadCredentials, RateLimited, Transient, UnexpectedAnswer; does not repeat a request
   * by itself.
   */
  getToken(signal?: AbortSignal): Promise<string>;
  /** Says that Auth0 answered 401 to this token. True when another can be had. */
  invalidate(token: string): boolean;
  /** Scopes that the token carries; undefined when that is not known. */
  getScopes(signal?: AbortSignal): Promise<string[] | undefined>;
  close(): void;
}

export interface ClientCredentialsOptions extends HttpOptions {
  /** Origin of the tenant, without a slash at the end. */
  baseUrl: string;
  clientId: string;
  /** How the client proves that it is itself. */
  credential: { clientSecret: string } | SigningKey;
  /** Default `<baseUrl>/api/v2/`. With a custom domain it is the canonical one's. */
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

interface CachedToken {
  token: string;
  scopes: string[] | undefined;
  /** Epoch ms after which another one is fetched. */
  renewAt: number;
}

/** Renewed this long before it ends, ms, or after nine tenths of a short life. */
const renewalMarginMs = 60_000;

/** Between two requests for a token of which the first met a limit, ms; also when the answer names no time. */
const minRetryDelayMs = 1_000;

/** A token for a client, kept for its life; callers that come together share one request. */
export function createClientTokenSource(options: ClientCredentialsOptions): TokenSource {
  const { baseUrl, clientId, credential, audience = `${baseUrl}/api/v2/`, now = Date.now } = options;
  const http = createHttpClient(options);
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    audience: audience.endsWith('/') ? audience : `${audience}/`,
  };
  let held: CachedToken | undefined;
  let spent: RateLimited | undefined;
  let pending: Promise<CachedToken> | undefined;

  async function fetch(): Promise<CachedToken> {
    // Asking in vain counts against the limit as well.
    if (spent && now() < spent.retryAt) throw spent;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const asked = now();
    const body = new URLSearchParams({ ...form, ...(await prove()) }).toString();
    const answer = await http.send({
      method: 'POST',
      url: `${baseUrl}/oauth/token`,
      label: tokenRequestLabel,
      headers,
      body,
    });
    if (isRateLimited(answer)) throw (spent = toRateLimited(answer, now()));
    if (answer.status !== 200) throw refusalOf(answer);
    const granted = tokenResponseSchema.safeParse(tryParseJson(answer.body));
    if (!granted.success) throw new UnexpectedAnswer(tokenRequestLabel, 'status 200 without a token');
    const { access_token: token, expires_in: seconds, scope } = granted.data;
    const life = seconds * 1000;
    const renewAt = asked + life - Math.min(renewalMarginMs, life / 10);
    return { token, scopes: splitScopes(scope) ?? readTokenScopes(token), renewAt };
  }

  /** An assertion is good for one request. */
  async function prove(): Promise<Record<string, string>> {
    if ('clientSecret' in credential) return { client_secret: credential.clientSecret };
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signAssertion(credential, clientId, baseUrl, now()),
    };
  }

  function refusalOf(answer: HttpResponse): Error {
    const refusal = classifyTokenResponse(tokenRequestLabel, answer);
    const isOfKey = 'privateKey' in credential && refusal instanceof BadCredentials && refusal.problem === 'secret';
    return isOfKey ? new BadCredentials('private_key') : refusal;
  }

  function current(signal?: AbortSignal): Promise<CachedToken> {
    if (held && now() < held.renewAt) return Promise.resolve(held);
    pending ??= fetch()
      .then((fresh) => (held = fresh))
      .finally(() => {
        pending = undefined;
      });
    return abortable(pending, signal);
  }

  return {
    getToken: async (signal) => (await current(signal)).token,
    getScopes: async (signal) => (await current(signal)).scopes,
    invalidate(token) {
      // Another caller may have renewed it in the meantime.
      if (held?.token === token) held = undefined;
      return true;
    },
    close: () => http.close(),
  };
}

/** A token that somebody else obtained. Throws BadCredentials when it cannot be sent in a header at all. */
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

/** A burst of token requests has also been answered 500 `access_denied` with the words of a 429. */
function isRateLimited({ status, body }: HttpResponse): boolean {
  return status === 429 || (status >= 400 && /global limit/i.test(parseErrorBody(body).error_description ?? ''));
}

function toRateLimited({ headers, body }: HttpResponse, now: number): RateLimited {
  const { retryAfterMs, resetMs } = readRateLimitRefusal(headers, now);
  const delay = Math.max(minRetryDelayMs, retryAfterMs ?? resetMs ?? 0);
  const ofTokens = /quota/i.test(parseErrorBody(body).error_description ?? '');
  return new RateLimited(tokenRequestLabel, now + delay, ofTokens ? 'tokens' : 'rate');
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

/** From the payload of a JWT, which is not verified: it is only for telling the user what is missing. */
function readTokenScopes(token: string): string[] | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const claims = z.object({ scope: z.string() }).safeParse(tryParseJson(Buffer.from(payload, 'base64url')));
  return claims.success ? splitScopes(claims.data.scope) : undefined;
}
