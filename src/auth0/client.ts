import { sleep } from '../async';
import type { JsonObject } from '../json';
import { BadCredentials, type CredentialsProblem, RateLimited, Transient, UnexpectedAnswer } from './errors';
import {
  createHttpClient,
  type HttpClient,
  type HttpOptions,
  type HttpResponse,
  type RequestObserver,
  type WaitReason,
} from './http';
import type { Pacer } from './rate-limit/pacer';
import { readRateLimitHeaders, readRateLimitRefusal, readServerTime } from './rate-limit/rate-limit-headers';
import {
  describeRequest,
  encodeQuery,
  type ListRequest,
  type ObjectRequest,
  type Page,
  toRouteTemplate,
} from './request';
import { classifyResponse, parseObject, parsePage } from './response';
import type { TokenSource } from './token';

export interface Auth0ClientOptions extends HttpOptions {
  /** Origin of the tenant, without a trailing slash: `https://acme.eu.auth0.com`. */
  baseUrl: string;
  tokenSource: TokenSource;
  pacer: Pacer;
  /** Longest wait for the tenant's rate limit, ms; a longer one throws RateLimited. Default 60,000. */
  maxWaitMs?: number;
  /** Number of retries after Transient or UnexpectedAnswer. Default 3. */
  retries?: number;
  observer?: RequestObserver;
  /** Clock, epoch ms. */
  now?: () => number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1. */
  random?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Called when a wait of a second or more starts; `until` is epoch ms. */
  onWait?: (until: number, reason: WaitReason) => void;
  /** Called for every request that the call sends, retries included. */
  onRequest?: () => void;
}

/** Counts of requests to the Management API. */
export interface ClientStats {
  requests: number;
  /** Requests repeated after a failure. */
  retries: number;
  /** Requests answered with 429. */
  rateLimited: number;
  /** Requests answered with 200. */
  succeeded: number;
}

export interface Auth0Client {
  /** Reads one page. Throws the classes of errors.ts, or the signal's reason. */
  getPage(request: ListRequest, options?: CallOptions): Promise<Page>;
  /** Reads one object and checks its key. Throws as `getPage` does; Gone when the object does not exist. */
  getObject(request: ObjectRequest, options?: CallOptions): Promise<JsonObject>;
  /** The token's scopes; undefined when unknown. */
  getScopes(options?: CallOptions): Promise<string[] | undefined>;
  getStats(): ClientStats;
  /** Closes all connections. */
  close(): void;
}

/** A client for one tenant's Management API. All its callers share one connection pool, token and pacer. */
export function createAuth0Client(options: Auth0ClientOptions): Auth0Client {
  const context: ClientContext = {
    maxWaitMs: 60_000,
    retries: 3,
    now: Date.now,
    sleep,
    random: Math.random,
    ...options,
    http: createHttpClient(options),
    stats: { requests: 0, retries: 0, rateLimited: 0, succeeded: 0 },
  };
  const { tokenSource, http, now } = context;

  /** Repeats the request until `parse` accepts the response or the failure is final. */
  function get<Result>(
    request: GetRequest,
    call: CallOptions,
    parse: (response: HttpResponse) => Result,
  ): Promise<Result> {
    return retryRequest(context, call, async () => parse(await sendRequest(context, request, call)));
  }

  return {
    getPage: (request, call = {}) =>
      get(request, call, ({ body, headers }) => parsePage(request, body, readServerTime(headers, now()))),
    getObject: (request, call = {}) => get(request, call, ({ body }) => parseObject(request, body)),
    getScopes: (call = {}) => retryRequest(context, call, () => tokenSource.getScopes(call.signal)),
    getStats: () => ({ ...context.stats }),
    close() {
      http.close();
      tokenSource.close();
    },
  };
}

type GetRequest = ObjectRequest & Partial<ListRequest>;

type ClientContext = Auth0ClientOptions &
  Required<Pick<Auth0ClientOptions, 'maxWaitMs' | 'retries' | 'now' | 'sleep' | 'random'>> & {
    http: HttpClient;
    stats: ClientStats;
  };

/** Sends a request within the tenant's rate limit and repeats it after a 429. Throws for any other status but 200. */
async function sendRequest(
  { baseUrl, tokenSource, pacer, maxWaitMs, http, stats, observer, now }: ClientContext,
  { path, query }: GetRequest,
  { signal, onWait, onRequest }: CallOptions,
): Promise<HttpResponse> {
  const label = describeRequest(path);
  const url = `${baseUrl}/api/v2/${path}${query ? `?${encodeQuery(query)}` : ''}`;
  let giveUpAt: number | undefined;
  for (;;) {
    const token = await tokenSource.getToken(signal);
    const waitingSince = now();
    const slot = await pacer.acquire(toRouteTemplate(path), label, {
      signal,
      maxWaitMs,
      onWait: onWait && ((until) => onWait(until, 'rateLimit')),
    });
    observer?.onWaitEnd('rateLimit', now() - waitingSince);
    stats.requests += 1;
    onRequest?.();
    const headers = { authorization: `Bearer ${token}` };
    const response = await http.send({ method: 'GET', url, label, headers, signal }).catch((error: unknown) => {
      slot.recordFailure();
      throw error;
    });
    if (response.status === 429) {
      stats.rateLimited += 1;
      const retryAt = slot.recordRefusal(readRateLimitRefusal(response.headers, now()));
      giveUpAt ??= now() + maxWaitMs;
      if (retryAt > giveUpAt) throw new RateLimited(label, retryAt);
      continue;
    }
    slot.recordResponse(readRateLimitHeaders(response.headers, now()));
    if (response.status === 200) {
      stats.succeeded += 1;
      return response;
    }
    const error = classifyResponse(label, response);
    const isRenewable = response.status === 401 && error instanceof BadCredentials && tokenSource.invalidate(token);
    throw isRenewable ? new StaleToken(error.problem) : error;
  }
}

const maxRetryPauseMs = 30_000;

/** Repeats `attempt` after transient failures with an exponential backoff, and once with a new token. */
async function retryRequest<Result>(
  { maxWaitMs, retries, stats, observer, now, sleep, random }: ClientContext,
  { signal, onWait }: CallOptions,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const giveUpAt = now() + maxWaitMs;
  let failures = 0;
  let isTokenRenewed = false;
  const pause = async (ms: number, reason: WaitReason): Promise<void> => {
    if (ms >= 1_000) onWait?.(now() + ms, reason);
    await sleep(ms, signal);
    observer?.onWaitEnd(reason, ms);
  };
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof StaleToken) {
        if (isTokenRenewed) throw new BadCredentials(freshTokenProblems[error.problem] ?? error.problem);
        isTokenRenewed = true;
      } else if (error instanceof RateLimited && error.retryAt <= giveUpAt) {
        await pause(Math.max(0, error.retryAt - now()), 'rateLimit');
      } else if ((error instanceof Transient || error instanceof UnexpectedAnswer) && failures < retries) {
        failures += 1;
        stats.retries += 1;
        await pause(random() * Math.min(maxRetryPauseMs, 500 * 2 ** failures), 'retry');
      } else {
        throw error;
      }
    }
  }
}

/** Auth0 answered 401 to the token, and the token source can request another. */
class StaleToken extends Error {
  constructor(readonly problem: CredentialsProblem) {
    super();
  }
}

/** The meaning of a problem when the token was issued a moment ago. */
const freshTokenProblems: Partial<Record<CredentialsProblem, CredentialsProblem>> = {
  expired_token: 'refused_fresh_token',
  refused_token: 'refused_fresh_token',
};
