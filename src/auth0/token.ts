import { z } from 'zod';
import { BadCredentials, RateLimited, UnexpectedAnswer } from './errors';
import { createHttp, type HttpAnswer, type HttpOptions } from './http';
import { readRefusal } from './rate-limit';
import { tokenRefusalOf } from './refusal';
import { signAssertion, type SigningKey } from './signing-key';
import { waitFor } from './waiting';
import { readErrorBody } from './wording';

/** Where the client gets its access token from. */
export interface TokenSource {
  /**
   * The token to use now. Throws BadCredentials, RateLimited, Transient, UnexpectedAnswer; does not repeat a request
   * by itself.
   */
  token(signal?: AbortSignal): Promise<string>;
  /** Says that Auth0 answered 401 to this token. True when another can be had. */
  invalidate(token: string): boolean;
  /** Scopes that the token carries; undefined when that is not known. */
  scopes(signal?: AbortSignal): Promise<string[] | undefined>;
  close(): void;
}

export interface ClientCredentials extends HttpOptions {
  /** Origin of the tenant, without a slash at the end. */
  baseUrl: string;
  clientId: string;
  /** How the client proves that it is itself. */
  proof: { clientSecret: string } | SigningKey;
  /** Default `<baseUrl>/api/v2/`. With a custom domain it is the canonical one's. */
  audience?: string;
  /** Clock, epoch ms. */
  now?: () => number;
}

const label = 'POST /oauth/token';

/** https://auth0.com/docs/api/authentication/client-credential-flow/get-token */
const grant = z.object({
  access_token: z.string().min(1),
  /** Seconds. */
  expires_in: z.number().positive(),
  scope: z.string().optional(),
});

interface Held {
  token: string;
  scopes: string[] | undefined;
  /** Epoch ms after which another one is fetched. */
  until: number;
}

/** Renewed this long before it ends, ms, or after nine tenths of a short life. */
const marginMs = 60_000;

/** Between two requests for a token of which the first met a limit, ms; also when the answer names no time. */
const leastWaitMs = 1_000;

/** A token for a client, kept for its life; callers that come together share one request. */
export function clientCredentials(options: ClientCredentials): TokenSource {
  const { baseUrl, clientId, proof, audience = `${baseUrl}/api/v2/`, now = Date.now } = options;
  const http = createHttp(options);
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    audience: audience.endsWith('/') ? audience : `${audience}/`,
  };
  let held: Held | undefined;
  let spent: RateLimited | undefined;
  let pending: Promise<Held> | undefined;

  async function fetch(): Promise<Held> {
    // Asking in vain counts against the limit as well.
    if (spent && now() < spent.retryAt) throw spent;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const asked = now();
    const body = new URLSearchParams({ ...form, ...(await prove()) }).toString();
    const answer = await http.send({ method: 'POST', url: `${baseUrl}/oauth/token`, label, headers, body });
    if (isLimit(answer)) throw (spent = limitOf(answer, now()));
    if (answer.status !== 200) throw refusalOf(answer);
    const granted = grant.safeParse(readJson(answer.body));
    if (!granted.success) throw new UnexpectedAnswer(label, 'a 200 without a token');
    const { access_token: token, expires_in: seconds, scope } = granted.data;
    const life = seconds * 1000;
    const until = asked + life - Math.min(marginMs, life / 10);
    return { token, scopes: splitScopes(scope) ?? scopesOf(token), until };
  }

  /** An assertion is good for one request. */
  async function prove(): Promise<Record<string, string>> {
    if ('clientSecret' in proof) return { client_secret: proof.clientSecret };
    return {
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await signAssertion(proof, clientId, baseUrl, now()),
    };
  }

  function refusalOf(answer: HttpAnswer): Error {
    const refusal = tokenRefusalOf(label, answer);
    const isOfKey = 'privateKey' in proof && refusal instanceof BadCredentials && refusal.problem === 'secret';
    return isOfKey ? new BadCredentials('private_key') : refusal;
  }

  function current(signal?: AbortSignal): Promise<Held> {
    if (held && now() < held.until) return Promise.resolve(held);
    pending ??= fetch()
      .then((fresh) => (held = fresh))
      .finally(() => {
        pending = undefined;
      });
    return waitFor(pending, signal);
  }

  return {
    token: async (signal) => (await current(signal)).token,
    scopes: async (signal) => (await current(signal)).scopes,
    invalidate(token) {
      // Another caller may have renewed it in the meantime.
      if (held?.token === token) held = undefined;
      return true;
    },
    close: () => http.close(),
  };
}

/** A token that somebody else obtained. Throws BadCredentials when it cannot be sent in a header at all. */
export function fixedToken(accessToken: string): TokenSource {
  const token = accessToken.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new BadCredentials('refused_token');
  return {
    token: () => Promise.resolve(token),
    scopes: () => Promise.resolve(scopesOf(token)),
    invalidate: () => false,
    close() {},
  };
}

/** A burst of token requests has also been answered 500 `access_denied` with the words of a 429. */
function isLimit({ status, body }: HttpAnswer): boolean {
  return status === 429 || (status >= 400 && /global limit/i.test(readErrorBody(body).error_description ?? ''));
}

function limitOf({ headers, body }: HttpAnswer, now: number): RateLimited {
  const { retryAfterMs, resetMs } = readRefusal(headers, now);
  const delay = Math.max(leastWaitMs, retryAfterMs ?? resetMs ?? 0);
  const ofTokens = /quota/i.test(readErrorBody(body).error_description ?? '');
  return new RateLimited(label, now + delay, ofTokens ? 'tokens' : 'rate');
}

function readJson(body: Buffer): unknown {
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
function scopesOf(token: string): string[] | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  const claims = z.object({ scope: z.string() }).safeParse(readJson(Buffer.from(payload, 'base64url')));
  return claims.success ? splitScopes(claims.data.scope) : undefined;
}
