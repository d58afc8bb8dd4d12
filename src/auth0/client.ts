import type { JsonObject } from '../json';
import { readOne, readPage } from './envelope';
import { BadCredentials, type CredentialsProblem, RateLimited, Transient, UnexpectedAnswer } from './errors';
import { createHttp, type HttpAnswer, type HttpOptions } from './http';
import type { Observer, WaitReason } from './observer';
import type { Pacer } from './pacer';
import { readRateLimit, readRefusal, serverTime } from './rate-limit';
import { refusalOf } from './refusal';
import type { ListRequest, ObjectRequest, Page } from './request';
import { encodeQuery, templateOf } from './route';
import type { TokenSource } from './token';
import { sleep as sleepFor } from './waiting';

export type Log = (level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, string | number>) => void;

export interface Auth0ClientOptions extends HttpOptions {
  /** Origin of the tenant, without a slash at the end: `https://acme.eu.auth0.com`. */
  baseUrl: string;
  tokens: TokenSource;
  pacer: Pacer;
  /** Longest wait in place for the tenant's limit, ms; beyond it a request is RateLimited. Default 60,000. */
  maxWaitMs?: number;
  /** Further tries in place after a Transient or UnexpectedAnswer. Default 3. */
  retries?: number;
  log?: Log;
  observer?: Observer;
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
  answered: number;
}

export interface Auth0Client {
  /** Reads one page. Throws the classes of errors.ts, or the signal's reason. */
  list(request: ListRequest, options?: CallOptions): Promise<Page>;
  /** Reads one object, checked to carry its key. Throws as `list` does; Gone when there is no such object. */
  one(request: ObjectRequest, options?: CallOptions): Promise<JsonObject>;
  /** Scopes that the token carries; undefined when that is not known. */
  scopes(options?: CallOptions): Promise<string[] | undefined>;
  stats(): ClientStats;
  /** Closes all connections. */
  close(): void;
}

const longestPauseMs = 30_000;

/** The Management API of one tenant. Keeps one set of connections, one token and one pacer for all that use it. */
export function createAuth0Client(options: Auth0ClientOptions): Auth0Client {
  const { baseUrl, tokens, pacer, maxWaitMs = 60_000, retries = 3, log = () => {}, observer } = options;
  const { now = Date.now, sleep = sleepFor, random = Math.random } = options;
  const http = createHttp(options);
  const stats: ClientStats = { requests: 0, retries: 0, rateLimited: 0, answered: 0 };

  /** Sends one request when the pacer lets it; any status but 200 is thrown, a 429 is waited for. */
  async function send(
    { path, query }: GetRequest,
    label: string,
    { signal, onWait, onRequest }: CallOptions,
  ): Promise<HttpAnswer> {
    const url = `${baseUrl}/api/v2/${path}${query ? `?${encodeQuery(query)}` : ''}`;
    let giveUpAt: number | undefined;
    for (;;) {
      const token = await tokens.token(signal);
      const asked = now();
      const slot = await pacer.acquire(templateOf(path), label, {
        signal,
        maxWaitMs,
        onWait: onWait && ((until) => onWait(until, 'limit')),
      });
      observer?.waited('limit', now() - asked);
      stats.requests += 1;
      onRequest?.();
      let answer: HttpAnswer;
      try {
        const headers = { authorization: `Bearer ${token}` };
        answer = await http.send({ method: 'GET', url, label, headers, signal });
      } catch (error) {
        slot.failed();
        throw error;
      }
      if (answer.status !== 429) {
        slot.answered(readRateLimit(answer.headers, now()));
        if (answer.status === 200) {
          stats.answered += 1;
          return answer;
        }
        const refusal = refusalOf(label, answer);
        const renewable = answer.status === 401 && refusal instanceof BadCredentials && tokens.invalidate(token);
        throw renewable ? new StaleToken(refusal.problem) : refusal;
      }
      stats.rateLimited += 1;
      const retryAt = slot.refused(readRefusal(answer.headers, now()));
      giveUpAt ??= now() + maxWaitMs;
      if (retryAt > giveUpAt) throw new RateLimited(label, retryAt);
      log('debug', 'rate limit met', { request: label, waitMs: retryAt - now() });
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
      observer?.waited(reason, ms);
    };
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof StaleToken) {
          if (renewed) throw new BadCredentials(afresh[error.problem] ?? error.problem);
          renewed = true;
        } else if (error instanceof RateLimited && error.retryAt <= giveUpAt) {
          await pause(Math.max(0, error.retryAt - now()), 'limit');
        } else if ((error instanceof Transient || error instanceof UnexpectedAnswer) && failures < retries) {
          failures += 1;
          stats.retries += 1;
          log('warn', error.message, { request: label, failures });
          await pause(random() * Math.min(longestPauseMs, 500 * 2 ** failures), 'failure');
        } else {
          throw error;
        }
      }
    }
  }

  /** Asks until `read` takes the answer, or there is none to be had. */
  function get<T>(request: GetRequest, call: CallOptions, read: (answer: HttpAnswer, label: string) => T): Promise<T> {
    const label = `GET ${templateOf(request.path)}`;
    return persist(label, call, async () => read(await send(request, label, call), label));
  }

  return {
    list: (request, call = {}) =>
      get(request, call, ({ body, headers }, label) => readPage(request, label, body, serverTime(headers, now()))),
    one: (request, call = {}) => get(request, call, ({ body }, label) => readOne(request, label, body)),
    scopes: (call = {}) => persist('POST /oauth/token', call, () => tokens.scopes(call.signal)),
    stats: () => ({ ...stats }),
    close() {
      http.close();
      tokens.close();
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
const afresh: Partial<Record<CredentialsProblem, CredentialsProblem>> = {
  expired_token: 'refused_fresh_token',
  refused_token: 'refused_fresh_token',
};
