import { sleep as sleepFor } from '../async';
import type { JsonObject } from '../json';
import { BadCredentials, type CredentialsProblem, RateLimited, Transient, UnexpectedAnswer } from './errors';
import { createHttpClient, type HttpOptions, type HttpResponse, type RequestObserver, type WaitReason } from './http';
import type { Pacer } from './rate-limit/pacer';
import { readRateLimitHeaders, readRateLimitRefusal, readServerTime } from './rate-limit/rate-limit-headers';
import { encodeQuery, type ListRequest, type ObjectRequest, type Page, toRouteTemplate } from './request';
import { classifyResponse, parseObject, parsePage } from './response';
import type { TokenSource } from './token';

export type ClientLog = (
  level: 'debug' | 'info' | 'warn',
  message: string,
  fields: Record<string, string | number>,
) => void;

export interface Auth0ClientOptions extends HttpOptions {
  /** Origin of the tenant, without a slash at the end: `https://acme.eu.auth0.com`. */
  baseUrl: string;
  tokenSource: TokenSource;
  pacer: Pacer;
  /** Longest wait in place for the tenant's limit, ms; beyond it a request is RateLimited. Default 60,000. */
  maxWaitMs?: number;
  /** Further tries in place after a Transient or UnexpectedAnswer. Default 3. */
  retries?: number;
  log?: ClientLog;
  observer?: RequestObserver;
  /** Clock, epoch ms. */
  now?: () => number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1. */
  random?: () => number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Told when a wait of a second or more begins; `until` is epoch ms. */
  onWait?: (until: number, reason: WaitReason) => void;
  /** Told of every request that is sent for the call, repeats included. */
  onRequest?: () => void;
}

export interface ClientStats {
  /** Sent to the Management API. */
  requests: number;
  /** Of these, repeated after a failure. */
  retries: number;
  /** Of these, answered 429. */
  rateLimited: number;
  /** Of these, answered with what was asked for. */
  succeeded: number;
}

export interface Auth0Client {
  /** Reads one page. Throws the classes of errors.ts, or the signal's reason. */
  getPage(request: ListRequest, options?: CallOptions): Promise<Page>;
  /** Reads one object, checked to carry its key. Throws as `list` does; Gone when there is no such object. */
  getObject(request: ObjectRequest, options?: CallOptions): Promise<JsonObject>;
  /** Scopes that the token carries; undefined when that is not known. */
  getScopes(options?: CallOptions): Promise<string[] | undefined>;
  getStats(): ClientStats;
  /** Closes all connections. */
  close(): void;
}

const maxRetryPauseMs = 30_000;

/** The Management API of one tenant. Keeps one set of connections, one token and one pacer for all that use it. */
export function createAuth0Client(options: Auth0ClientOptions): Auth0Client {
  const { baseUrl, tokenSource, pacer, maxWaitMs = 60_000, retries = 3, log = () => {}, observer } = options;
  const { now = Date.now, sleep = sleepFor, random = Math.random } = options;
  const http = createHttpClient(options);
  const stats: ClientStats = { requests: 0, retries: 0, rateLimited: 0, succeeded: 0 };

  /** Sends one request when the pacer lets it; any status but 200 is thrown, a 429 is waited for. */
  async function send(
    { path, query }: GetRequest,
    label: string,
    { signal, onWait, onRequest }: CallOptions,
  ): Promise<HttpResponse> {
    const url = `${baseUrl}/api/v2/${path}${query ? `?${encodeQuery(query)}` : ''}`;
    let giveUpAt: number | undefined;
    for (;;) {
      const token = await tokenSource.getToken(signal);
      const asked = now();
      const slot = await pacer.acquire(toRouteTemplate(path), label, {
        signal,
        maxWaitMs,
        onWait: onWait && ((until) => onWait(until, 'limit')),
      });
      observer?.onWaitEnd('limit', now() - asked);
      stats.requests += 1;
      onRequest?.();
      let answer: HttpResponse;
      try {
        const headers = { authorization: `Bearer ${token}` };
        answer = await http.send({ method: 'GET', url, label, headers, signal });
      } catch (error) {
        slot.recordFailure();
        throw error;
      }
      if (answer.status !== 429) {
        slot.recordResponse(readRateLimitHeaders(answer.headers, now()));
        if (answer.status === 200) {
          stats.succeeded += 1;
          return answer;
        }
        const refusal = classifyResponse(label, answer);
        const renewable = answer.status === 401 && refusal instanceof BadCredentials && tokenSource.invalidate(token);
        throw renewable ? new StaleToken(refusal.problem) : refusal;
      }
      stats.rateLimited += 1;
      const retryAt = slot.recordRefusal(readRateLimitRefusal(answer.headers, now()));
      giveUpAt ??= now() + maxWaitMs;
      if (retryAt > giveUpAt) throw new RateLimited(label, retryAt);
      log('debug', 'rate limit reached', { request: label, waitMs: retryAt - now() });
    }
  }

  /** Repeats `attempt` after failures that may pass. */
  async function persist<T>(label: string, call: CallOptions, attempt: () => Promise<T>): Promise<T> {
    const { signal, onWait } = call;
    const giveUpAt = now() + maxWaitMs;
    let failures = 0;
    let renewed = false;
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
          if (renewed) throw new BadCredentials(freshTokenProblems[error.problem] ?? error.problem);
          renewed = true;
        } else if (error instanceof RateLimited && error.retryAt <= giveUpAt) {
          await pause(Math.max(0, error.retryAt - now()), 'limit');
        } else if ((error instanceof Transient || error instanceof UnexpectedAnswer) && failures < retries) {
          failures += 1;
          stats.retries += 1;
          log('warn', error.message, { request: label, failures });
          await pause(random() * Math.min(maxRetryPauseMs, 500 * 2 ** failures), 'failure');
        } else {
          throw error;
        }
      }
    }
  }

  /** Asks until `read` takes the answer, or there is none to be had. */
  function get<T>(
    request: GetRequest,
    call: CallOptions,
    read: (answer: HttpResponse, label: string) => T,
  ): Promise<T> {
    const label = `GET ${toRouteTemplate(request.path)}`;
    return persist(label, call, async () => read(await send(request, label, call), label));
  }

  return {
    getPage: (request, call = {}) =>
      get(request, call, ({ body, headers }, label) => parsePage(request, label, body, readServerTime(headers, now()))),
    getObject: (request, call = {}) => get(request, call, ({ body }, label) => parseObject(request, label, body)),
    getScopes: (call = {}) => persist('POST /oauth/token', call, () => tokenSource.getScopes(call.signal)),
    getStats: () => ({ ...stats }),
    close() {
      http.close();
      tokenSource.close();
    },
  };
}

type GetRequest = Pick<ListRequest, 'path'> & Partial<Pick<ListRequest, 'query'>>;

/** The token was answered 401 and a fresh one can be had. */
class StaleToken extends Error {
  constructor(readonly problem: CredentialsProblem) {
    super();
  }
}

/** What it means of a token that was fetched a moment ago. */
const freshTokenProblems: Partial<Record<CredentialsProblem, CredentialsProblem>> = {
  expired_token: 'refused_fresh_token',
  refused_token: 'refused_fresh_token',
};
